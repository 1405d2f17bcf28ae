//! Settings that only tests and debugging use; patterns of CONFIG GET do not show them.

use crate::kind::Kind;
use crate::table::section;

/// Microseconds; a negative number waits once per so many keys.
const DELAY: Kind = Kind::integer(i32::MIN as i64, i32::MAX as i64);

section! {
    "Testing";

    /// Microseconds to wait after each key written to a snapshot.
    rdb_key_save_delay: i32 = "0", DELAY, hidden, works;
    /// Microseconds to wait after each key loaded.
    key_load_delay: i32 = "0", DELAY, hidden, works;
    /// Bytes read from a data file between two looks at the clients, who are told that it is being loaded.
    loading_process_events_interval_bytes: u64 = "524288", Kind::integer(1024, i32::MAX as i64), hidden;
    /// Milliseconds between pings of cluster nodes; 0 takes the usual rate.
    cluster_ping_interval: u64 = "0", Kind::COUNT, hidden;
    /// Milliseconds that a command may run before its stack is logged; 0 logs none.
    watchdog_period: u32 = "0", Kind::SMALL, hidden;
    /// Exits instead of aborting when the server finds itself in an impossible state.
    use_exit_on_panic: bool = "no", Kind::SWITCH, hidden, works;
}
