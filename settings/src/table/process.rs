//! The process as the system sees it: supervision, title, priorities, signals.

use crate::choices::{OomScoreAdj, Supervised};
use crate::kind::{Kind, checks};
use crate::table::section;
use crate::value::{ShutdownOptions, Text};

section! {
    "Process";

    /// Runs in the background.
    daemonize: bool = "no", Kind::SWITCH, at_start, works;
    /// The supervisor to tell when the server is ready.
    supervised: Supervised = "no", Kind::one_of::<Supervised>(), at_start, works;
    /// Shows the server's state as the title of the process.
    set_proc_title: bool = "yes", Kind::SWITCH, at_start, works;
    /// The title of the process, with variables in braces.
    proc_title_template: Text = "{title} {listen-addr} {server-mode}", Kind::Text(checks::title_template), works;
    /// Seconds that a shutdown waits for replicas that lag behind.
    shutdown_timeout: u32 = "10", Kind::SMALL, works;
    /// How the server goes down on SIGINT.
    shutdown_on_sigint: ShutdownOptions = "default", Kind::Shutdown, works;
    /// How the server goes down on SIGTERM.
    shutdown_on_sigterm: ShutdownOptions = "default", Kind::Shutdown, works;
    /// Adjusts the score by which the kernel chooses a process to kill when memory runs out.
    oom_score_adj: OomScoreAdj = "no", Kind::one_of::<OomScoreAdj>(), works;
    /// The scores of a master, a replica and a background child.
    oom_score_adj_values: [i32; 3] = "0 200 800", Kind::OomScores, works;
    /// Turns transparent huge pages off for the process.
    disable_thp: bool = "yes", Kind::SWITCH, at_start;
    /// Lets the allocator return memory in a thread of its own.
    jemalloc_bg_thread: bool = "yes", Kind::SWITCH;
    /// The cores on which the serving threads may run.
    server_cpulist: Text = "", Kind::TEXT, at_start, aliases(&["server_cpulist"]);
    /// The cores on which background threads may run.
    bio_cpulist: Text = "", Kind::TEXT, at_start, aliases(&["bio_cpulist"]);
    /// The cores on which the log is rewritten.
    aof_rewrite_cpulist: Text = "", Kind::TEXT, at_start, aliases(&["aof_rewrite_cpulist"]);
    /// The cores on which snapshots are written.
    bgsave_cpulist: Text = "", Kind::TEXT, at_start, aliases(&["bgsave_cpulist"]);
    /// Start-up warnings to leave out, separated by blanks.
    ignore_warnings: Text = "", Kind::TEXT;
}
