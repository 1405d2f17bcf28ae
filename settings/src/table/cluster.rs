//! Cluster mode.

use crate::choices::ClusterEndpointType;
use crate::kind::{Kind, checks};
use crate::table::section;
use crate::value::Text;

section! {
    "Cluster";

    /// Runs as a node of a cluster.
    cluster_enabled: bool = "no", Kind::SWITCH, at_start;
    /// The file in which the node keeps what it knows of the cluster.
    cluster_config_file: Text = "nodes.conf", Kind::TEXT, at_start;
    /// Milliseconds without an answer after which a node counts as failing.
    cluster_node_timeout: u64 = "15000", Kind::COUNT;
    /// The port of the cluster bus; 0 takes the port of clients plus 10000.
    cluster_port: u16 = "0", Kind::PORT, at_start;
    /// How long a replica may have been without its master and still take over, as a factor; 0 sets no bound.
    cluster_replica_validity_factor: u32 = "10", Kind::SMALL, aliases(&["cluster-slave-validity-factor"]);
    /// Replicas that a master keeps before one may move to a master without.
    cluster_migration_barrier: u32 = "1", Kind::SMALL;
    /// Lets replicas move to masters without one.
    cluster_allow_replica_migration: bool = "yes", Kind::SWITCH;
    /// Refuses commands while some slots have no node.
    cluster_require_full_coverage: bool = "yes", Kind::SWITCH;
    /// Keeps this replica from taking over by itself.
    cluster_replica_no_failover: bool = "no", Kind::SWITCH, aliases(&["cluster-slave-no-failover"]);
    /// Serves reads while the cluster is down.
    cluster_allow_reads_when_down: bool = "no", Kind::SWITCH;
    /// Serves sharded channels while the cluster is down.
    cluster_allow_pubsubshard_when_down: bool = "yes", Kind::SWITCH;
    /// The most unsent bytes of a link between nodes; 0 sets no bound.
    cluster_link_sendbuf_limit: u64 = "0", Kind::memory(0, u64::MAX);
    /// The address that the node gives to others.
    cluster_announce_ip: Text = "", Kind::TEXT;
    /// The host name that the node gives to clients.
    cluster_announce_hostname: Text = "", Kind::Text(checks::hostname);
    /// A name of the node for people.
    cluster_announce_human_nodename: Text = "", Kind::Text(checks::node_name);
    /// The port that the node gives to clients; 0 gives the real one.
    cluster_announce_port: u16 = "0", Kind::PORT;
    /// The TLS port that the node gives to clients; 0 gives the real one.
    cluster_announce_tls_port: u16 = "0", Kind::PORT;
    /// The port of the cluster bus that the node gives to others; 0 gives the real one.
    cluster_announce_bus_port: u16 = "0", Kind::PORT;
    /// What a node tells clients to connect to.
    cluster_preferred_endpoint_type: ClusterEndpointType = "ip", Kind::one_of::<ClusterEndpointType>();
    /// The share of commands, in percent, that is checked for use in a cluster while not in one; 0 checks none.
    cluster_compatibility_sample_ratio: u32 = "0", Kind::integer(0, 100);
}
