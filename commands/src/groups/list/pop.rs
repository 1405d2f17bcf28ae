//! LPOP, RPOP, BLPOP and BRPOP.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::list::End;

use super::{changed, limits, popped, write_element};
use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Otherwise, Result};
use crate::spec::{ArgDoc, ArgType};
use crate::waiting::{LeadingKeys, Timeout};

/// How many elements; the last word of its command.
#[derive(Clone, Copy)]
pub(crate) struct Count(usize);

impl<'a> Arg<'a> for Count {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        if args.len() > 1 {
            return Err(Error::Arity);
        }
        let count = base::number::parse_i64(args.word()?).and_then(|count| usize::try_from(count).ok());
        count.map(Self).ok_or(Error::Plain("ERR value is out of range, must be positive"))
    }
}

/// Takes elements off the head of a list and answers them.
#[command(
    "LPOP",
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements returned",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE))
)]
pub(crate) fn lpop(ctx: &mut Ctx, key: Key, #[arg(since = "6.2.0")] count: Option<Count>) -> Result<()> {
    pop(ctx, &key, count, End::Front)
}

/// Takes elements off the tail of a list and answers them.
#[command(
    "RPOP",
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements returned",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE))
)]
pub(crate) fn rpop(ctx: &mut Ctx, key: Key, #[arg(since = "6.2.0")] count: Option<Count>) -> Result<()> {
    pop(ctx, &key, count, End::Back)
}

fn pop(ctx: &mut Ctx, key: &Key, count: Option<Count>, end: End) -> Result<()> {
    match count {
        None => {
            if !pop_one(ctx, key, end)? {
                ctx.out.null();
            }
        }
        Some(Count(count)) => match ctx.keys.list_for_write(key, limits(ctx.node))?.len() {
            0 => ctx.out.null_array(),
            _ if count == 0 => ctx.out.empty_array(),
            _ => {
                pop_some(ctx, key, count, end)?;
            }
        },
    }
    Ok(())
}

/// Writes and removes the element at an end; false when there is no list.
#[inline]
fn pop_one(ctx: &mut Ctx, key: &Key, end: End) -> Result<bool> {
    let mut list = ctx.keys.list_for_write(key, limits(ctx.node))?;
    let out = &mut *ctx.out;
    let found = list.pop_with(end, |element| write_element(out, element)).is_some();
    let gone = list.is_empty();
    if found {
        changed(ctx, key, popped(end), 1, gone);
    }
    Ok(found)
}

/// Writes and removes up to `count` elements as an array; how many there were.
pub(super) fn pop_some(ctx: &mut Ctx, key: &Key, count: usize, end: End) -> Result<usize> {
    let mut list = ctx.keys.list_for_write(key, limits(ctx.node))?;
    let count = list.len().min(count);
    if count == 0 {
        return Ok(0);
    }
    let out = &mut *ctx.out;
    out.array(count);
    for _ in 0..count {
        list.pop_with(end, |element| write_element(out, element));
    }
    let gone = list.is_empty();
    changed(ctx, key, popped(end), count, gone);
    Ok(count)
}

/// Takes the head off the first list that there is, and waits for one when there is none.
#[command(
    "BLPOP",
    since = "2.0.0",
    complexity = "O(N) where N is the number of provided keys.",
    flags(WRITE | BLOCKING),
    keys(KeySpec::range(1, -2, 1, RW | ACCESS | DELETE))
)]
pub(crate) fn blpop(ctx: &mut Ctx, key: LeadingKeys, timeout: Timeout) -> Result<()> {
    pop_or_wait(ctx, key, timeout, End::Front)
}

/// Takes the tail off the first list that there is, and waits for one when there is none.
#[command(
    "BRPOP",
    since = "2.0.0",
    complexity = "O(N) where N is the number of provided keys.",
    flags(WRITE | BLOCKING),
    keys(KeySpec::range(1, -2, 1, RW | ACCESS | DELETE))
)]
pub(crate) fn brpop(ctx: &mut Ctx, key: LeadingKeys, timeout: Timeout) -> Result<()> {
    pop_or_wait(ctx, key, timeout, End::Back)
}

fn pop_or_wait(ctx: &mut Ctx, keys: LeadingKeys, timeout: Timeout, end: End) -> Result<()> {
    let wait = timeout.wait(ctx.now_ms(), Otherwise::NullArray)?;
    for key in keys.0.keys() {
        let mark = ctx.out.mark();
        ctx.out.array(2);
        ctx.out.bulk(key.bytes);
        if pop_one(ctx, &key, end)? {
            effect!(ctx, if end == End::Front { "LPOP" } else { "RPOP" }, key.bytes);
            return Ok(());
        }
        ctx.out.truncate(mark);
    }
    Err(wait)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    const POPS: &str = r#"
        > RPUSH l a 2 c d
        (integer) 4
        > LPOP l
        "a"
        > LPOP l 0
        (empty array)
        > RPOP l 2
        1) "d"
        2) "c"
        > LPOP l 1 2
        (error) ERR wrong number of arguments for 'lpop' command
        > LPOP nothing x
        (error) ERR value is out of range, must be positive
        > BRPOP nothing l 0
        1) "l"
        2) "2"
        > RPOP l
        (nil)
        > RPOP l 1
        (nil)
        > BLPOP l -1
        (error) ERR timeout is negative
        > BLPOP l x
        (error) ERR timeout is not a float or out of range
        > BLPOP l inf
        (error) ERR timeout is out of range
        > SET s v
        OK
        > BLPOP l s 0
        (error) WRONGTYPE Operation against a key holding the wrong kind of value
        "#;

    #[test]
    fn pops() {
        check(POPS);
        check3(POPS);
    }
}
