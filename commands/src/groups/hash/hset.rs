//! HSET, HMSET and HSETNX.

use commands_macros::command;
use keyspace::hash::Deadline;
use keyspace::keys::Key;

use super::expired::purge;
use super::{Field, SET_EVENT, limits};
use crate::args::{Many, Pair, Value};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

/// Sets fields of a hash, which comes into being with them, and answers how many are new.
#[command(
    "HSET",
    since = "2.0.0",
    complexity = "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn hset(ctx: &mut Ctx, key: Key, data: Many<Pair<Field, Value>>) -> Result<usize> {
    set(ctx, &key, data)
}

/// Sets fields of a hash, which comes into being with them.
#[command(
    "HMSET",
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields being set.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | UPDATE)),
    deprecated("4.0.0", "`HSET` with multiple field-value pairs")
)]
pub(crate) fn hmset(ctx: &mut Ctx, key: Key, data: Many<Pair<Field, Value>>) -> Result<Done> {
    set(ctx, &key, data)?;
    Ok(Done)
}

#[inline]
fn set<'a>(ctx: &mut Ctx, key: &Key<'a>, data: Many<'a, Pair<Field<'a>, Value<'a>>>) -> Result<usize> {
    let words = data.words().len();
    if !words.is_multiple_of(2) {
        return Err(Error::Arity);
    }
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(key, limits)?;
    // An even number of words is pairs.
    let pairs = data.iter().flatten().map(|Pair(Field(field), Value(value))| (field, value));
    let added = hash.set_all(words / 2, pairs);
    hash.changed(SET_EVENT, words / 2);
    Ok(added)
}

/// Sets a field of a hash unless there is one; answers whether it did.
#[command(
    "HSETNX",
    since = "2.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn hsetnx(ctx: &mut Ctx, key: Key, field: &[u8], value: &[u8]) -> Result<bool> {
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    purge(&mut hash, std::iter::once(field));
    if hash.contains(field) {
        return Ok(false);
    }
    hash.set(field, value, Deadline::Clear);
    hash.changed(SET_EVENT, 1);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn sets_fields() {
        check(
            r#"
            > HSET h a 1 b 2 a 3
            (integer) 2
            > HSET h a 1 b
            (error) ERR wrong number of arguments for 'hset' command
            > HMSET h a 1 b
            (error) ERR wrong number of arguments for 'hmset' command
            > HMSET h c 4 d ""
            OK
            > HMGET h a b c d e
            1) "3"
            2) "2"
            3) "4"
            4) ""
            5) (nil)
            > HSETNX h a 9
            (integer) 0
            > HSETNX h e 9
            (integer) 1
            > SET k v
            OK
            > HSET k a 1 b
            (error) ERR wrong number of arguments for 'hset' command
            > HSET k a 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HMSET k a 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSETNX k a 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn a_field_that_is_set_anew_no_longer_expires() {
        check(
            r#"
            > HSET h a 1 b 2 c 3
            (integer) 3
            > HPEXPIRE h 10 FIELDS 2 a b
            1) (integer) 1
            2) (integer) 1
            > HSET h a 4
            (integer) 0
            + 20ms
            > HGETALL h
            1) "c"
            2) "3"
            3) "a"
            4) "4"
            > HSETNX h b 5
            (integer) 1
            > HTTL h FIELDS 3 a b c
            1) (integer) -1
            2) (integer) -1
            3) (integer) -1
            "#,
        );
    }
}
