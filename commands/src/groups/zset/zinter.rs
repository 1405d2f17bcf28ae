//! ZINTER, ZINTERSTORE and ZINTERCARD.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::zset::algebra::{inter, inter_card};

use super::algebra::{AGGREGATE, DESTINATION, Grammar, KEYS, NUMKEYS, WEIGHTS, WITH_SCORES, answer, combine, store};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType};

/// Answers the members that all of some sets have, in the order of their scores together.
#[command(
    "ZINTER",
    since = "6.2.0",
    complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
    flags(READONLY | MOVABLEKEYS),
    keys(KeySpec::counted(1, RO | ACCESS)),
    args(NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITH_SCORES)
)]
pub(crate) fn zinter(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let grammar = Grammar { name: "zinter", weighs: true, shows_scores: true, limits: false };
    let seed = ctx.core.random.borrow_mut().next_u64();
    let (set, how) = combine(ctx, words.0, grammar, |sources, how| inter(sources, &how.weights, how.aggregate, seed))?;
    answer(ctx, &set, how.with_scores);
    Ok(())
}

/// Stores the members that all of some sets have, with their scores together.
#[command(
    "ZINTERSTORE",
    since = "2.0.0",
    complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::counted(2, RO | ACCESS)),
    args(DESTINATION, NUMKEYS, KEYS.key_spec(1), WEIGHTS, AGGREGATE)
)]
pub(crate) fn zinterstore(ctx: &mut Ctx, destination: Key, words: Rest) -> Result<usize> {
    let grammar = Grammar { name: "zinterstore", weighs: true, shows_scores: false, limits: false };
    let (set, _) =
        combine(ctx, words.0, grammar, |sources, how| inter(sources, &how.weights, how.aggregate, destination.hash))?;
    Ok(store(ctx, &destination, set, "zinterstore"))
}

/// Counts the members that all of some sets have.
#[command(
    "ZINTERCARD",
    since = "7.0.0",
    complexity = "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
    flags(READONLY | MOVABLEKEYS),
    keys(KeySpec::counted(1, RO | ACCESS)),
    args(NUMKEYS, KEYS, ArgDoc::new("limit", ArgType::Integer).token("LIMIT").optional())
)]
pub(crate) fn zintercard(ctx: &mut Ctx, words: Rest) -> Result<usize> {
    let grammar = Grammar { name: "zintercard", weighs: false, shows_scores: false, limits: true };
    let (count, _) = combine(ctx, words.0, grammar, |sources, how| inter_card(sources, how.limit))?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn intersections() {
        check(
            r#"
            > ZADD a 1 x 2 y 3 z
            (integer) 3
            > ZADD b 5 x inf z
            (integer) 2
            > SADD s x z q
            (integer) 3
            > ZINTER 3 a b s WITHSCORES
            1) "x"
            2) "7"
            3) "z"
            4) "inf"
            > ZINTERSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MAX
            (integer) 2
            > ZRANGE d 0 -1 WITHSCORES
            1) "x"
            2) "10"
            3) "z"
            4) "inf"
            > ZINTERCARD 2 a b
            (integer) 2
            > ZINTERCARD 2 a b LIMIT 1
            (integer) 1
            > ZINTERCARD 2 a none
            (integer) 0
            > ZINTERCARD 1 a LIMIT -1
            (error) ERR LIMIT can't be negative
            > ZINTERCARD 1 a LIMIT
            (error) ERR syntax error
            > ZINTERCARD 0 a
            (error) ERR at least 1 input key is needed for 'zintercard' command
            > ZINTERSTORE d 2 a none
            (integer) 0
            > EXISTS d
            (integer) 0
            "#,
        );
    }

    #[test]
    fn what_is_not_a_number_becomes_zero() {
        check(
            r#"
            > ZADD a inf x 5 y
            (integer) 2
            > ZADD b -inf x inf y
            (integer) 2
            > ZINTER 2 a b WITHSCORES
            1) "x"
            2) "0"
            3) "y"
            4) "inf"
            > ZINTER 2 a b WEIGHTS 1 0 WITHSCORES
            1) "x"
            2) "0"
            3) "y"
            4) "0"
            > ZUNION 2 a b WEIGHTS 1 0 WITHSCORES
            1) "y"
            2) "5"
            3) "x"
            4) "inf"
            "#,
        );
    }
}
