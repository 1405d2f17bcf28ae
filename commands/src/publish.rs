//! What follows a command once its locks are free.

use crate::node::Node;
use crate::node::core::Core;

/// Adds what the command did to the statistics, and tells those who are interested in changes.
#[inline]
pub(crate) fn publish(node: &Node, core: &mut Core) {
    let (tally, stats) = (&mut core.tally, &core.stats);
    stats.hits.add(std::mem::take(&mut tally.hits));
    stats.misses.add(std::mem::take(&mut tally.misses));
    stats.dirty.add(std::mem::take(&mut tally.dirty));
    if tally.expired + tally.expired_fields > 0 {
        stats.expired.add(std::mem::take(&mut tally.expired));
        stats.expired_fields.add(std::mem::take(&mut tally.expired_fields));
    }
    if !tally.changes.is_empty() {
        tell(node, core);
    }
}

#[cold]
fn tell(_node: &Node, core: &mut Core) {
    core.tally.changes.clear();
}
