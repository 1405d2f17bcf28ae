//! ZREM.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use super::{limits, modified, zset_event};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

const ZREM_EVENT: Event = zset_event("zrem");

/// Removes members from a sorted set; the set goes with its last one.
#[command(
    "ZREM",
    since = "1.2.0",
    complexity = "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn zrem(ctx: &mut Ctx, key: Key, member: Many<&[u8]>) -> Result<usize> {
    let limits = limits(ctx.node);
    let mut set = ctx.keys.zset_for_write(&key, limits)?;
    let removed = member.words().iter().filter(|member| set.remove(member).is_some()).count();
    let is_gone = set.is_empty();
    if removed > 0 {
        modified(ctx, &key, ZREM_EVENT, removed, is_gone);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_key_goes_with_its_last_member() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c
            (integer) 3
            > ZREM z x a a
            (integer) 1
            > ZREM z b c d
            (integer) 2
            > EXISTS z
            (integer) 0
            > ZREM z a
            (integer) 0
            "#,
        );
    }
}
