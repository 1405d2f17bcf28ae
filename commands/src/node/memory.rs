//! How much memory is in use, cheaply enough to be asked before every command.
//!
//! The allocator counts what each thread allocates and frees; a thread reads its own two counters without a call.
//! `used_memory` = what threads have published + what this thread has not yet + the remainder + pooled bytes, where
//! - a thread publishes once it has collected `PUBLISH_STEP`, and at every tick;
//! - the remainder is what threads that never publish hold: once all cores have published, and before there is a
//!   client, it is what they leave of the allocator's own total (so the figure has no steps that are not memory); core
//!   0 compares each second, and follows when twice in a row they differ by more than the allocator's caches explain
//!   (once may be what a thread has taken and not published, as inside of a script);
//! - pooled bytes are records and tables in pages that the allocator knows nothing of, see `keyspace::memory`.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use settings::MaxmemoryPolicy;
use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};

use super::Node;
use super::core::Core;

/// What an eviction policy keeps in the access clock of each key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clock {
    /// It does not look at it.
    None,
    /// The time of the last access.
    Lru,
    /// A counter of accesses.
    Lfu,
}

/// The clock that a policy needs.
pub(crate) fn clock_of(policy: MaxmemoryPolicy) -> Clock {
    match policy {
        MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => Clock::Lru,
        MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu => Clock::Lfu,
        _ => Clock::None,
    }
}

/// A core's view of the others is at most this far off for each of them.
const PUBLISH_STEP: i64 = 16 * 1024;
/// The allocator's own total lags by what its caches per thread hold, up to this.
const CACHES_MAX: i64 = 2 * 1024 * 1024;
/// How often the total is looked at, which takes tens of microseconds.
const COMPARE_EVERY_MS: i64 = 1000;

/// What all threads have published.
static PUBLISHED: AtomicI64 = AtomicI64::new(0);
/// What the others hold.
static REMAINDER: AtomicI64 = AtomicI64::new(0);
/// The remainder as the last comparison found it.
static FOUND: AtomicI64 = AtomicI64::new(0);
static COMPARED_MS: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static COUNTERS: Option<Counters> = Counters::of_this_thread();
}

/// A thread's counters, and how much of them it has published.
struct Counters {
    allocated: ThreadLocal<u64>,
    freed: ThreadLocal<u64>,
    published: Cell<i64>,
}

impl Counters {
    /// None where the process has another allocator.
    fn of_this_thread() -> Option<Self> {
        let (allocated, freed) = (allocatedp::read().ok()?, deallocatedp::read().ok()?);
        Some(Self { allocated, freed, published: Cell::new(0) })
    }

    #[inline]
    fn unpublished(&self) -> i64 {
        self.allocated.get().wrapping_sub(self.freed.get()) as i64 - self.published.get()
    }

    fn publish(&self) {
        let delta = self.unpublished();
        self.published.set(self.published.get() + delta);
        PUBLISHED.fetch_add(delta, Relaxed);
    }
}

/// Adds what this thread allocated and freed to the total; for threads that free what others allocated.
pub fn publish_thread() {
    COUNTERS.with(|counters| counters.as_ref().map_or((), Counters::publish));
}

/// Bytes in use by everything, as `used_memory` in INFO shows them.
#[inline]
pub fn used_memory() -> u64 {
    let own = COUNTERS.with(|counters| {
        let Some(counters) = counters else { return 0 };
        if counters.unpublished().abs() > PUBLISH_STEP {
            counters.publish();
        }
        counters.unpublished()
    });
    if keyspace::memory::unpublished_pooled_bytes().abs() > PUBLISH_STEP {
        keyspace::memory::publish_pooled();
    }
    let pooled = keyspace::memory::pooled_bytes() + keyspace::memory::unpublished_pooled_bytes();
    (PUBLISHED.load(Relaxed) + own + REMAINDER.load(Relaxed) + pooled).max(0) as u64
}

/// What one thread allocated and did not free: the measure of an instance that shares its process with others.
#[cfg(test)]
pub(crate) fn used_by_thread() -> u64 {
    let net = COUNTERS
        .with(|counters| counters.as_ref().map_or(0, |counters| counters.unpublished() + counters.published.get()));
    (net + keyspace::memory::unpublished_pooled_bytes()).max(0) as u64
}

impl Node {
    /// Bytes in use.
    #[inline]
    pub fn used_memory(&self) -> u64 {
        (self.measure)()
    }
}

/// The part of a tick.
pub(super) fn refresh(node: &Node, core: &Core) {
    publish_thread();
    keyspace::memory::publish_pooled();
    let due_ms = COMPARED_MS.load(Relaxed) + COMPARE_EVERY_MS;
    if core.index == 0 && core.now.unix_ms >= due_ms {
        COMPARED_MS.store(core.now.unix_ms, Relaxed);
        if let Some(remainder) = remainder()
            && (FOUND.swap(remainder, Relaxed) - remainder).abs() <= CACHES_MAX
            && (remainder - REMAINDER.load(Relaxed)).abs() > CACHES_MAX
        {
            REMAINDER.store(remainder, Relaxed);
        }
        keyspace::pool::trim();
    }
    node.memory_peak.fetch_max(node.used_memory(), Relaxed);
}

/// Counts what there is as it is now: called once all cores have published, before the first client.
pub fn settle() {
    if let Some(remainder) = remainder() {
        REMAINDER.store(remainder, Relaxed);
    }
}

/// What the allocator's total is above what threads have published.
fn remainder() -> Option<i64> {
    let total = tikv_jemalloc_ctl::epoch::advance().and_then(|_| tikv_jemalloc_ctl::stats::allocated::read());
    Some((total.ok()? as i64 - PUBLISHED.load(Relaxed)).max(0))
}

/// Lets the thread that frees values in the background publish too.
pub(super) fn follow_lazy_free() {
    keyspace::memory::on_publish(publish_thread);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_allocations() {
        let before = used_by_thread();
        let block = vec![1_u8; 1 << 20];
        let grown = used_by_thread() - before;
        assert!(grown.abs_diff(1 << 20) < 65536, "{grown}");
        drop(block);
        assert!(used_by_thread().abs_diff(before) < 65536);
    }

    #[test]
    fn other_threads_are_seen_once_they_publish() {
        let before = PUBLISHED.load(Relaxed);
        let block = std::thread::spawn(|| {
            let block = vec![1_u8; 64 << 20];
            publish_thread();
            block
        });
        let block = block.join().expect("no panic");
        assert!(PUBLISHED.load(Relaxed) > before + (32 << 20));
        drop(block);
    }
}
