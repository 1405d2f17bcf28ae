//! LINDEX, LLEN and LRANGE.

use commands_macros::command;
use keyspace::keys::Key;

use super::{LateInt, write_element};
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the element at an index; negative ones count from the tail.
#[command(
    "LINDEX",
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn lindex(ctx: &mut Ctx, key: Key, index: LateInt) -> Result<()> {
    let found = match ctx.keys.list(&key)? {
        Some(list) => list.get(index.get()?),
        None => None,
    };
    match found {
        Some(element) => write_element(ctx.out, element),
        None => ctx.out.null(),
    }
    Ok(())
}

/// Answers the number of elements.
#[command("LLEN", since = "1.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn llen(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.list(&key)?.map_or(0, |list| list.len()))
}

/// Answers the elements between two indexes, both included.
#[command(
    "LRANGE",
    since = "1.0.0",
    complexity = "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn lrange(ctx: &mut Ctx, key: Key, start: i64, stop: i64) -> Result<()> {
    let Some(list) = ctx.keys.list(&key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    let range = list.range(start, stop);
    ctx.out.array(range.len());
    for element in range {
        write_element(ctx.out, element);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn reads() {
        check(
            r#"
            > RPUSH l a 2 c
            (integer) 3
            > LINDEX l -1
            "c"
            > LINDEX l 1
            "2"
            > LINDEX l 3
            (nil)
            > LINDEX l x
            (error) ERR value is not an integer or out of range
            > LINDEX nothing x
            (nil)
            > LLEN l
            (integer) 3
            > LRANGE l -9223372036854775808 9223372036854775807
            1) "a"
            2) "2"
            3) "c"
            > LRANGE l 2 1
            (empty array)
            > LRANGE nothing x 1
            (error) ERR value is not an integer or out of range
            "#,
        );
    }
}
