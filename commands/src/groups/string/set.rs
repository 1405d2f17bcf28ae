//! SET.

use commands_macros::{Args, command};
use keyspace::change::Event;
use keyspace::keys::Key;

use super::SET_EVENT;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply;

#[derive(Args, Default)]
pub(crate) struct SetOptions {
    #[arg(since = "2.6.12")]
    condition: Option<Condition>,
    #[arg(since = "6.2.0")]
    get: bool,
    expiration: Option<Expiration>,
}

#[derive(Args, Clone, Copy, PartialEq)]
enum Condition {
    Nx,
    Xx,
}

#[derive(Args, Clone, Copy)]
enum Expiration {
    #[arg(name = "seconds", since = "2.6.12")]
    Ex(i64),
    #[arg(name = "milliseconds", since = "2.6.12")]
    Px(i64),
    #[arg(name = "unix-time-seconds", since = "6.2.0", unix_time)]
    ExAt(i64),
    #[arg(name = "unix-time-milliseconds", since = "6.2.0", unix_time)]
    PxAt(i64),
    #[arg(since = "6.0.0")]
    KeepTtl,
}

impl Expiration {
    fn deadline_ms(self, now_ms: i64) -> Result<Option<i64>> {
        let (amount, unit_ms, base_ms) = match self {
            Self::Ex(seconds) => (seconds, 1000, now_ms),
            Self::Px(milliseconds) => (milliseconds, 1, now_ms),
            Self::ExAt(seconds) => (seconds, 1000, 0),
            Self::PxAt(milliseconds) => (milliseconds, 1, 0),
            Self::KeepTtl => return Ok(None),
        };
        let deadline_ms = amount.checked_mul(unit_ms).filter(|_| amount > 0).and_then(|ms| ms.checked_add(base_ms));
        deadline_ms.map(Some).ok_or(Error::InvalidExpire("set"))
    }
}

/// Sets the string at a key, whatever was there.
#[command(
    "SET",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS).notes("RW and ACCESS due to the optional `GET` argument"))
)]
pub(crate) fn set(ctx: &mut Ctx, key: Key, value: &[u8], #[options] how: SetOptions) -> Result<()> {
    if how.condition.is_none() && !how.get && how.expiration.is_none() {
        ctx.keys.set_string(&key, value, None);
        ctx.keys.changed(&key, SET_EVENT);
        ctx.out.ok();
        return Ok(());
    }
    set_with(ctx, &key, value, &how)
}

fn set_with(ctx: &mut Ctx, key: &Key, value: &[u8], how: &SetOptions) -> Result<()> {
    let now_ms = ctx.now_ms();
    let mut deadline_ms = how.expiration.map_or(Ok(None), |expiration| expiration.deadline_ms(now_ms))?;
    if how.get {
        match ctx.keys.string(key)? {
            Some(text) => reply::text(ctx.out, text),
            None => ctx.out.null(),
        }
    }
    let exists = ctx.keys.exists(key);
    if how.condition.is_some_and(|condition| exists != (condition == Condition::Xx)) {
        if !how.get {
            ctx.out.null();
        }
        return Ok(());
    }
    if matches!(how.expiration, Some(Expiration::KeepTtl)) {
        let slot = ctx.keys.find_untouched(key);
        deadline_ms = slot.and_then(|slot| ctx.keys.entry(key, slot).deadline_ms());
    }
    ctx.keys.set_string(key, value, deadline_ms);
    ctx.keys.changed(key, SET_EVENT);
    if how.expiration.is_some_and(|expiration| !matches!(expiration, Expiration::KeepTtl)) {
        ctx.keys.event(key, Event::EXPIRE);
    }
    if !how.get {
        ctx.out.ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn set_with_options() {
        check(
            r#"
            > SET k v NX
            OK
            > SET k w NX
            (nil)
            > SET k w XX GET
            "v"
            > SET k x EX 0
            (error) ERR invalid expire time in 'set' command
            > SET k x PX 100
            OK
            + 99ms
            > GET k
            "x"
            + 2ms
            > GET k
            (nil)
            > SET k v NX XX
            (error) ERR syntax error
            > SET k v EX 10 PX 10
            (error) ERR syntax error
            "#,
        );
    }
}
