//! FLUSHALL and FLUSHDB.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::{Args, command};

use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::ArgDoc;
use crate::wake;

#[derive(Args, Clone, Copy, PartialEq)]
enum FlushType {
    #[arg(since = "4.0.0")]
    Async,
    #[arg(since = "6.2.0")]
    Sync,
}

const FLUSH_TYPE: ArgDoc = ArgDoc::one_of("flush-type", <FlushType as OneOf>::DOCS).optional();

/// Removes all keys of all databases.
#[command(
    "FLUSHALL",
    since = "1.0.0",
    complexity = "O(N) where N is the total number of keys in all databases",
    flags(WRITE),
    locks(All),
    categories(KEYSPACE | DANGEROUS),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(FLUSH_TYPE)
)]
pub(crate) fn flushall(ctx: &mut Ctx, how: Rest) -> Result<Done> {
    let lazily = is_lazy(ctx, how)?;
    let own = ctx.keys.db_index();
    let mut removed = 0;
    for db in 0..ctx.node.space.databases() {
        ctx.keys.select(db);
        removed += flush(ctx, lazily);
    }
    ctx.keys.select(own);
    // The snapshot under way shows what nobody wants any more.
    ctx.node.snapshots.stop();
    // The command itself counts as a change, so that an empty data set is saved as one.
    let changes = removed as u64 + 1;
    ctx.say_own_words();
    if ctx.node.has_save_points() {
        // All changes up to here are as good as saved: the snapshot is tried until it succeeds.
        ctx.core.stats.dirty.add(changes + std::mem::take(&mut ctx.keys.tally.dirty));
        ctx.node.monitoring.saved_dirty.fetch_max(ctx.node.dirty(), Relaxed);
        ctx.node.snapshots.schedule();
    } else {
        ctx.keys.tally.dirty += changes;
    }
    Ok(Done)
}

/// Removes all keys of the selected database.
#[command(
    "FLUSHDB",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys in the selected database",
    flags(WRITE),
    locks(All),
    categories(KEYSPACE | DANGEROUS),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(FLUSH_TYPE)
)]
pub(crate) fn flushdb(ctx: &mut Ctx, how: Rest) -> Result<Done> {
    let lazily = is_lazy(ctx, how)?;
    ctx.keys.tally.dirty += flush(ctx, lazily) as u64;
    // Also when the database was empty already: so does Redis.
    ctx.say_own_words();
    Ok(Done)
}

/// Empties the current database. Redis leaves a flush that the client waits for to the background too, and counts its
/// keys as freed there, except in a transaction.
fn flush(ctx: &mut Ctx, lazily: bool) -> usize {
    let removed = ctx.keys.flush(lazily);
    if ctx.node.blocking.heeds_loss() {
        wake::note_database(ctx, ctx.keys.db_index());
    }
    if !lazily && ctx.transaction.is_none() {
        keyspace::object::count_freed(removed);
    }
    removed
}

fn is_lazy(ctx: &Ctx, how: Rest) -> Result<bool> {
    let mut words = how.0;
    let found = FlushType::take_if(&mut words)?;
    match found {
        Some(kind) if words.is_empty() => Ok(kind == FlushType::Async),
        None if words.is_empty() => Ok(ctx.node.settings.lazyfree_lazy_user_flush()),
        _ => Err(Error::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn empties() {
        check(
            "
            > SET k v
            OK
            > FLUSHDB nonsense
            (error) ERR syntax error
            > FLUSHALL ASYNC SYNC
            (error) ERR syntax error
            > DBSIZE
            (integer) 1
            > FLUSHDB ASYNC
            OK
            > DBSIZE
            (integer) 0
            > SET k v
            OK
            > FLUSHALL
            OK
            > EXISTS k
            (integer) 0
            ",
        );
    }
}
