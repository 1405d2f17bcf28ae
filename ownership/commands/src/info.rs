//! INFO's section `# Ownership`.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use commands::node::Node;

pub(crate) fn write(node: &Node, text: &mut String) {
    let (graph, figures) = (node.ownership.graph(), &node.ownership.figures);
    let mut field = |name: &str, value: u64| {
        let _ = write!(text, "ownership_{name}:{value}\r\n");
    };
    field("patterns", graph.nodes().len() as u64);
    field("edges", graph.rules().edges.len() as u64);
    field("version", node.ownership.version());
    field("listed_keys", node.ownership.listed() as u64);
    let (held, waiting, last_token) = {
        let leases = node.leases();
        (leases.iter().count(), leases.waiting(), leases.last_token())
    };
    field("leases", held as u64);
    field("lease_waiters", waiting as u64);
    field("last_token", last_token);
    field("leases_expired", figures.leases_expired.load(Relaxed));
    field("refused_writes", figures.refused_writes.load(Relaxed));
    let (claims, stale_values, stale_bytes) = node.ownership.production();
    field("claims_held", claims as u64);
    field("stale_values", stale_values as u64);
    field("stale_bytes", stale_bytes as u64);
    field("claims", figures.claims.load(Relaxed));
    field("fills", figures.fills.load(Relaxed));
    field("refused_fills", figures.refused_fills.load(Relaxed));
    field("stale_shown", figures.stale_shown.load(Relaxed));
    field("refused_limits", figures.refused_limits.load(Relaxed));
    let (listeners, records, bytes) = node.ownership.feed.figures();
    field("feed_listeners", listeners as u64);
    field("feed_records", records as u64);
    field("feed_bytes", bytes as u64);
    field("feed_seq", node.ownership.feed.position().seq);
    field("sweep_in_progress", u64::from(node.is_sweeping()));
    field("triggers", figures.triggers.load(Relaxed));
    field("invalidated_keys", figures.invalidated.load(Relaxed));
    field("invalidated_patterns", figures.sweeps.load(Relaxed));
}
