//! GETEX.

use commands_macros::{Args, command};
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;

use super::get::reply_string;
use super::set::EXPIRE_EVENT;
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::Result;
use crate::expiration::{Expiration, Persist};

const PERSIST_EVENT: Event = Event::new(Classes::GENERIC, "persist");

#[derive(Args, Default)]
pub(crate) struct GetexOptions<'a> {
    expiration: Option<Expiration<'a, Persist>>,
}

/// Answers the string at a key and sets or removes the time at which it expires.
#[command(
    "GETEX",
    since = "6.2.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE).notes("RW and UPDATE because it changes the TTL"))
)]
pub(crate) fn getex(ctx: &mut Ctx, key: Key, #[options] how: GetexOptions) -> Result<()> {
    if !reply_string(ctx, &key)? {
        return Ok(());
    }
    let Some(expiration) = how.expiration else { return Ok(()) };
    let now_ms = ctx.now_ms();
    let deadline_ms = expiration.deadline_ms(now_ms, "getex")?;
    let Some(slot) = ctx.keys.find_untouched(&key) else { return Ok(()) };
    match deadline_ms {
        Some(deadline_ms) if deadline_ms <= now_ms => {
            ctx.keys.db_mut(key.hash).remove(slot);
            ctx.keys.changed(&key, Event::DEL);
            effect!(ctx, ctx.removal_of_expired(), key.bytes);
        }
        Some(at_ms) => {
            ctx.keys.db_mut(key.hash).set_deadline(slot, deadline_ms);
            ctx.keys.changed(&key, EXPIRE_EVENT);
            effect!(ctx, "PEXPIREAT", key.bytes, at_ms);
        }
        None if ctx.keys.entry(&key, slot).has_deadline() => {
            ctx.keys.db_mut(key.hash).set_deadline(slot, None);
            ctx.keys.changed(&key, PERSIST_EVENT);
            effect!(ctx, "PERSIST", key.bytes);
        }
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_key_is_looked_at_before_the_time() {
        check(
            r#"
            > GETEX nokey EX 0
            (nil)
            > GETEX nokey what
            (error) ERR syntax error
            > SET k v
            OK
            > GETEX k EX 0
            (error) ERR invalid expire time in 'getex' command
            > GETEX k EX 1 PX 1
            (error) ERR syntax error
            > GETEX k PERSIST EX 1
            (error) ERR syntax error
            > GETEX k KEEPTTL
            (error) ERR syntax error
            > GETEX k EX x
            (error) ERR value is not an integer or out of range
            > GETEX k EX 10
            "v"
            > TTL k
            (integer) 10
            > GETEX k PERSIST
            "v"
            > TTL k
            (integer) -1
            > GETEX k EXAT 5
            "v"
            > EXISTS k
            (integer) 0
            "#,
        );
    }
}
