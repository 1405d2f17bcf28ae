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

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ends_of_both_kinds() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c inf d
            (integer) 4
            > ZCOUNT z -inf +inf
            (integer) 4
            > ZCOUNT z (1 (3
            (integer) 1
            > ZCOUNT z 3 1
            (integer) 0
            > ZCOUNT z "" 1
            (integer) 1
            > ZCOUNT none x 1
            (error) ERR min or max is not a float
            > ZCOUNT none nan 1
            (error) ERR min or max is not a float
            > ZADD l 0 a 0 b 0 c
            (integer) 3
            > ZLEXCOUNT l - +
            (integer) 3
            > ZLEXCOUNT l [a (c
            (integer) 2
            > ZLEXCOUNT l + -
            (integer) 0
            > ZLEXCOUNT l a [b
            (error) ERR min or max not valid string range item
            > ZLEXCOUNT l -x [b
            (error) ERR min or max not valid string range item
            "#,
        );
    }
}
