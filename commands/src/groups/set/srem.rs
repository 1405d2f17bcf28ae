//! SREM.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use super::{SREM_EVENT, changed_by, limits};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Takes members out of a set, which goes with the last of them.
#[command(
    "SREM",
    since = "1.0.0",
    complexity = "O(N) where N is the number of members to be removed.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn srem(ctx: &mut Ctx, key: Key, member: Many<&[u8]>) -> Result<usize> {
    let mut removed = 0;
    let mut set = ctx.keys.set_for_write(&key, limits(ctx.node))?;
    for member in member.words().iter() {
        if set.is_gone() {
            break;
        }
        removed += usize::from(set.remove(member));
    }
    let is_gone = set.is_gone();
    if removed > 0 {
        changed_by(ctx, &key, SREM_EVENT, removed);
        if is_gone {
            ctx.keys.event(&key, Event::DEL);
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_key_goes_with_the_last_member() {
        check(
            r#"
            > SADD s 1 2 3
            (integer) 3
            > SREM s 4 5
            (integer) 0
            > SREM s 1 2 3 4 5 6 7 8
            (integer) 3
            > SCARD s
            (integer) 0
            > SREM s 1
            (integer) 0
            > SET string x
            OK
            > SREM string x
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
