//! Threads, databases, the working directory and the server's clock rate.

use crate::kind::Kind;
use crate::table::section;
use crate::value::Text;

section! {
    "General";

    /// The number of databases that SELECT can choose from.
    databases: i32 = "16", Kind::integer(1, i32::MAX as i64), at_start, works;
    /// The directory of all data files, and where relative paths start.
    dir: Text = "./", Kind::Directory, protected, works, deny_loading;
    /// The file that holds the process id while the server runs.
    pidfile: Text = "", Kind::TEXT, at_start, works;
    /// Prints the logo at every start, also where the log is not a terminal.
    always_show_logo: bool = "no", Kind::SWITCH, at_start, works;
    /// Threads that serve clients and run commands; 0 starts one per core.
    core_threads: u32 = "0", Kind::integer(0, 1024), at_start, own, works;
    /// The version that INFO and HELLO report, since clients choose features by it.
    redis_version_reported: Text = "8.0.6", Kind::TEXT, at_start, own, works;
    /// How often per second background work runs, such as expiring keys and closing idle clients; 1 to 500.
    hz: u32 = "10", Kind::Clamped { low: 1, high: 500 }, works;
    /// Raises the rate of background work with the number of clients.
    dynamic_hz: bool = "yes", Kind::SWITCH, works;
    /// Threads for reading and writing sockets; this server sizes its threads by core-threads instead.
    io_threads: u32 = "1", Kind::integer(1, 128), at_start;
    /// The locale in which strings are compared where that is asked for.
    locale_collate: Text = "", Kind::TEXT;
}
