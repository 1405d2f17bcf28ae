//! ZUNION and ZUNIONSTORE.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::zset::algebra::union;

use super::algebra::{AGGREGATE, DESTINATION, Grammar, KEYS, NUMKEYS, WEIGHTS, WITH_SCORES, answer, combine, store};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the members that any of some sets has, in the order of their scores together.
#[command(
    "ZUNION",
    since = "6.2.0",
    complexity = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
    flags(READONLY | MOVABLEKEYS),
    keys(KeySpec::counted(1, RO | ACCESS)),
    args(NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITH_SCORES)
)]
pub(crate) fn zunion(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let grammar = Grammar { name: "zunion", weighs: true, shows_scores: true, limits: false };
    let seed = ctx.core.random.borrow_mut().next_u64();
    let (set, how) = combine(ctx, words.0, grammar, |sources, how| union(sources, &how.weights, how.aggregate, seed))?;
    answer(ctx, &set, how.with_scores);
    Ok(())
}

/// Stores the members that any of some sets has, with their scores together.
#[command(
    "ZUNIONSTORE",
    since = "2.0.0",
    complexity = "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::counted(2, RO | ACCESS)),
    args(DESTINATION, NUMKEYS, KEYS.key_spec(1), WEIGHTS, AGGREGATE)
)]
pub(crate) fn zunionstore(ctx: &mut Ctx, destination: Key, words: Rest) -> Result<usize> {
    let grammar = Grammar { name: "zunionstore", weighs: true, shows_scores: false, limits: false };
    let (set, _) =
        combine(ctx, words.0, grammar, |sources, how| union(sources, &how.weights, how.aggregate, destination.hash))?;
    Ok(store(ctx, &destination, set, "zunionstore"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn scores_are_weighted_and_aggregated() {
        check(
            r#"
            > ZADD a 1 x 2 y
            (integer) 2
            > ZADD b 10 y inf z
            (integer) 2
            > SADD s x w
            (integer) 2
            > ZUNION 3 a b s WITHSCORES
            1) "w"
            2) "1"
            3) "x"
            4) "2"
            5) "y"
            6) "12"
            7) "z"
            8) "inf"
            > ZUNION 2 a b WEIGHTS 3 0 AGGREGATE MAX WITHSCORES
            1) "z"
            2) "0"
            3) "x"
            4) "3"
            5) "y"
            6) "6"
            > ZUNIONSTORE d 2 a b WEIGHTS 1 -1 AGGREGATE MIN
            (integer) 3
            > ZRANGE d 0 -1 WITHSCORES
            1) "z"
            2) "-inf"
            3) "y"
            4) "-10"
            5) "x"
            6) "1"
            > ZUNIONSTORE d 1 d WEIGHTS -1
            (integer) 3
            > ZSCORE d z
            "inf"
            > ZUNIONSTORE d 1 none
            (integer) 0
            > EXISTS d
            (integer) 0
            "#,
        );
    }

    #[test]
    fn errors_come_in_order() {
        check(
            r#"
            > SET s v
            OK
            > ZUNION 0 s
            (error) ERR at least 1 input key is needed for 'zunion' command
            > ZUNIONSTORE d -1 s
            (error) ERR at least 1 input key is needed for 'zunionstore' command
            > ZUNION x s
            (error) ERR value is not an integer or out of range
            > ZUNION 2 s
            (error) ERR syntax error
            > ZUNION 1 s FOO
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZUNION 1 z WEIGHTS x
            (error) ERR weight value is not a float
            > ZUNION 1 z WEIGHTS
            (error) ERR syntax error
            > ZUNION 1 z AGGREGATE FOO
            (error) ERR syntax error
            > ZUNIONSTORE d 1 z WITHSCORES
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn scores_are_doubles_in_pairs_under_resp3() {
        check3(
            r#"
            > ZADD a 1.5 x
            (integer) 1
            > ZUNION 1 a WITHSCORES
            1) 1) "x"
               2) (double) 1.5
            > ZUNION 1 a
            1) "x"
            "#,
        );
    }
}
