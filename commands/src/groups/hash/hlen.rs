//! HLEN.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the number of fields of a hash; expired ones count until they are removed.
#[command("HLEN", since = "2.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn hlen(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.hash(&key)?.map_or(0, |hash| hash.stored_len()))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts_fields() {
        check(
            r#"
            > HLEN h
            (integer) 0
            > HSET h a 1 b 2
            (integer) 2
            > HLEN h
            (integer) 2
            > SET k v
            OK
            > HLEN k
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
