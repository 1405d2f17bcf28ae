//! SADD.

use commands_macros::command;
use keyspace::keys::Key;

use super::{SADD_EVENT, changed_by, limits};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Adds members to a set, which comes into being with the first of them.
#[command(
    "SADD",
    since = "1.0.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn sadd(ctx: &mut Ctx, key: Key, member: Many<&[u8]>) -> Result<usize> {
    let mut added = 0;
    let mut set = ctx.keys.set_for_write(&key, limits(ctx.node))?;
    set.announce(member.words().len());
    for member in member.words().iter() {
        added += usize::from(set.insert(member));
    }
    if added > 0 {
        changed_by(ctx, &key, SADD_EVENT, added);
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts_new_members_only() {
        check(
            r#"
            > SADD s a b a
            (integer) 2
            > SADD s b c
            (integer) 1
            > SCARD s
            (integer) 3
            > SET string x
            OK
            > SADD string a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SADD s
            (error) ERR wrong number of arguments for 'sadd' command
            "#,
        );
    }
}
