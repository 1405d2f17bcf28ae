//! ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX.

use std::ops::Range;

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::zset::ZsetRef;

use super::bounds::{LexEnd, ScoreEnd};
use super::query::ranks_between;
use super::{limits, modified, zset_event};
use crate::ctx::Ctx;
use crate::error::Result;

/// Removes the members of a sorted set from one rank to another.
#[command(
    "ZREMRANGEBYRANK",
    since = "2.0.0",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
    flags(WRITE),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn zremrangebyrank(ctx: &mut Ctx, key: Key, start: i64, stop: i64) -> Result<usize> {
    remove(ctx, &key, zset_event("zremrangebyrank"), |set| ranks_between(start, stop, set.len()))
}

/// Removes the members of a sorted set with scores between two ends.
#[command(
    "ZREMRANGEBYSCORE",
    since = "1.2.0",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
    flags(WRITE),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn zremrangebyscore(ctx: &mut Ctx, key: Key, min: ScoreEnd, max: ScoreEnd) -> Result<usize> {
    remove(ctx, &key, zset_event("zremrangebyscore"), |set| set.ranks_by_score(min.0, max.0))
}

/// Removes the members between two ends of a sorted set whose scores are all equal.
#[command(
    "ZREMRANGEBYLEX",
    since = "2.8.9",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
    flags(WRITE),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn zremrangebylex(ctx: &mut Ctx, key: Key, min: LexEnd, max: LexEnd) -> Result<usize> {
    remove(ctx, &key, zset_event("zremrangebylex"), |set| set.ranks_by_lex(min.0, max.0))
}

fn remove(ctx: &mut Ctx, key: &Key, event: Event, ranks: impl FnOnce(ZsetRef<'_>) -> Range<usize>) -> Result<usize> {
    let limits = limits(ctx.node);
    let mut set = ctx.keys.zset_for_write(key, limits)?;
    let ranks = set.as_ref().map_or(0..0, ranks);
    let removed = set.remove_range(ranks);
    let is_gone = set.is_empty();
    if removed > 0 {
        modified(ctx, key, event, removed, is_gone);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ranges_of_each_kind() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c 4 d 5 e
            (integer) 5
            > ZREMRANGEBYRANK z 1 -4
            (integer) 1
            > ZREMRANGEBYRANK z 4 9
            (integer) 0
            > ZREMRANGEBYSCORE z (1 3
            (integer) 1
            > ZRANGE z 0 -1
            1) "a"
            2) "d"
            3) "e"
            > ZREMRANGEBYSCORE z x 1
            (error) ERR min or max is not a float
            > ZREMRANGEBYRANK z x 1
            (error) ERR value is not an integer or out of range
            > ZREMRANGEBYLEX z [d +
            (integer) 2
            > ZREMRANGEBYRANK z 0 -1
            (integer) 1
            > EXISTS z
            (integer) 0
            "#,
        );
    }
}
