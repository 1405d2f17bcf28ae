//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT and PERSIST.

use commands_macros::command;
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::packed::IntText;

use super::KEY;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const PERSIST_EVENT: Event = Event::new(Classes::GENERIC, "persist");

/// Documented as alternatives, though XX goes with GT and LT.
const CONDITION: ArgDoc = ArgDoc::one_of(
    "condition",
    &[
        ArgDoc::token_only("nx").token("NX"),
        ArgDoc::token_only("xx").token("XX"),
        ArgDoc::token_only("gt").token("GT"),
        ArgDoc::token_only("lt").token("LT"),
    ],
)
.since("7.0.0")
.optional();

/// Makes a key expire in so many seconds.
#[command(
    "EXPIRE",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE | VALUELESS)),
    args(KEY, ArgDoc::new("seconds", ArgType::Integer), CONDITION)
)]
pub(crate) fn expire(ctx: &mut Ctx, key: Key, seconds: &[u8], condition: Rest) -> Result<bool> {
    let unit = Unit { ms: 1000, from_ms: ctx.now_ms(), name: "expire" };
    set_deadline(ctx, &key, seconds, unit, condition)
}

/// Makes a key expire in so many milliseconds.
#[command(
    "PEXPIRE",
    since = "2.6.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE | VALUELESS)),
    args(KEY, ArgDoc::new("milliseconds", ArgType::Integer), CONDITION)
)]
pub(crate) fn pexpire(ctx: &mut Ctx, key: Key, milliseconds: &[u8], condition: Rest) -> Result<bool> {
    let unit = Unit { ms: 1, from_ms: ctx.now_ms(), name: "pexpire" };
    set_deadline(ctx, &key, milliseconds, unit, condition)
}

/// Makes a key expire at a time in unix seconds.
#[command(
    "EXPIREAT",
    since = "1.2.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE | VALUELESS)),
    args(KEY, ArgDoc::new("unix-time-seconds", ArgType::UnixTime), CONDITION)
)]
pub(crate) fn expireat(ctx: &mut Ctx, key: Key, unix_time: &[u8], condition: Rest) -> Result<bool> {
    set_deadline(ctx, &key, unix_time, Unit { ms: 1000, from_ms: 0, name: "expireat" }, condition)
}

/// Makes a key expire at a time in unix milliseconds.
#[command(
    "PEXPIREAT",
    since = "2.6.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE | VALUELESS)),
    args(KEY, ArgDoc::new("unix-time-milliseconds", ArgType::UnixTime), CONDITION)
)]
pub(crate) fn pexpireat(ctx: &mut Ctx, key: Key, unix_time: &[u8], condition: Rest) -> Result<bool> {
    set_deadline(ctx, &key, unix_time, Unit { ms: 1, from_ms: 0, name: "pexpireat" }, condition)
}

/// Takes a key's deadline away; answers whether it had one.
#[command(
    "PERSIST",
    since = "2.2.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE | VALUELESS))
)]
pub(crate) fn persist(ctx: &mut Ctx, key: Key) -> Result<bool> {
    let Some(slot) = ctx.keys.find_for_write(&key) else { return Ok(false) };
    if !ctx.keys.entry(&key, slot).has_deadline() {
        return Ok(false);
    }
    ctx.keys.db_mut(key.hash).set_deadline(slot, None);
    ctx.keys.changed(&key, PERSIST_EVENT);
    Ok(true)
}

/// How a command counts time.
struct Unit {
    ms: i64,
    from_ms: i64,
    name: &'static str,
}

impl Unit {
    fn deadline_ms(&self, amount: i64) -> Result<i64> {
        let deadline_ms = amount.checked_mul(self.ms).and_then(|ms| ms.checked_add(self.from_ms));
        deadline_ms.ok_or(Error::InvalidExpire(self.name))
    }
}

#[derive(Default)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(words: Rest) -> Result<Self> {
        let (mut found, mut words) = (Self::default(), words.0);
        while let Some(word) = words.peek() {
            let flag = match () {
                () if words.take_token("NX") => &mut found.nx,
                () if words.take_token("XX") => &mut found.xx,
                () if words.take_token("GT") => &mut found.gt,
                () if words.take_token("LT") => &mut found.lt,
                () => return Err(Error::text(format!("ERR Unsupported option {}", String::from_utf8_lossy(word)))),
            };
            *flag = true;
        }
        if found.nx && (found.xx || found.gt || found.lt) {
            return Err(Error::Plain("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if found.gt && found.lt {
            return Err(Error::Plain("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(found)
    }

    /// A key without a deadline expires later than any other.
    fn admits(&self, present_ms: Option<i64>, new_ms: i64) -> bool {
        !(self.nx && present_ms.is_some()
            || self.xx && present_ms.is_none()
            || self.gt && present_ms.is_none_or(|present_ms| new_ms <= present_ms)
            || self.lt && present_ms.is_some_and(|present_ms| new_ms >= present_ms))
    }
}

fn set_deadline(ctx: &mut Ctx, key: &Key, amount: &[u8], unit: Unit, words: Rest) -> Result<bool> {
    let condition = Condition::parse(words)?;
    let amount = base::number::parse_i64(amount).ok_or(Error::NotAnInteger)?;
    let deadline_ms = unit.deadline_ms(amount)?;
    let Some(slot) = ctx.keys.find_for_write(key) else { return Ok(false) };
    if !condition.admits(ctx.keys.entry(key, slot).deadline_ms(), deadline_ms) {
        return Ok(false);
    }
    if deadline_ms <= ctx.now_ms() {
        ctx.keys.db_mut(key.hash).remove(slot);
        ctx.keys.changed(key, Event::DEL);
        effect!(ctx, ctx.removal_of_expired(), key.bytes);
    } else {
        ctx.keys.db_mut(key.hash).set_deadline(slot, Some(deadline_ms));
        ctx.keys.changed(key, Event::EXPIRE);
        let mut text = IntText::default();
        ctx.say_with("PEXPIREAT", [key.bytes, text.spell(deadline_ms)].into_iter().chain(words.0.iter()));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn errors_come_in_order() {
        check(
            "
            > EXPIRE k abc NX GT
            (error) ERR NX and XX, GT or LT options at the same time are not compatible
            > EXPIRE k abc XX GT LT
            (error) ERR GT and LT options at the same time are not compatible
            > EXPIRE k abc foo
            (error) ERR Unsupported option foo
            > EXPIRE k abc
            (error) ERR value is not an integer or out of range
            > EXPIRE k 9223372036854775
            (error) ERR invalid expire time in 'expire' command
            > PEXPIRE k 9223372036854775807
            (error) ERR invalid expire time in 'pexpire' command
            > EXPIREAT k -9223372036854775807
            (error) ERR invalid expire time in 'expireat' command
            > EXPIRE k
            (error) ERR wrong number of arguments for 'expire' command
            > EXPIRE k 10
            (integer) 0
            ",
        );
    }

    #[test]
    fn conditions_compare_deadlines() {
        check(
            "
            > SET k v
            OK
            > EXPIRE k 100 XX
            (integer) 0
            > EXPIRE k 100 GT
            (integer) 0
            > EXPIRE k 100 LT
            (integer) 1
            > EXPIRE k 200 NX
            (integer) 0
            > EXPIRE k 200 XX GT
            (integer) 1
            > EXPIRE k 300 LT
            (integer) 0
            > TTL k
            (integer) 200
            > PERSIST k
            (integer) 1
            > PERSIST k
            (integer) 0
            > EXPIRE k -1
            (integer) 1
            > EXISTS k
            (integer) 0
            ",
        );
    }
}
