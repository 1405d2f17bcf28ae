//! LPUSH, RPUSH, LPUSHX and RPUSHX.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::list::End;

use super::{changed, limits, pushed};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// A new element.
type Value<'a> = &'a [u8];

/// Adds elements at the head of a list; the last one given becomes the head.
#[command(
    "LPUSH",
    since = "1.0.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn lpush(ctx: &mut Ctx, key: Key, element: Many<Value>) -> Result<usize> {
    push(ctx, key, element, End::Front, false)
}

/// Adds elements at the tail of a list.
#[command(
    "RPUSH",
    since = "1.0.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn rpush(ctx: &mut Ctx, key: Key, element: Many<Value>) -> Result<usize> {
    push(ctx, key, element, End::Back, false)
}

/// Adds elements at the head of a list that exists.
#[command(
    "LPUSHX",
    since = "2.2.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn lpushx(ctx: &mut Ctx, key: Key, element: Many<Value>) -> Result<usize> {
    push(ctx, key, element, End::Front, true)
}

/// Adds elements at the tail of a list that exists.
#[command(
    "RPUSHX",
    since = "2.2.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn rpushx(ctx: &mut Ctx, key: Key, element: Many<Value>) -> Result<usize> {
    push(ctx, key, element, End::Back, true)
}

#[inline]
fn push(ctx: &mut Ctx, key: Key, element: Many<Value>, end: End, existing_only: bool) -> Result<usize> {
    let values = element.words();
    let mut list = ctx.keys.list_for_write(&key, limits(ctx.node))?;
    if existing_only && list.is_empty() {
        return Ok(0);
    }
    let len = list.extend(end, values.iter());
    changed(ctx, &key, pushed(end), values.len(), false);
    Ok(len)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn pushes() {
        check(
            r#"
            > LPUSHX l a
            (integer) 0
            > LPUSH l a b
            (integer) 2
            > RPUSHX l c 12
            (integer) 4
            > LRANGE l 0 -1
            1) "b"
            2) "a"
            3) "c"
            4) "12"
            > SET s v
            OK
            > RPUSH s x
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LPUSH l
            (error) ERR wrong number of arguments for 'lpush' command
            "#,
        );
    }
}
