//! DEL and UNLINK. Large values are freed in the background after either.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Removes keys and answers how many were there.
#[command(
    "DEL",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
    flags(WRITE),
    keys(KeySpec::range(1, -1, 1, RM | DELETE)),
    tips("request_policy:multi_shard", "response_policy:agg_sum")
)]
pub(crate) fn del(ctx: &mut Ctx, key: Many<Key>) -> Result<usize> {
    remove(ctx, &key)
}

/// Removes keys, leaving the freeing of their values to the background, and answers how many were there.
#[command(
    "UNLINK",
    since = "4.0.0",
    complexity = "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
    flags(WRITE | FAST),
    keys(KeySpec::range(1, -1, 1, RM | DELETE)),
    tips("request_policy:multi_shard", "response_policy:agg_sum")
)]
pub(crate) fn unlink(ctx: &mut Ctx, key: Many<Key>) -> Result<usize> {
    remove(ctx, &key)
}

fn remove(ctx: &mut Ctx, keys: &Many<Key>) -> Result<usize> {
    let mut removed = 0;
    for key in keys.iter() {
        let key = key?;
        if ctx.keys.remove(&key) {
            ctx.keys.changed(&key, Event::DEL);
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn removes_what_is_there() {
        check(
            r#"
            > MSET a 1 b 2 c 3
            OK
            > DEL a b a nokey
            (integer) 2
            > UNLINK c c
            (integer) 1
            > SET e v PX 10
            OK
            + 10ms
            > DEL e
            (integer) 0
            > DEL
            (error) ERR wrong number of arguments for 'del' command
            "#,
        );
    }
}
