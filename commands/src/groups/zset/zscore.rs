//! ZSCORE and ZMSCORE.

use commands_macros::command;
use keyspace::keys::Key;

use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::Reply;

/// Answers the score of a member of a sorted set.
#[command(
    "ZSCORE",
    since = "1.2.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn zscore(ctx: &mut Ctx, key: Key, member: &[u8]) -> Result<Option<f64>> {
    Ok(ctx.keys.zset(&key)?.and_then(|set| set.score(member)))
}

/// Answers the scores of some members of a sorted set, a null for each that it does not have.
#[command(
    "ZMSCORE",
    since = "6.2.0",
    complexity = "O(N) where N is the number of members being requested.",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn zmscore(ctx: &mut Ctx, key: Key, member: Many<&[u8]>) -> Result<()> {
    let set = ctx.keys.zset(&key)?;
    ctx.out.array(member.words().len());
    for member in member.words().iter() {
        set.and_then(|set| set.score(member)).write(ctx.out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn scores() {
        check(
            r#"
            > ZADD z 1.5 a -inf b
            (integer) 2
            > ZSCORE z a
            "1.5"
            > ZSCORE z x
            (nil)
            > ZSCORE none a
            (nil)
            > ZMSCORE z a x b
            1) "1.5"
            2) (nil)
            3) "-inf"
            > ZMSCORE none a
            1) (nil)
            "#,
        );
    }

    #[test]
    fn doubles_under_resp3() {
        check3(
            r#"
            > ZADD z 1.5 a
            (integer) 1
            > ZSCORE z a
            (double) 1.5
            > ZMSCORE z a x
            1) (double) 1.5
            2) (nil)
            "#,
        );
    }
}
