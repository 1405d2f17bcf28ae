//! CLUSTER and its subcommands.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType, Command, flag};

const fn int(name: &'static str) -> ArgDoc {
    ArgDoc::new(name, ArgType::Integer)
}

const fn text(name: &'static str) -> ArgDoc {
    ArgDoc::new(name, ArgType::String)
}

/// All of them say the same before they look at an argument.
fn refuse(_: &mut Ctx<'_>, _: &mut Args<'_>) -> Result<()> {
    super::refused()
}

/// A row reads: summary, name, since, complexity, flags, and what else departs from the common case.
macro_rules! subcommands {
    ($(#[doc = $summary:literal] $id:ident = $name:literal, $since:literal, $complexity:literal, $($flag:ident)|+ $(, $field:ident: $value:expr)*;)+) => {
        pub(super) static CLUSTER: Command =
            Command::container("CLUSTER", "3.0.0", "Holds the commands about clusters.", &[$(&$id),+]);

        $(static $id: Command = Command {
            name: $name,
            since: $since,
            complexity: $complexity,
            flags: $(flag::$flag)|+,
            is_alone: true,
            summary: $summary.trim_ascii(),
            run: Some(refuse),
            $($field: $value,)*
            ..Command::BLANK
        };)+
    };
}

subcommands! {
    /// Gives slots to this node.
    ADDSLOTS = "ADDSLOTS", "3.0.0", "O(N) where N is the total number of hash slot arguments", ADMIN | NO_ASYNC_LOADING | STALE, args: &[int("slot").multiple()];
    /// Gives ranges of slots to this node.
    ADDSLOTSRANGE = "ADDSLOTSRANGE", "7.0.0", "O(N) where N is the total number of the slots between the start slot and end slot arguments.", ADMIN | NO_ASYNC_LOADING | STALE, args: &[ArgDoc::block("range", &[int("start-slot"), int("end-slot")]).multiple()];
    /// Raises this node's configuration epoch.
    BUMPEPOCH = "BUMPEPOCH", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, tips: &["nondeterministic_output"];
    /// Counts the nodes that report another one as failing.
    COUNT_FAILURE_REPORTS = "COUNT-FAILURE-REPORTS", "3.0.0", "O(N) where N is the number of failure reports", ADMIN | STALE, tips: &["nondeterministic_output"], args: &[text("node-id")];
    /// Counts the keys of a slot.
    COUNTKEYSINSLOT = "COUNTKEYSINSLOT", "3.0.0", "O(1)", STALE, args: &[int("slot")];
    /// Takes slots from this node.
    DELSLOTS = "DELSLOTS", "3.0.0", "O(N) where N is the total number of hash slot arguments", ADMIN | NO_ASYNC_LOADING | STALE, args: &[int("slot").multiple()];
    /// Takes ranges of slots from this node.
    DELSLOTSRANGE = "DELSLOTSRANGE", "7.0.0", "O(N) where N is the total number of the slots between the start slot and end slot arguments.", ADMIN | NO_ASYNC_LOADING | STALE, args: &[ArgDoc::block("range", &[int("start-slot"), int("end-slot")]).multiple()];
    /// Makes this replica the master of its shard.
    FAILOVER = "FAILOVER", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, args: &[ArgDoc::one_of("options", &[ArgDoc::token_only("force").token("FORCE"), ArgDoc::token_only("takeover").token("TAKEOVER")]).optional()];
    /// Takes all slots from this node.
    FLUSHSLOTS = "FLUSHSLOTS", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE;
    /// Removes a node from the list of known ones.
    FORGET = "FORGET", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, args: &[text("node-id")];
    /// Answers keys of a slot.
    GETKEYSINSLOT = "GETKEYSINSLOT", "3.0.0", "O(N) where N is the number of requested keys", STALE, tips: &["nondeterministic_output"], args: &[int("slot"), int("count")];
    /// Answers the subcommands with a line about each.
    HELP = "HELP", "5.0.0", "O(1)", LOADING | STALE;
    /// Answers the state of the cluster.
    INFO = "INFO", "3.0.0", "O(1)", STALE, tips: &["nondeterministic_output"];
    /// Answers the slot of a key.
    KEYSLOT = "KEYSLOT", "3.0.0", "O(N) where N is the number of bytes in the key", STALE, args: &[text("key")];
    /// Answers the connections to other nodes.
    LINKS = "LINKS", "7.0.0", "O(N) where N is the total number of Cluster nodes", STALE, tips: &["nondeterministic_output"];
    /// Makes this node know another one.
    MEET = "MEET", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, args: &[text("ip"), int("port"), int("cluster-bus-port").since("4.0.0").optional()];
    /// Answers this node's id.
    MYID = "MYID", "3.0.0", "O(1)", STALE;
    /// Answers the id of this node's shard.
    MYSHARDID = "MYSHARDID", "7.2.0", "O(1)", STALE, tips: &["nondeterministic_output"];
    /// Answers the nodes of the cluster.
    NODES = "NODES", "3.0.0", "O(N) where N is the total number of Cluster nodes", STALE, tips: &["nondeterministic_output"];
    /// Answers the replicas of a master.
    REPLICAS = "REPLICAS", "5.0.0", "O(N) where N is the number of replicas.", ADMIN | STALE, tips: &["nondeterministic_output"], args: &[text("node-id")];
    /// Makes this node the replica of another one.
    REPLICATE = "REPLICATE", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, args: &[text("node-id")];
    /// Makes this node forget the cluster.
    RESET = "RESET", "3.0.0", "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.", ADMIN | NOSCRIPT | STALE, args: &[ArgDoc::one_of("reset-type", &[ArgDoc::token_only("hard").token("HARD"), ArgDoc::token_only("soft").token("SOFT")]).optional()];
    /// Writes the cluster's file.
    SAVECONFIG = "SAVECONFIG", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE;
    /// Sets a new node's configuration epoch.
    SET_CONFIG_EPOCH = "SET-CONFIG-EPOCH", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, args: &[int("config-epoch")];
    /// Moves a slot from one node to another.
    SETSLOT = "SETSLOT", "3.0.0", "O(1)", ADMIN | NO_ASYNC_LOADING | STALE, args: &[int("slot"), ArgDoc::one_of("subcommand", &[text("importing").display("node-id").token("IMPORTING"), text("migrating").display("node-id").token("MIGRATING"), text("node").display("node-id").token("NODE"), ArgDoc::token_only("stable").token("STABLE")])];
    /// Answers slots with the nodes that serve them.
    SHARDS = "SHARDS", "7.0.0", "O(N) where N is the total number of cluster nodes", LOADING | STALE, tips: &["nondeterministic_output"];
    /// Answers the replicas of a master.
    SLAVES = "SLAVES", "3.0.0", "O(N) where N is the number of replicas.", ADMIN | STALE, deprecated: Some(("5.0.0", "`CLUSTER REPLICAS`")), tips: &["nondeterministic_output"], args: &[text("node-id")];
    /// Answers slots with the nodes that serve them.
    SLOTS = "SLOTS", "3.0.0", "O(N) where N is the total number of Cluster nodes", LOADING | STALE, deprecated: Some(("7.0.0", "`CLUSTER SHARDS`")), tips: &["nondeterministic_output"];
}
