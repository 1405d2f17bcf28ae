//! SETRANGE.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use super::{check_len, string_event};
use crate::ctx::Ctx;
use crate::error::{Error, Result};

const SETRANGE_EVENT: Event = string_event("setrange");

/// Overwrites a part of the string at a key, which grows by zero bytes as needed, and answers its length.
#[command(
    "SETRANGE",
    since = "2.2.0",
    complexity = "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn setrange(ctx: &mut Ctx, key: Key, offset: i64, value: &[u8]) -> Result<usize> {
    let offset = usize::try_from(offset).map_err(|_| Error::Plain("ERR offset is out of range"))?;
    let found = ctx.keys.find_string(&key)?;
    let len = found.map_or(0, |found| found.len);
    if value.is_empty() {
        return Ok(len);
    }
    check_len(ctx, offset, value.len())?;
    let end = offset + value.len();
    ctx.keys.string_mut(&key, found, end)[offset..end].copy_from_slice(value);
    ctx.keys.changed(&key, SETRANGE_EVENT);
    Ok(len.max(end))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn grows_with_zero_bytes() {
        check(
            r#"
            > SETRANGE k 0 ""
            (integer) 0
            > EXISTS k
            (integer) 0
            > SETRANGE k 3 ab
            (integer) 5
            > GET k
            "\x00\x00\x00ab"
            > SETRANGE k 1 c
            (integer) 5
            > GET k
            "\x00c\x00ab"
            > SET i 1234
            OK
            > SETRANGE i 1 3
            (integer) 4
            > OBJECT ENCODING i
            "raw"
            > SETRANGE i 20000 x
            (integer) 20001
            > SETRANGE i 19999 yz!
            (integer) 20002
            > GETRANGE i 19998 -1
            "\x00yz!"
            > GETRANGE i 0 4
            "1334\x00"
            > SETRANGE k 536870912 ""
            (integer) 5
            > SETRANGE k 536870912 x
            (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
            > SETRANGE k 9223372036854775807 x
            (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
            > SETRANGE k -1 x
            (error) ERR offset is out of range
            "#,
        );
    }
}
