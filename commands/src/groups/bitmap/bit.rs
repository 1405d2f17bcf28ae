//! GETBIT and SETBIT.

use commands_macros::command;
use keyspace::keys::Key;

use super::{KEY, SETBIT_EVENT, bit_offset};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const OFFSET: ArgDoc = ArgDoc::new("offset", ArgType::Integer);

/// Answers a bit of the string at a key.
#[command(
    "GETBIT",
    since = "2.2.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(KEY, OFFSET)
)]
pub(crate) fn getbit(ctx: &mut Ctx, key: Key, offset: &[u8]) -> Result<bool> {
    let offset = bit_offset(ctx, offset, None)?;
    let bytes = ctx.keys.string_bytes(&key)?;
    Ok(bytes.and_then(|bytes| bytes.get(offset / 8).copied()).is_some_and(|byte| byte & mask(offset) != 0))
}

/// Sets or clears a bit of the string at a key, which grows as needed, and answers what it was.
#[command(
    "SETBIT",
    since = "2.2.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE)),
    args(KEY, OFFSET, ArgDoc::new("value", ArgType::Integer))
)]
pub(crate) fn setbit(ctx: &mut Ctx, key: Key, offset: &[u8], value: &[u8]) -> Result<bool> {
    let offset = bit_offset(ctx, offset, None)?;
    let bit = match value {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::Plain("ERR bit is not an integer or out of range")),
    };
    let found = ctx.keys.find_string(&key)?;
    let at = offset / 8;
    let grows = found.is_none_or(|found| found.len <= at);
    let byte = &mut ctx.keys.string_mut(&key, found, at + 1)[at];
    let before = *byte & mask(offset) != 0;
    if bit {
        *byte |= mask(offset);
    } else {
        *byte &= !mask(offset);
    }
    if grows || bit != before {
        ctx.keys.changed(&key, SETBIT_EVENT);
    }
    Ok(before)
}

fn mask(offset: usize) -> u8 {
    0x80 >> (offset % 8)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn bits_of_texts_and_numbers() {
        check(
            r#"
            > SETBIT k 1 1
            (integer) 0
            > GET k
            "@"
            > SETBIT k 20000000 1
            (integer) 0
            > STRLEN k
            (integer) 2500001
            > GETBIT k 20000000
            (integer) 1
            > GETBIT k 20000001
            (integer) 0
            > GETBIT k 30000000
            (integer) 0
            > SETBIT k 1 0
            (integer) 1
            > SET i 1
            OK
            > SETBIT i 6 1
            (integer) 0
            > GET i
            "3"
            > OBJECT ENCODING i
            "raw"
            > SETBIT i -1 1
            (error) ERR bit offset is not an integer or out of range
            > SETBIT i 4294967296 1
            (error) ERR bit offset is not an integer or out of range
            > SETBIT i 0 2
            (error) ERR bit is not an integer or out of range
            > GETBIT i x
            (error) ERR bit offset is not an integer or out of range
            "#,
        );
    }
}
