//! SET, SETNX and GETSET.

use commands_macros::{Args, command};
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;

use super::SET_EVENT;
use super::compare::Comparison;
use super::get::reply_string;
use crate::args::{Args as Words, OneOf};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::expiration::{Expiration, KeepTtl};
use crate::request::Request;
use crate::spec::{ArgDoc, key};

/// The event of a deadline that was set.
pub(super) const EXPIRE_EVENT: Event = Event::new(Classes::GENERIC, "expire");

#[derive(Args, Default)]
pub(crate) struct SetOptions<'a> {
    #[arg(since = "2.6.12")]
    condition: Option<Condition<'a>>,
    #[arg(since = "6.2.0")]
    get: bool,
    expiration: Option<Expiration<'a, KeepTtl>>,
}

#[derive(Clone, Copy)]
enum Condition<'a> {
    Nx,
    Xx,
    Compared(Comparison<'a>),
}

impl<'a> OneOf<'a> for Condition<'a> {
    const DOCS: &'static [ArgDoc] = &[
        ArgDoc::token_only("nx").token("NX"),
        ArgDoc::token_only("xx").token("XX"),
        <Comparison as OneOf>::DOCS[0],
        <Comparison as OneOf>::DOCS[1],
        <Comparison as OneOf>::DOCS[2],
        <Comparison as OneOf>::DOCS[3],
    ];

    fn take_if(args: &mut Words<'a>) -> Result<Option<Self>> {
        if args.take_token("NX") {
            return Ok(Some(Self::Nx));
        }
        if args.take_token("XX") {
            return Ok(Some(Self::Xx));
        }
        let comparison = Comparison::take_if(args)?;
        if comparison.is_some() && args.iter().any(Comparison::is_token) {
            return Err(Error::Syntax);
        }
        Ok(comparison.map(Self::Compared))
    }
}

impl Condition<'_> {
    fn holds(self, ctx: &mut Ctx, key: &Key) -> Result<bool> {
        match self {
            Self::Nx => Ok(!ctx.keys.exists(key)),
            Self::Xx => Ok(ctx.keys.exists(key)),
            Self::Compared(comparison) => comparison.holds_at(ctx, key),
        }
    }
}

/// Sets the string at a key, whatever was there.
#[command(
    "SET",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    key_flags(key_flags),
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

/// Without GET the old value is not looked at.
fn is_get(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"GET")
}

fn key_flags(request: &Request<'_>) -> u16 {
    let reads = request.words().skip(3).any(|word| is_get(word) || Comparison::is_token(word));
    if reads { key::RW | key::ACCESS | key::UPDATE } else { key::OW | key::UPDATE }
}

fn set_with(ctx: &mut Ctx, key: &Key, value: &[u8], how: &SetOptions) -> Result<()> {
    let now_ms = ctx.now_ms();
    let mut deadline_ms = how.expiration.map_or(Ok(None), |expiration| expiration.deadline_ms(now_ms, "set"))?;
    if how.get {
        reply_string(ctx, key)?;
    }
    if let Some(condition) = how.condition
        && !condition.holds(ctx, key)?
    {
        if !how.get {
            ctx.out.null();
        }
        return Ok(());
    }
    let keeps = matches!(how.expiration, Some(Expiration::Own(KeepTtl)));
    if keeps && let Some(slot) = ctx.keys.find_untouched(key) {
        deadline_ms = ctx.keys.entry(key, slot).deadline_ms();
    }
    // A deadline in the past stands like any other: the next look at the key finds it expired.
    ctx.keys.set_string(key, value, deadline_ms);
    ctx.keys.changed(key, SET_EVENT);
    if deadline_ms.is_some() && !keeps {
        ctx.keys.event(key, EXPIRE_EVENT);
    }
    say_set(ctx, key, value, how, deadline_ms);
    if !how.get {
        ctx.out.ok();
    }
    Ok(())
}

/// What was there is nothing that a log needs to ask for, and time that passes nothing that it counts in.
fn say_set(ctx: &mut Ctx, key: &Key, value: &[u8], how: &SetOptions, deadline_ms: Option<i64>) {
    let is_compared = matches!(how.condition, Some(Condition::Compared(_)));
    match (how.expiration, deadline_ms) {
        (Some(Expiration::PxAt(_)), _) if !is_compared => {}
        (Some(Expiration::Own(KeepTtl)), _) if is_compared => effect!(ctx, "SET", key.bytes, value, "KEEPTTL"),
        (None, _) if is_compared => effect!(ctx, "SET", key.bytes, value),
        (
            Some(Expiration::Ex(_) | Expiration::Px(_) | Expiration::ExAt(_) | Expiration::PxAt(_)),
            Some(deadline_ms),
        ) => {
            effect!(ctx, "SET", key.bytes, value, "PXAT", deadline_ms);
        }
        _ if how.get => {
            let words = ctx.request.words().skip(1);
            ctx.say_with("SET", words.enumerate().filter(|(at, word)| *at < 2 || !is_get(word)).map(|(_, word)| word));
        }
        _ => {}
    }
}

/// Sets the string at a key that is not there yet; answers whether it did.
#[command(
    "SETNX",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, OW | INSERT)),
    deprecated("2.6.12", "`SET` with the `NX` argument")
)]
pub(crate) fn setnx(ctx: &mut Ctx, key: Key, value: &[u8]) -> Result<bool> {
    if ctx.keys.exists(&key) {
        return Ok(false);
    }
    ctx.keys.set_string(&key, value, None);
    ctx.keys.changed(&key, SET_EVENT);
    Ok(true)
}

/// Sets the string at a key and answers what it was before.
#[command(
    "GETSET",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE)),
    deprecated("6.2.0", "`SET` with the `!GET` argument")
)]
pub(crate) fn getset(ctx: &mut Ctx, key: Key, value: &[u8]) -> Result<()> {
    reply_string(ctx, &key)?;
    ctx.keys.set_string(&key, value, None);
    ctx.keys.changed(&key, SET_EVENT);
    effect!(ctx, "SET", key.bytes, value);
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
            > SET k v EX x what
            (error) ERR syntax error
            > SET k v EX x EX 10
            OK
            > SET k w KEEPTTL
            OK
            > TTL k
            (integer) 10
            > SET k w EXAT 5
            OK
            > EXISTS k
            (integer) 0
            > GETSET k v
            (nil)
            > SETNX k w
            (integer) 0
            > GETSET k w
            "v"
            "#,
        );
    }
}
