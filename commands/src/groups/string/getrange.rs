//! GETRANGE and SUBSTR.

use std::ops::Range;

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Answers a part of the string at a key.
#[command(
    "GETRANGE",
    since = "2.4.0",
    complexity = "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn getrange(ctx: &mut Ctx, key: Key, start: i64, end: i64) -> Result<()> {
    reply_range(ctx, &key, start, end)
}

/// Answers a part of the string at a key, under its old name.
#[command(
    "SUBSTR",
    since = "1.0.0",
    complexity = "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    deprecated("2.0.0", "`GETRANGE`")
)]
pub(crate) fn substr(ctx: &mut Ctx, key: Key, start: i64, end: i64) -> Result<()> {
    reply_range(ctx, &key, start, end)
}

fn reply_range(ctx: &mut Ctx, key: &Key, start: i64, end: i64) -> Result<()> {
    match ctx.keys.string(key)? {
        Some(text) => {
            let range = clamp(start, end, text.len());
            reply::text_range(ctx.out, text, range);
        }
        None => ctx.out.bulk(b""),
    }
    Ok(())
}

/// The bytes between two places, both included, that count from the end when negative.
fn clamp(start: i64, end: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_start = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (first, last) = (from_start(start), from_start(end).min(len - 1));
    // Both before the beginning is nothing, though each alone means the beginning.
    if (start < 0 && start > end) || first > last { 0..0 } else { first as usize..last as usize + 1 }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn places_from_either_end() {
        check(
            r#"
            > SET k "Hello World"
            OK
            > GETRANGE k -4 -1
            "orld"
            > GETRANGE k 5 5000
            " World"
            > GETRANGE k -5000 10000
            "Hello World"
            > GETRANGE k 0 -100
            "H"
            > GETRANGE k -100 -100
            "H"
            > GETRANGE k -100 -101
            ""
            > GETRANGE k 5 3
            ""
            > GETRANGE nokey 0 -1
            ""
            > SET i 1234
            OK
            > SUBSTR i -3 -2
            "23"
            > GETRANGE i 0 9223372036854775807
            "1234"
            "#,
        );
    }
}
