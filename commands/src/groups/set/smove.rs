//! SMOVE.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use super::{SADD_EVENT, SREM_EVENT, limits};
use crate::ctx::Ctx;
use crate::error::Result;

/// Moves a member from one set to another.
#[command(
    "SMOVE",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE), KeySpec::one(2, RW | INSERT))
)]
pub(crate) fn smove(ctx: &mut Ctx, source: Key, #[arg(key_spec = 1)] destination: Key, member: &[u8]) -> Result<bool> {
    let limits = limits(ctx.node);
    if ctx.keys.set_for_write(&source, limits)?.is_empty() {
        return Ok(false);
    }
    // Its type counts even when there is nothing to move.
    ctx.keys.set_for_write(&destination, limits)?;
    let mut from = ctx.keys.set_for_write(&source, limits)?;
    if source.bytes == destination.bytes {
        return Ok(from.as_ref().is_some_and(|set| set.contains(member)));
    }
    if !from.remove(member) {
        return Ok(false);
    }
    let is_gone = from.is_gone();
    ctx.keys.changed(&source, SREM_EVENT);
    if is_gone {
        ctx.keys.event(&source, Event::DEL);
    }
    if ctx.keys.set_for_write(&destination, limits)?.insert(member) {
        ctx.keys.changed(&destination, SADD_EVENT);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn moves_between_sets() {
        check(
            r#"
            > SADD a 1 x
            (integer) 2
            > SADD b 2 3
            (integer) 2
            > SMOVE a b x
            (integer) 1
            > SMISMEMBER b 2 3 x
            1) (integer) 1
            2) (integer) 1
            3) (integer) 1
            > SMOVE a b x
            (integer) 0
            > SMOVE a a 1
            (integer) 1
            > SMOVE a new 1
            (integer) 1
            > SCARD a
            (integer) 0
            > SET string x
            OK
            > SMOVE b string zz
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SMOVE string b zz
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SMOVE none string zz
            (integer) 0
            "#,
        );
    }
}
