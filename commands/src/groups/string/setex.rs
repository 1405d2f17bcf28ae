//! SETEX and PSETEX.

use commands_macros::command;
use keyspace::keys::Key;

use super::SET_EVENT;
use super::set::EXPIRE_EVENT;
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::Result;
use crate::expiration::deadline_ms;
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

const KEY: ArgDoc = ArgDoc::new("key", ArgType::Key).key_spec(0);
const VALUE: ArgDoc = ArgDoc::new("value", ArgType::String);

/// Sets the string at a key and lets it expire in so many seconds.
#[command(
    "SETEX",
    since = "2.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE)),
    deprecated("2.6.12", "`SET` with the `EX` argument"),
    args(KEY, ArgDoc::new("seconds", ArgType::Integer), VALUE)
)]
pub(crate) fn setex(ctx: &mut Ctx, key: Key, seconds: &[u8], value: &[u8]) -> Result<Done> {
    let deadline_ms = deadline_ms(seconds, 1000, ctx.now_ms(), "setex")?;
    set_until(ctx, &key, value, deadline_ms)
}

/// Sets the string at a key and lets it expire in so many milliseconds.
#[command(
    "PSETEX",
    since = "2.6.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE)),
    deprecated("2.6.12", "`SET` with the `PX` argument"),
    args(KEY, ArgDoc::new("milliseconds", ArgType::Integer), VALUE)
)]
pub(crate) fn psetex(ctx: &mut Ctx, key: Key, milliseconds: &[u8], value: &[u8]) -> Result<Done> {
    let deadline_ms = deadline_ms(milliseconds, 1, ctx.now_ms(), "psetex")?;
    set_until(ctx, &key, value, deadline_ms)
}

fn set_until(ctx: &mut Ctx, key: &Key, value: &[u8], deadline_ms: i64) -> Result<Done> {
    ctx.keys.set_string(key, value, Some(deadline_ms));
    ctx.keys.changed(key, SET_EVENT);
    ctx.keys.event(key, EXPIRE_EVENT);
    effect!(ctx, "SET", key.bytes, value, "PXAT", deadline_ms);
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn errors_name_the_command() {
        check(
            r#"
            > SETEX k 10 v
            OK
            > TTL k
            (integer) 10
            > PSETEX k 9223372036854775807 v
            (error) ERR invalid expire time in 'psetex' command
            > SETEX k 0 v
            (error) ERR invalid expire time in 'setex' command
            > SETEX k x v
            (error) ERR value is not an integer or out of range
            > PSETEX k 50 v
            OK
            + 51ms
            > GET k
            (nil)
            "#,
        );
    }
}
