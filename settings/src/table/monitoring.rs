//! Slow commands and latency.

use std::sync::Arc;

use crate::kind::Kind;
use crate::table::section;

section! {
    "Monitoring";

    /// Microseconds from which SLOWLOG records a command; 0 records all, -1 none.
    slowlog_log_slower_than: i64 = "10000", Kind::integer(-1, i64::MAX), works;
    /// How many commands SLOWLOG keeps.
    slowlog_max_len: u64 = "128", Kind::COUNT, works;
    /// Milliseconds from which LATENCY records an event; 0 records none.
    latency_monitor_threshold: u64 = "0", Kind::COUNT, works;
    /// Keeps a histogram of latency for each command.
    latency_tracking: bool = "yes", Kind::SWITCH, works;
    /// The percentiles of latency that INFO shows.
    latency_tracking_info_percentiles: Arc<[f64]> = "50 99 99.9", Kind::Percentiles, works;
}
