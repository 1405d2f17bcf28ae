//! ZDIFF and ZDIFFSTORE.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::zset::algebra::diff;

use super::algebra::{DESTINATION, Grammar, KEYS, NUMKEYS, WITH_SCORES, answer, combine, store};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the members of the first of some sets that no other has.
#[command(
    "ZDIFF",
    since = "6.2.0",
    complexity = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
    flags(READONLY | MOVABLEKEYS),
    keys(KeySpec::counted(1, RO | ACCESS)),
    args(NUMKEYS, KEYS, WITH_SCORES)
)]
pub(crate) fn zdiff(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let grammar = Grammar { name: "zdiff", weighs: false, shows_scores: true, limits: false };
    let seed = ctx.core.random.borrow_mut().next_u64();
    let (set, how) = combine(ctx, words.0, grammar, |sources, _| diff(sources, seed))?;
    answer(ctx, &set, how.with_scores);
    Ok(())
}

/// Stores the members of the first of some sets that no other has.
#[command(
    "ZDIFFSTORE",
    since = "6.2.0",
    complexity = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::counted(2, RO | ACCESS)),
    args(DESTINATION, NUMKEYS, KEYS.key_spec(1))
)]
pub(crate) fn zdiffstore(ctx: &mut Ctx, destination: Key, words: Rest) -> Result<usize> {
    let grammar = Grammar { name: "zdiffstore", weighs: false, shows_scores: false, limits: false };
    let (set, _) = combine(ctx, words.0, grammar, |sources, _| diff(sources, destination.hash))?;
    Ok(store(ctx, &destination, set, "zdiffstore"))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn differences() {
        check(
            r#"
            > ZADD a 1 x 2 y 3 z
            (integer) 3
            > SADD s x q
            (integer) 2
            > ZDIFF 2 a s WITHSCORES
            1) "y"
            2) "2"
            3) "z"
            4) "3"
            > ZDIFF 2 a a
            (empty array)
            > ZDIFF 2 none a
            (empty array)
            > ZDIFFSTORE a 3 a none s
            (integer) 2
            > ZRANGE a 0 -1
            1) "y"
            2) "z"
            > ZDIFFSTORE a 2 a a
            (integer) 0
            > EXISTS a
            (integer) 0
            > ZDIFF 1 a WEIGHTS 1
            (error) ERR syntax error
            "#,
        );
    }
}
