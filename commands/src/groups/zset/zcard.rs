//! ZCARD.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers how many members a sorted set has.
#[command("ZCARD", since = "1.2.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn zcard(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.zset(&key)?.map_or(0, |set| set.len()))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts() {
        check(
            r#"
            > ZCARD z
            (integer) 0
            > ZADD z 1 a 2 b
            (integer) 2
            > ZCARD z
            (integer) 2
            > SET s v
            OK
            > ZCARD s
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
