//! SDIFFSTORE, SINTERSTORE and SUNIONSTORE: the set that several sets make, put at a key.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::set::{NewSet, diff_into, inter_into, union_into};

use super::algebra::keys;
use super::{limits, set_event};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Stores the members of the first set that no other has.
#[command(
    "SDIFFSTORE",
    since = "1.0.0",
    complexity = "O(N) where N is the total number of elements in all given sets.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS))
)]
pub(crate) fn sdiffstore(ctx: &mut Ctx, destination: Key, #[arg(key_spec = 1)] key: Many<Key>) -> Result<usize> {
    let set = diff_into(&ctx.keys.sets(&keys(key))?, destination.hash, limits(ctx.node));
    Ok(store(ctx, &destination, set, set_event("sdiffstore")))
}

/// Stores the members that all sets have.
#[command(
    "SINTERSTORE",
    since = "1.0.0",
    complexity = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS))
)]
pub(crate) fn sinterstore(ctx: &mut Ctx, destination: Key, #[arg(key_spec = 1)] key: Many<Key>) -> Result<usize> {
    let set = inter_into(&ctx.keys.sets(&keys(key))?, destination.hash, limits(ctx.node));
    Ok(store(ctx, &destination, set, set_event("sinterstore")))
}

/// Stores the members that any set has.
#[command(
    "SUNIONSTORE",
    since = "1.0.0",
    complexity = "O(N) where N is the total number of elements in all given sets.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS))
)]
pub(crate) fn sunionstore(ctx: &mut Ctx, destination: Key, #[arg(key_spec = 1)] key: Many<Key>) -> Result<usize> {
    let set = union_into(&ctx.keys.sets(&keys(key))?, destination.hash, limits(ctx.node));
    Ok(store(ctx, &destination, set, set_event("sunionstore")))
}

/// Puts the set at the key, or removes the key when the set is empty; answers the number of members.
fn store(ctx: &mut Ctx, destination: &Key, set: NewSet, event: Event) -> usize {
    let len = set.len();
    let removed = ctx.keys.store_set(destination, set);
    if len > 0 {
        ctx.keys.changed(destination, event);
    } else if removed {
        ctx.keys.changed(destination, Event::DEL);
    }
    len
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_destination_is_overwritten_or_removed() {
        check(
            r#"
            > SADD a 1 2 3
            (integer) 3
            > SADD b 2 3 4
            (integer) 3
            > SET d x
            OK
            > SINTERSTORE d a d
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > GET d
            "x"
            > SINTERSTORE d a b
            (integer) 2
            > SMEMBERS d
            1) "2"
            2) "3"
            > SUNIONSTORE a a b
            (integer) 4
            > SDIFFSTORE d a b
            (integer) 1
            > SMEMBERS d
            1) "1"
            > SDIFFSTORE d none a
            (integer) 0
            > SCARD d
            (integer) 0
            > SUNIONSTORE d
            (error) ERR wrong number of arguments for 'sunionstore' command
            "#,
        );
    }
}
