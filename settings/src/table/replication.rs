//! Following a master and feeding replicas.

use crate::choices::{PropagationErrorBehavior, ReplDisklessLoad};
use crate::kind::Kind;
use crate::table::section;
use crate::value::{Text, Words};

/// Seconds that must be at least one.
const PERIOD: Kind = Kind::integer(1, i32::MAX as i64);

section! {
    "Replication";

    /// The master to follow, as host and port; no one for none.
    replicaof: Words = "no one", Kind::Master, at_start, aliases(&["slaveof"]);
    /// The password to give to the master.
    masterauth: Text = "", Kind::TEXT, sensitive;
    /// The user to log in as at the master.
    masteruser: Text = "", Kind::TEXT, sensitive;
    /// Answers from old data while the master cannot be reached.
    replica_serve_stale_data: bool = "yes", Kind::SWITCH, aliases(&["slave-serve-stale-data"]);
    /// Refuses writes of clients on a replica.
    replica_read_only: bool = "yes", Kind::SWITCH, aliases(&["slave-read-only"]);
    /// Sends a full copy over the socket without a file in between.
    repl_diskless_sync: bool = "yes", Kind::SWITCH;
    /// Seconds to wait for more replicas before a full copy is sent.
    repl_diskless_sync_delay: u32 = "5", Kind::SMALL;
    /// The number of replicas at which a full copy is sent without more waiting; 0 always waits.
    repl_diskless_sync_max_replicas: u32 = "0", Kind::SMALL;
    /// How a replica takes a full copy without a file.
    repl_diskless_load: ReplDisklessLoad = "disabled", Kind::one_of::<ReplDisklessLoad>(), deny_loading;
    /// Sends a full copy and the changes since over two connections.
    repl_rdb_channel: bool = "yes", Kind::SWITCH, hidden;
    /// The most bytes of changes that a replica keeps while it takes a full copy; 0 sets no bound.
    replica_full_sync_buffer_limit: u64 = "0", Kind::MEMORY;
    /// Seconds between pings to replicas.
    repl_ping_replica_period: u32 = "10", PERIOD, aliases(&["repl-ping-slave-period"]);
    /// Seconds without a sign of life after which a link is given up.
    repl_timeout: u32 = "60", PERIOD;
    /// Gathers small writes to replicas into larger packets.
    repl_disable_tcp_nodelay: bool = "no", Kind::SWITCH;
    /// How much history is kept for replicas that come back.
    repl_backlog_size: u64 = "1mb", Kind::memory(1, i64::MAX as u64);
    /// Seconds after the last replica left until the history is dropped; 0 keeps it.
    repl_backlog_ttl: u64 = "3600", Kind::COUNT;
    /// The rank by which a replica is chosen as master; 0 is never chosen.
    replica_priority: u32 = "100", Kind::SMALL, aliases(&["slave-priority"]);
    /// Lets Sentinel see this replica.
    replica_announced: bool = "yes", Kind::SWITCH;
    /// The address that a replica gives to its master.
    replica_announce_ip: Text = "", Kind::TEXT, aliases(&["slave-announce-ip"]);
    /// The port that a replica gives to its master; 0 gives the real one.
    replica_announce_port: u16 = "0", Kind::PORT, aliases(&["slave-announce-port"]);
    /// Frees the old data in the background when a full copy replaces it.
    replica_lazy_flush: bool = "no", Kind::SWITCH, aliases(&["slave-lazy-flush"]);
    /// Keeps replicating when the disk refuses writes.
    replica_ignore_disk_write_errors: bool = "no", Kind::SWITCH;
    /// Replicas in good state without which writes are refused; 0 asks for none.
    min_replicas_to_write: u32 = "0", Kind::SMALL, aliases(&["min-slaves-to-write"]);
    /// Seconds of lag up to which a replica is in good state.
    min_replicas_max_lag: u32 = "10", Kind::SMALL, aliases(&["min-slaves-max-lag"]);
    /// What a replica does with a command of its master that fails.
    propagation_error_behavior: PropagationErrorBehavior = "ignore", Kind::one_of::<PropagationErrorBehavior>();
}
