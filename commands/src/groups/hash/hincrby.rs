//! HINCRBY and HINCRBYFLOAT.

use base::number::LongDouble;
use commands_macros::command;
use keyspace::change::Event;
use keyspace::hash::Deadline;
use keyspace::keys::Key;
use keyspace::packed::{Element, IntText};

use super::expired::purge;
use super::{hash_event, limits};
use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const INCREMENT_EVENT: Event = hash_event("hincrby");
const INCREMENT_FLOAT_EVENT: Event = hash_event("hincrbyfloat");

/// Adds to the integer in a field of a hash, 0 where there is none, and answers the sum.
#[command(
    "HINCRBY",
    since = "2.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE))
)]
pub(crate) fn hincrby(ctx: &mut Ctx, key: Key, field: &[u8], increment: i64) -> Result<i64> {
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    purge(&mut hash, std::iter::once(field));
    let number = match hash.get(field) {
        None => 0,
        Some(Element::Int(number)) => number,
        Some(Element::Bytes(text)) => {
            base::number::parse_i64(text).ok_or(Error::Plain("ERR hash value is not an integer"))?
        }
    };
    let sum = number.checked_add(increment).ok_or(Error::Plain("ERR increment or decrement would overflow"))?;
    hash.set(field, IntText::default().spell(sum), Deadline::Keep);
    hash.changed(INCREMENT_EVENT, 1);
    Ok(sum)
}

/// What HINCRBYFLOAT adds.
pub(crate) struct Increment(LongDouble);

impl<'a> Arg<'a> for Increment {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Double);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let number = LongDouble::parse(args.word()?).ok_or(Error::NotAFloat)?;
        if number.is_finite() { Ok(Self(number)) } else { Err(Error::Plain("ERR value is NaN or Infinity")) }
    }
}

/// Adds to the number in a field of a hash, 0 where there is none, and answers the sum.
#[command(
    "HINCRBYFLOAT",
    since = "2.6.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE))
)]
pub(crate) fn hincrbyfloat(ctx: &mut Ctx, key: Key, field: &[u8], increment: Increment) -> Result<String> {
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    purge(&mut hash, std::iter::once(field));
    let number = match hash.get(field) {
        None => LongDouble::parse(b"0"),
        Some(value) => LongDouble::parse(value.as_bytes(&mut IntText::default())),
    };
    let sum = number.ok_or(Error::Plain("ERR hash value is not a float"))? + increment.0;
    if !sum.is_finite() {
        return Err(Error::Plain("ERR increment would produce NaN or Infinity"));
    }
    let text = sum.to_string();
    hash.set(field, text.as_bytes(), Deadline::Keep);
    hash.changed(INCREMENT_FLOAT_EVENT, 1);
    effect!(ctx, "HSETEX", key.bytes, "KEEPTTL", "FIELDS", "1", field, text.as_str());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn integers() {
        check(
            r#"
            > HINCRBY h n 5
            (integer) 5
            > HEXPIRE h 100 FIELDS 1 n
            1) (integer) 1
            > HINCRBY h n 17179869184
            (integer) 17179869189
            > HTTL h FIELDS 1 n
            1) (integer) 100
            > HINCRBY h n 9223372036854775807
            (error) ERR increment or decrement would overflow
            > HSET h left " 11" right "11 " text x
            (integer) 3
            > HINCRBY h left 1
            (error) ERR hash value is not an integer
            > HINCRBY h right 1
            (error) ERR hash value is not an integer
            > SET k v
            OK
            > HINCRBY k n x
            (error) ERR value is not an integer or out of range
            > HINCRBY k n 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HPEXPIRE h 10 FIELDS 1 text
            1) (integer) 1
            + 10ms
            > HINCRBY h text -9223372036854775808
            (integer) -9223372036854775808
            > HTTL h FIELDS 1 text
            1) (integer) -1
            "#,
        );
    }

    #[test]
    fn floats() {
        check(
            r#"
            > HINCRBYFLOAT h n 1.23
            "1.23"
            > HINCRBYFLOAT h n 0.77
            "2"
            > HINCRBYFLOAT h n -0.1
            "1.9"
            > HINCRBYFLOAT h m 3.0e3
            "3000"
            > HINCRBY h m 1
            (integer) 3001
            "#,
        );
        check(
            r#"
            > HSET h text x zero "1\x002" inf inf
            (integer) 3
            > HINCRBYFLOAT h text 1
            (error) ERR hash value is not a float
            > HINCRBYFLOAT h zero 1
            (error) ERR hash value is not a float
            > HINCRBYFLOAT h inf 1
            (error) ERR increment would produce NaN or Infinity
            > HINCRBYFLOAT missing n +inf
            (error) ERR value is NaN or Infinity
            > HLEN missing
            (integer) 0
            > SET k v
            OK
            > HINCRBYFLOAT k n x
            (error) ERR value is not a valid float
            > HINCRBYFLOAT k n 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
