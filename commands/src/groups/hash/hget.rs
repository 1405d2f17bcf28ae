//! HGET, HEXISTS and HSTRLEN: one field.

use commands_macros::command;
use keyspace::keys::Key;

use super::expired::purge_after_read;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Answers the value of a field of a hash.
#[command("HGET", since = "2.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO | ACCESS)))]
pub(crate) fn hget(ctx: &mut Ctx, key: Key, field: &[u8]) -> Result<()> {
    let Some(hash) = ctx.keys.hash(&key)? else {
        ctx.out.null();
        return Ok(());
    };
    if let Some(value) = hash.get(field) {
        reply::element(ctx.out, value);
        return Ok(());
    }
    let has_expired = hash.has_expired();
    ctx.out.null();
    if has_expired {
        purge_after_read(ctx, &key, std::iter::once(field))?;
    }
    Ok(())
}

/// Answers whether a hash has a field.
#[command("HEXISTS", since = "2.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn hexists(ctx: &mut Ctx, key: Key, field: &[u8]) -> Result<bool> {
    value_len(ctx, &key, field).map(|len| len.is_some())
}

/// Answers the length of the value of a field, 0 when there is none.
#[command("HSTRLEN", since = "3.2.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn hstrlen(ctx: &mut Ctx, key: Key, field: &[u8]) -> Result<usize> {
    value_len(ctx, &key, field).map(Option::unwrap_or_default)
}

fn value_len(ctx: &mut Ctx, key: &Key, field: &[u8]) -> Result<Option<usize>> {
    let Some(hash) = ctx.keys.hash(key)? else { return Ok(None) };
    let len = hash.get(field).map(|value| value.text_len());
    if len.is_none() && hash.has_expired() {
        purge_after_read(ctx, key, std::iter::once(field))?;
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn one_field() {
        check(
            r#"
            > HSET h a 1 b text min -9223372036854775808 max 9223372036854775808 empty ""
            (integer) 5
            > HGET h a
            "1"
            > HGET h b
            "text"
            > HGET h x
            (nil)
            > HSTRLEN h min
            (integer) 20
            > HSTRLEN h max
            (integer) 19
            > HSTRLEN h empty
            (integer) 0
            > HSTRLEN h x
            (integer) 0
            > HEXISTS h empty
            (integer) 1
            > HEXISTS h x
            (integer) 0
            > HGET missing a
            (nil)
            > HEXISTS missing a
            (integer) 0
            > SET k v
            OK
            > HGET k a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HEXISTS k a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSTRLEN k a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn an_expired_field_goes_when_it_is_looked_at() {
        for entries_max in ["512", "0"] {
            let mut fixture = Fixture::new();
            fixture.configure("hash-max-listpack-entries", entries_max);
            check_with(
                &mut fixture,
                r#"
                > HSET h a 1 b 2 c 3 d 4
                (integer) 4
                > HPEXPIRE h 10 FIELDS 4 a b c d
                1) (integer) 1
                2) (integer) 1
                3) (integer) 1
                4) (integer) 1
                + 10ms
                > HLEN h
                (integer) 4
                > HGET h a
                (nil)
                > HLEN h
                (integer) 3
                > HEXISTS h b
                (integer) 0
                > HLEN h
                (integer) 2
                > HMGET h x c
                1) (nil)
                2) (nil)
                > HGETALL h
                (empty array)
                > HLEN h
                (integer) 1
                > HSTRLEN h d
                (integer) 0
                > HSETNX h a 1
                (integer) 1
                > HLEN h
                (integer) 1
                "#,
            );
        }
    }
}
