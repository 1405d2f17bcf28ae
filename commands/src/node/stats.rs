//! Statistics of one core: it alone writes, with plain stores on its own cache lines; readers sum over cores.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one thread counts and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds; only for the one writer.
    #[inline]
    pub fn add(&self, delta: u64) {
        self.0.store(self.0.load(Relaxed) + delta, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Back to 0 (CONFIG RESETSTAT); a count at the same moment may be lost.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }

    /// Becomes `value` where that is more; only for the one writer.
    #[inline]
    pub fn raise(&self, value: u64) {
        if value > self.0.load(Relaxed) {
            self.0.store(value, Relaxed);
        }
    }

    /// Any value; only for the one writer.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// Statistics of one command on one core.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct CommandStats {
    pub calls: Count,
    pub ns: Count,
    pub rejected: Count,
    pub failed: Count,
    /// Buckets of the latency distribution, made at the first call; see [`Histogram`].
    pub histogram: std::sync::OnceLock<Box<Histogram>>,
}

/// Latencies in buckets of a quarter of a power of two, from 1 ns on: 3% off at most in the middle of a bucket.
#[derive(Debug)]
pub struct Histogram([Count; Self::BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Count::default()))
    }
}

impl Histogram {
    const SUB_BITS: u32 = 2;
    const BUCKETS: usize = 40 << Self::SUB_BITS;

    /// Counts one latency.
    #[inline]
    pub fn record(&self, ns: u64) {
        let ns = ns.max(1 << Self::SUB_BITS);
        let exponent = 63 - ns.leading_zeros();
        let sub = ns >> (exponent - Self::SUB_BITS) & ((1 << Self::SUB_BITS) - 1);
        let bucket = (u64::from(exponent - Self::SUB_BITS) << Self::SUB_BITS | sub) as usize;
        self.0[bucket.min(Self::BUCKETS - 1)].add(1);
    }

    /// The buckets with something in them: their upper bounds (exclusive, ns) and counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().enumerate().filter(|(_, count)| count.get() > 0).map(|(bucket, count)| {
            let exponent = (bucket >> Self::SUB_BITS) as u32;
            let sub = bucket as u64 & ((1 << Self::SUB_BITS) - 1);
            (((1 << Self::SUB_BITS) + sub + 1) << exponent, count.get())
        })
    }

    /// The buckets of several together, in order: their upper bounds (exclusive, ns) and counts.
    pub fn merged<'a>(histograms: impl Iterator<Item = &'a Self>) -> Vec<(u64, u64)> {
        let mut merged = std::collections::BTreeMap::new();
        for (bound, count) in histograms.flat_map(Self::buckets) {
            *merged.entry(bound).or_default() += count;
        }
        merged.into_iter().collect()
    }

    /// Back to nothing.
    pub fn reset(&self) {
        self.0.iter().for_each(Count::reset);
    }
}

/// See the module's head.
#[derive(Debug)]
#[repr(align(128))]
#[allow(missing_docs)]
pub struct CoreStats {
    pub commands: Count,
    pub hits: Count,
    pub misses: Count,
    pub dirty: Count,
    pub expired: Count,
    pub expired_fields: Count,
    pub evicted: Count,
    /// Active expiry ended for want of time.
    pub expire_cap_reached: Count,
    /// Time spent on active expiry.
    pub expire_ns: Count,
    /// Expired keys among those with a deadline, in hundredths of a percent, a running average.
    pub expire_stale: Count,
    pub errors: Count,
    pub net_input_bytes: Count,
    pub net_output_bytes: Count,
    pub reads: Count,
    pub writes: Count,
    pub connections: Count,
    pub ticks: Count,
    /// Time spent on ticks.
    pub cron_ns: Count,
    /// Time spent on writing the log.
    pub log_ns: Count,
    /// Of all batches of requests: the longest time, and the most commands.
    pub longest_batch_ns: Count,
    pub most_commands: Count,
    /// Bytes that the interpreter of EVAL uses.
    pub script_bytes: Count,
    /// Bytes that the interpreter of FCALL uses.
    pub function_bytes: Count,
    pub by_command: Box<[CommandStats]>,
}

impl CoreStats {
    pub(crate) fn new(commands: usize) -> Self {
        Self {
            commands: Count::default(),
            hits: Count::default(),
            misses: Count::default(),
            dirty: Count::default(),
            expired: Count::default(),
            expired_fields: Count::default(),
            evicted: Count::default(),
            expire_cap_reached: Count::default(),
            expire_ns: Count::default(),
            expire_stale: Count::default(),
            errors: Count::default(),
            net_input_bytes: Count::default(),
            net_output_bytes: Count::default(),
            reads: Count::default(),
            writes: Count::default(),
            connections: Count::default(),
            ticks: Count::default(),
            cron_ns: Count::default(),
            log_ns: Count::default(),
            longest_batch_ns: Count::default(),
            most_commands: Count::default(),
            script_bytes: Count::default(),
            function_bytes: Count::default(),
            by_command: (0..commands).map(|_| CommandStats::default()).collect(),
        }
    }
}

impl CommandStats {
    fn reset(&self) {
        for count in [&self.calls, &self.ns, &self.rejected, &self.failed] {
            count.reset();
        }
        self.reset_histogram();
    }

    fn reset_histogram(&self) {
        if let Some(histogram) = self.histogram.get() {
            histogram.reset();
        }
    }
}

impl CoreStats {
    /// All but the modifications, which count towards the next snapshot.
    fn reset(&self) {
        let counts = [
            &self.commands,
            &self.hits,
            &self.misses,
            &self.expired,
            &self.expired_fields,
            &self.evicted,
            &self.expire_cap_reached,
            &self.expire_ns,
            &self.expire_stale,
            &self.errors,
            &self.net_input_bytes,
            &self.net_output_bytes,
            &self.reads,
            &self.writes,
            &self.connections,
            &self.ticks,
            &self.cron_ns,
            &self.log_ns,
            &self.longest_batch_ns,
            &self.most_commands,
        ];
        counts.into_iter().for_each(Count::reset);
        self.by_command.iter().for_each(CommandStats::reset);
    }
}

impl super::Node {
    /// CONFIG RESETSTAT.
    pub(crate) fn reset_statistics(&self) {
        for core in &self.cores {
            core.reset();
        }
        self.errors.clear();
        self.errors_stopped.store(false, Relaxed);
        self.care.reset();
        self.reset_rejected_connections();
        self.acl.reset_denied();
        self.monitoring.rates.lock().reset();
        self.memory_peak.store(self.used_memory(), Relaxed);
        keyspace::object::reset_lazy_freed();
    }

    /// Forgets all latency distributions.
    pub(crate) fn reset_histograms(&self) {
        self.cores.iter().flat_map(|core| &core.by_command).for_each(CommandStats::reset_histogram);
    }
}
