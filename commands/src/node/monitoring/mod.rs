//! What operators watch: slow commands, latency events, MONITOR, rates.

pub mod latency;
pub mod monitor;
pub mod rates;
pub mod slowlog;
pub(crate) mod trim;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use settings::Settings;

use crate::client::Client;
use crate::request::Request;
use crate::spec::flag;
use latency::Latency;
use monitor::Monitors;
use rates::Rates;
use slowlog::SlowLog;

/// See the module's head.
pub struct Monitoring {
    /// A command that takes as long is looked at: the smaller of the two thresholds.
    slow_ns: AtomicU64,
    /// SLOWLOG.
    pub slow_log: SlowLog,
    /// LATENCY.
    pub latency: Latency,
    /// MONITOR.
    pub monitors: Monitors,
    /// Commands, bytes, ... per second.
    pub rates: Mutex<Rates>,
    /// Memory in use when the start-up was done; 0 until core 0 ticks.
    pub startup_bytes: AtomicU64,
    /// Modifications before this count are saved: CONFIG RESETSTAT does not touch it.
    pub saved_dirty: AtomicU64,
    /// DEBUG SLEEP is under way: work by the clock would wait for its locks and be blamed for that.
    pub asleep: AtomicBool,
    /// DEBUG PAUSE-CRON.
    pub cron_paused: AtomicBool,
    /// `used_cpu_*_main_thread`: microseconds of core 0's thread, system and user.
    pub main_thread_us: [AtomicI64; 2],
    /// Replication ID, which DEBUG CHANGE-REPL-ID renews.
    pub replication_id: Mutex<String>,
}

impl Monitoring {
    pub(crate) fn new(settings: &Settings, replication_id: String) -> Self {
        let monitoring = Self {
            slow_ns: AtomicU64::new(u64::MAX),
            slow_log: SlowLog::default(),
            latency: Latency::default(),
            monitors: Monitors::default(),
            rates: Mutex::default(),
            startup_bytes: AtomicU64::new(0),
            saved_dirty: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            cron_paused: AtomicBool::new(false),
            main_thread_us: [AtomicI64::new(0), AtomicI64::new(0)],
            replication_id: Mutex::new(replication_id),
        };
        monitoring.follow(settings);
        monitoring
    }

    /// Takes the thresholds over from the settings.
    pub fn follow(&self, settings: &Settings) {
        let slow = u64::try_from(settings.slowlog_log_slower_than()).map_or(u64::MAX, |us| us.saturating_mul(1000));
        let late = match settings.latency_monitor_threshold() {
            0 => u64::MAX,
            ms => ms.saturating_mul(1_000_000),
        };
        self.slow_ns.store(slow.min(late), Relaxed);
    }

    /// The one compare on every command's path.
    #[inline]
    pub(crate) fn is_slow(&self, ns: u64) -> bool {
        ns >= self.slow_ns.load(Relaxed)
    }

    /// Records a command that `is_slow`.
    #[cold]
    pub(crate) fn record(&self, settings: &Settings, client: &Client, request: &Request<'_>, ns: u64, unix_ms: i64) {
        let command = request.row.command;
        let threshold_us = settings.slowlog_log_slower_than();
        if threshold_us >= 0 && (ns / 1000) as i64 >= threshold_us && !command.has(flag::SKIP_SLOWLOG) {
            self.slow_log.add(client, request, ns / 1000, unix_ms / 1000, settings.slowlog_max_len());
        }
        let event = if command.has(flag::FAST) { "fast-command" } else { "command" };
        self.latency.record(settings, event, ns / 1_000_000, unix_ms / 1000);
    }
}
