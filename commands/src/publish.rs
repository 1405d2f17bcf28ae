//! What follows a command once its locks are free.

use keyspace::change::Interest;

use crate::node::Node;
use crate::node::core::Core;
use crate::ownership;
use crate::wake::{self, Ready};

/// Adds what a command of `actor` (a connection's number; 0: nobody) did to the statistics, and serves the clients that waited for it.
#[inline]
pub(crate) fn publish(node: &Node, core: &mut Core, actor: u64) {
    add_up(core);
    if has_news(core) {
        tell(node, core, actor);
    }
}

/// Whether somebody may have to be told of what was done. Nothing is locked then.
#[inline]
pub(crate) fn has_news(core: &Core) -> bool {
    !core.tally.changes.is_empty() || core.tally.flushed || core.own.owes()
}

#[inline]
fn add_up(core: &mut Core) {
    let (tally, stats) = (&mut core.tally, &core.stats);
    stats.hits.add(std::mem::take(&mut tally.hits));
    stats.misses.add(std::mem::take(&mut tally.misses));
    stats.dirty.add(std::mem::take(&mut tally.dirty));
    if tally.expired + tally.expired_fields > 0 {
        stats.expired.add(std::mem::take(&mut tally.expired));
        stats.expired_fields.add(std::mem::take(&mut tally.expired_fields));
    }
}

#[cold]
fn tell(node: &Node, core: &mut Core, actor: u64) {
    let mut ready = Ready::default();
    settle(node, core, &mut ready, actor);
    if core.own.owes() {
        ownership::settle_owed(node, core, &mut ready, actor);
    }
    wake::serve(node, core, ready);
}

/// As `publish`, for one of several requests that run in a row: who is ready is only noted.
pub(crate) fn settle(node: &Node, core: &mut Core, ready: &mut Ready, actor: u64) {
    add_up(core);
    let told = std::mem::take(&mut core.tally.invalidated);
    if node.space.interest() & Interest::FOLLOW.0 != 0 {
        node.invalidate(&core.tally.changes[told..], actor);
    }
    node.feed_changes(&core.tally.changes, core.tally.flushed);
    for change in core.tally.changes.drain(..).filter(|change| change.modified) {
        ready.note(node, change.db, &change.key);
    }
    if std::mem::take(&mut core.tally.flushed) {
        node.invalidate_all();
    }
}
