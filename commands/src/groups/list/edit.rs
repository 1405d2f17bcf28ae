//! LINSERT, LREM, LSET and LTRIM.

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::list::Side;

use super::{LateInt, SignedInt, changed, limits, list_event};
use crate::args::Choice;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

#[derive(Args, Clone, Copy)]
pub(crate) enum Where {
    Before,
    After,
}

/// Inserts an element before or after another one.
#[command(
    "LINSERT",
    since = "2.2.0",
    complexity = "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn linsert(ctx: &mut Ctx, key: Key, r#where: Choice<Where>, pivot: &[u8], element: &[u8]) -> Result<i64> {
    let side = match r#where.0 {
        Where::Before => Side::Before,
        Where::After => Side::After,
    };
    let mut list = ctx.keys.list_for_write(&key, limits(ctx.node))?;
    if list.is_empty() {
        return Ok(0);
    }
    if !list.insert(side, pivot, element) {
        return Ok(-1);
    }
    let len = list.len();
    changed(ctx, &key, list_event("linsert"), 1, false);
    Ok(len as i64)
}

/// Removes elements by value: all, or so many from the head or (negative) from the tail.
#[command(
    "LREM",
    since = "1.0.0",
    complexity = "O(N+M) where N is the length of the list and M is the number of elements removed.",
    flags(WRITE),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn lrem(ctx: &mut Ctx, key: Key, count: SignedInt, element: &[u8]) -> Result<usize> {
    let mut list = ctx.keys.list_for_write(&key, limits(ctx.node))?;
    let removed = list.remove(count.0, element);
    let gone = list.is_empty();
    if removed > 0 {
        changed(ctx, &key, list_event("lrem"), removed, gone);
    }
    Ok(removed)
}

/// Replaces the element at an index.
#[command(
    "LSET",
    since = "1.0.0",
    complexity = "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn lset(ctx: &mut Ctx, key: Key, index: LateInt, element: &[u8]) -> Result<Done> {
    let mut list = ctx.keys.list_for_write(&key, limits(ctx.node))?;
    if list.is_empty() {
        return Err(Error::NoSuchKey);
    }
    if !list.set(index.get()?, element) {
        return Err(Error::IndexOutOfRange);
    }
    changed(ctx, &key, list_event("lset"), 1, false);
    Ok(Done)
}

/// Keeps only the elements between two indexes, both included.
#[command(
    "LTRIM",
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements to be removed by the operation.",
    flags(WRITE),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn ltrim(ctx: &mut Ctx, key: Key, start: i64, stop: i64) -> Result<Done> {
    let mut list = ctx.keys.list_for_write(&key, limits(ctx.node))?;
    if list.is_empty() {
        return Ok(Done);
    }
    let removed = list.trim(start, stop);
    let gone = list.is_empty();
    changed(ctx, &key, list_event("ltrim"), removed, gone);
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn edits() {
        check(
            r#"
            > RPUSH l a b a c a
            (integer) 5
            > LREM l -2 a
            (integer) 2
            > LREM l -9223372036854775808 a
            (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > LINSERT l AFTER b x
            (integer) 4
            > LINSERT l BEFORE nothing x
            (integer) -1
            > LINSERT nothing BEFORE a x
            (integer) 0
            > LINSERT l beside a x
            (error) ERR syntax error
            > LSET l -1 z
            OK
            > LSET l 4 z
            (error) ERR index out of range
            > LSET nothing x z
            (error) ERR no such key
            > LTRIM l 1 2
            OK
            > LRANGE l 0 -1
            1) "b"
            2) "x"
            > LTRIM l 5 9
            OK
            > LPUSHX l a
            (integer) 0
            "#,
        );
    }
}
