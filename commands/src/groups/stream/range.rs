//! XLEN, XRANGE and XREVRANGE.

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::stream::{Entry, Id};

use super::id::{parse_end, parse_start};
use super::write_entry;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the number of entries of a stream.
#[command("XLEN", since = "5.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn xlen(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.stream(&key)?.map_or(0, |stream| stream.log.len() as usize))
}

#[derive(Args, Default)]
pub(crate) struct RangeOptions {
    #[arg(token = "COUNT")]
    count: Option<i64>,
}

/// Answers the entries of a stream whose ids are in a range.
#[command(
    "XRANGE",
    since = "5.0.0",
    complexity = "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn xrange(
    ctx: &mut Ctx,
    key: Key,
    start: &[u8],
    end: &[u8],
    options: crate::args::Unread<RangeOptions>,
) -> Result<()> {
    let (from, to) = (parse_start(start)?, parse_end(end)?);
    let options = options.read()?;
    answer(ctx, &key, from, to, options, false)
}

/// As XRANGE, from the last entry to the first.
#[command(
    "XREVRANGE",
    since = "5.0.0",
    complexity = "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn xrevrange(
    ctx: &mut Ctx,
    key: Key,
    end: &[u8],
    start: &[u8],
    options: crate::args::Unread<RangeOptions>,
) -> Result<()> {
    let (from, to) = (parse_start(start)?, parse_end(end)?);
    let options = options.read()?;
    answer(ctx, &key, from, to, options, true)
}

fn answer(ctx: &mut Ctx, key: &Key, from: Id, to: Id, options: RangeOptions, backwards: bool) -> Result<()> {
    let count = options.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(0));
    let Some(stream) = ctx.keys.stream(key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    if count == 0 {
        ctx.out.null_array();
        return Ok(());
    }
    let (later, mut written) = (ctx.out.array_later(), 0);
    let write = |entry: Entry| {
        write_entry(ctx.out, &entry);
        written += 1;
    };
    if backwards {
        stream.log.range_rev(from, to).take(count).for_each(write);
    } else {
        stream.log.range(from, to).take(count).for_each(write);
    }
    ctx.out.finish(later, written);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ranges() {
        check(
            r#"
            > XADD s 1-1 a 1
            "1-1"
            > XADD s 1-2 b 2 c 3
            "1-2"
            > XADD s 2-0 a 4
            "2-0"
            > XLEN s
            (integer) 3
            > XRANGE s 1 1
            1) 1) "1-1"
               2) 1) "a"
                  2) "1"
            2) 1) "1-2"
               2) 1) "b"
                  2) "2"
                  3) "c"
                  4) "3"
            > XREVRANGE s + (1-2 COUNT 5
            1) 1) "2-0"
               2) 1) "a"
                  2) "4"
            > XRANGE s 2 1
            (empty array)
            > XRANGE s - + COUNT 0
            (nil)
            > XRANGE none - + COUNT 0
            (empty array)
            > XRANGE s - (0-0
            (error) ERR invalid end ID for the interval
            "#,
        );
    }
}
