//! Counters: INCR, DECR, INCRBY, DECRBY and INCRBYFLOAT.

use std::io::Write;

use base::number::LongDouble;
use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::string::AddError;

use super::string_event;
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};

const INCRBY_EVENT: Event = string_event("incrby");
const INCRBYFLOAT_EVENT: Event = string_event("incrbyfloat");

/// Adds one to the integer at a key, 0 when there is none, and answers the sum.
#[command("INCR", since = "1.0.0", complexity = "O(1)", flags(WRITE | DENYOOM | FAST), keys(KeySpec::one(1, RW | ACCESS | UPDATE)))]
pub(crate) fn incr(ctx: &mut Ctx, key: Key) -> Result<i64> {
    add(ctx, &key, 1)
}

/// Takes one from the integer at a key, 0 when there is none, and answers the difference.
#[command("DECR", since = "1.0.0", complexity = "O(1)", flags(WRITE | DENYOOM | FAST), keys(KeySpec::one(1, RW | ACCESS | UPDATE)))]
pub(crate) fn decr(ctx: &mut Ctx, key: Key) -> Result<i64> {
    add(ctx, &key, -1)
}

/// Adds to the integer at a key, 0 when there is none, and answers the sum.
#[command("INCRBY", since = "1.0.0", complexity = "O(1)", flags(WRITE | DENYOOM | FAST), keys(KeySpec::one(1, RW | ACCESS | UPDATE)))]
pub(crate) fn incrby(ctx: &mut Ctx, key: Key, increment: i64) -> Result<i64> {
    add(ctx, &key, increment)
}

/// Takes from the integer at a key, 0 when there is none, and answers the difference.
#[command("DECRBY", since = "1.0.0", complexity = "O(1)", flags(WRITE | DENYOOM | FAST), keys(KeySpec::one(1, RW | ACCESS | UPDATE)))]
pub(crate) fn decrby(ctx: &mut Ctx, key: Key, decrement: i64) -> Result<i64> {
    let increment = decrement.checked_neg().ok_or(Error::Plain("ERR decrement would overflow"))?;
    add(ctx, &key, increment)
}

#[inline]
fn add(ctx: &mut Ctx, key: &Key, delta: i64) -> Result<i64> {
    match ctx.keys.add_int(key, delta) {
        Ok(sum) => {
            ctx.keys.changed(key, INCRBY_EVENT);
            Ok(sum)
        }
        Err(AddError::WrongType) => Err(Error::WrongType),
        Err(AddError::NotAnInteger) => Err(Error::NotAnInteger),
        Err(AddError::Overflow) => Err(Error::Plain("ERR increment or decrement would overflow")),
    }
}

/// Adds to the number at a key, 0 when there is none, and answers the sum.
#[command(
    "INCRBYFLOAT",
    since = "2.6.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE)),
    args(
        crate::spec::ArgDoc::new("key", crate::spec::ArgType::Key).key_spec(0),
        crate::spec::ArgDoc::new("increment", crate::spec::ArgType::Double)
    )
)]
pub(crate) fn incrbyfloat(ctx: &mut Ctx, key: Key, increment: &[u8]) -> Result<()> {
    let slot = ctx.keys.find_string(&key)?.map(|found| found.slot);
    let (before, deadline_ms) = match slot {
        Some(slot) => (LongDouble::parse(&ctx.keys.string_at(&key, slot)?), ctx.keys.entry(&key, slot).deadline_ms()),
        None => (LongDouble::parse(b"0"), None),
    };
    let (Some(before), Some(increment)) = (before, LongDouble::parse(increment)) else { return Err(Error::NotAFloat) };
    let sum = before + increment;
    if !sum.is_finite() {
        return Err(Error::Plain("ERR increment would produce NaN or Infinity"));
    }
    let mut text = Vec::with_capacity(32);
    // Writing to memory does not fail.
    let _ = write!(text, "{sum}");
    ctx.keys.set_text(&key, &text, deadline_ms);
    ctx.keys.changed(&key, INCRBYFLOAT_EVENT);
    effect!(ctx, "SET", key.bytes, &text[..], "KEEPTTL");
    ctx.out.bulk(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn integers() {
        check(
            r#"
            > INCR k
            (integer) 1
            > DECRBY k 3
            (integer) -2
            > OBJECT ENCODING k
            "int"
            > SET k 9223372036854775807 EX 100
            OK
            > INCR k
            (error) ERR increment or decrement would overflow
            > INCRBY k -9223372036854775808
            (integer) -1
            > TTL k
            (integer) 100
            > DECRBY nokey -9223372036854775808
            (error) ERR decrement would overflow
            > INCRBY k +1
            (error) ERR value is not an integer or out of range
            > SET k "1 "
            OK
            > INCR k
            (error) ERR value is not an integer or out of range
            > SET k 1
            OK
            > APPEND k 2
            (integer) 2
            > INCR k
            (integer) 13
            > OBJECT ENCODING k
            "int"
            "#,
        );
    }

    #[test]
    fn floats() {
        check(
            r#"
            > INCRBYFLOAT k 1
            "1"
            > OBJECT ENCODING k
            "embstr"
            > INCRBYFLOAT k -1.1
            "-0.1"
            > INCRBYFLOAT k inf
            (error) ERR increment would produce NaN or Infinity
            > INCRBYFLOAT k what
            (error) ERR value is not a valid float
            > SET k 5.0e3 EX 100
            OK
            > INCRBYFLOAT k 2.0e2
            "5200"
            > TTL k
            (integer) 100
            > SET k what
            OK
            > INCRBYFLOAT k 1
            (error) ERR value is not a valid float
            "#,
        );
    }
}
