//! STRLEN.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the length of the string at a key.
#[command("STRLEN", since = "2.2.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn strlen(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.string_len(&key)?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn numbers_have_the_length_of_their_digits() {
        check("> SET k -555\nOK\n> STRLEN k\n(integer) 4\n> STRLEN nokey\n(integer) 0");
    }
}
