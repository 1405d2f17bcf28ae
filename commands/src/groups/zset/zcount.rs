//! ZCOUNT and ZLEXCOUNT.

use commands_macros::command;
use keyspace::keys::Key;

use super::bounds::{LexEnd, ScoreEnd};
use crate::ctx::Ctx;
use crate::error::Result;

/// Counts the members of a sorted set with scores between two ends.
#[command(
    "ZCOUNT",
    since = "2.0.0",
    complexity = "O(log(N)) with N being the number of elements in the sorted set.",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn zcount(ctx: &mut Ctx, key: Key, min: ScoreEnd, max: ScoreEnd) -> Result<usize> {
    Ok(ctx.keys.zset(&key)?.map_or(0, |set| set.ranks_by_score(min.0, max.0).len()))
}

/// Counts the members between two ends of a sorted set whose scores are all equal.
#[command(
    "ZLEXCOUNT",
    since = "2.8.9",
    complexity = "O(log(N)) with N being the number of elements in the sorted set.",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn zlexcount(ctx: &mut Ctx, key: Key, min: LexEnd, max: LexEnd) -> Result<usize> {
    Ok(ctx.keys.zset(&key)?.map_or(0, |set| set.ranks_by_lex(min.0, max.0).len()))
}
