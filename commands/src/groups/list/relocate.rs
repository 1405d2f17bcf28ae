//! LMOVE, RPOPLPUSH, BLMOVE and BRPOPLPUSH: from one list to another.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::list::End;

use super::{Place, changed, limits, popped, pushed};
use crate::args::Choice;
use crate::ctx::Ctx;
use crate::error::{Otherwise, Result};
use crate::waiting::Timeout;

/// Moves an element from one end of a list to one end of another, and answers it.
#[command(
    "LMOVE",
    since = "6.2.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | ACCESS | DELETE), KeySpec::one(2, RW | INSERT))
)]
pub(crate) fn lmove(
    ctx: &mut Ctx,
    source: Key,
    #[arg(key_spec = 1)] destination: Key,
    wherefrom: Choice<Place>,
    whereto: Choice<Place>,
) -> Result<()> {
    relocate_or_null(ctx, &source, &destination, wherefrom.0.end(), whereto.0.end())
}

/// Moves the tail of a list to the head of another, and answers it.
#[command(
    "RPOPLPUSH",
    since = "1.2.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | ACCESS | DELETE), KeySpec::one(2, RW | INSERT)),
    deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
)]
pub(crate) fn rpoplpush(ctx: &mut Ctx, source: Key, #[arg(key_spec = 1)] destination: Key) -> Result<()> {
    relocate_or_null(ctx, &source, &destination, End::Back, End::Front)
}

/// Moves an element from one end of a list to one end of another, and waits for one when there is none.
#[command(
    "BLMOVE",
    since = "6.2.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | BLOCKING),
    keys(KeySpec::one(1, RW | ACCESS | DELETE), KeySpec::one(2, RW | INSERT))
)]
pub(crate) fn blmove(
    ctx: &mut Ctx,
    source: Key,
    #[arg(key_spec = 1)] destination: Key,
    wherefrom: Choice<Place>,
    whereto: Choice<Place>,
    timeout: Timeout,
) -> Result<()> {
    relocate_or_wait(ctx, &source, &destination, wherefrom.0.end(), whereto.0.end(), timeout)?;
    ctx.say_with("LMOVE", ctx.request.words().skip(1).take(4));
    Ok(())
}

/// Moves the tail of a list to the head of another, and waits for one when there is none.
#[command(
    "BRPOPLPUSH",
    since = "2.2.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | BLOCKING),
    keys(KeySpec::one(1, RW | ACCESS | DELETE), KeySpec::one(2, RW | INSERT)),
    deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
)]
pub(crate) fn brpoplpush(
    ctx: &mut Ctx,
    source: Key,
    #[arg(key_spec = 1)] destination: Key,
    timeout: Timeout,
) -> Result<()> {
    relocate_or_wait(ctx, &source, &destination, End::Back, End::Front, timeout)?;
    ctx.say_with("RPOPLPUSH", [source.bytes, destination.bytes].into_iter());
    Ok(())
}

fn relocate_or_null(ctx: &mut Ctx, source: &Key, destination: &Key, from: End, to: End) -> Result<()> {
    if !relocate(ctx, source, destination, from, to)? {
        ctx.out.null();
    }
    Ok(())
}

fn relocate_or_wait(
    ctx: &mut Ctx,
    source: &Key,
    destination: &Key,
    from: End,
    to: End,
    timeout: Timeout,
) -> Result<()> {
    let wait = timeout.wait(ctx.now_ms(), Otherwise::Null)?;
    if relocate(ctx, source, destination, from, to)? { Ok(()) } else { Err(wait) }
}

/// Moves and answers one element; false when the source is empty.
fn relocate(ctx: &mut Ctx, source: &Key, destination: &Key, from: End, to: End) -> Result<bool> {
    let limits = limits(ctx.node);
    if ctx.keys.list_for_write(source, limits)?.is_empty() {
        return Ok(false);
    }
    ctx.keys.list_for_write(destination, limits)?;
    let mut list = ctx.keys.list_for_write(source, limits)?;
    // A list with one element that moves to itself must not go in between: its deadline would go with it.
    let is_same = source.bytes == destination.bytes;
    let moved = if is_same { list.rotate(from, to) } else { list.pop(from) };
    let gone = list.is_empty();
    let Some(moved) = moved else { return Ok(false) };
    if !is_same {
        ctx.keys.list_for_write(destination, limits)?.extend(to, [&moved[..]]);
    }
    ctx.out.bulk(&moved);
    changed(ctx, destination, pushed(to), 0, false);
    changed(ctx, source, popped(from), 1, gone);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn moves() {
        check(
            r#"
            > RPUSH a 1 2 3
            (integer) 3
            > LMOVE a b LEFT RIGHT
            "1"
            > RPOPLPUSH a b
            "3"
            > LMOVE a a LEFT LEFT
            "2"
            > BLMOVE a b RIGHT RIGHT 0
            "2"
            > LMOVE a b LEFT LEFT
            (nil)
            > LRANGE b 0 -1
            1) "3"
            2) "1"
            3) "2"
            > BRPOPLPUSH b b 0
            "2"
            > LMOVE a b up LEFT
            (error) ERR syntax error
            > BLMOVE a b LEFT LEFT x
            (error) ERR timeout is not a float or out of range
            > SET s v
            OK
            > LMOVE nothing s LEFT LEFT
            (nil)
            > RPOPLPUSH b s
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LLEN b
            (integer) 3
            "#,
        );
    }
}
