//! HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME.

use commands_macros::command;
use keyspace::keys::Key;

use super::fields::Fields;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers how long fields of a hash will live, in seconds.
#[command(
    "HTTL",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn httl(ctx: &mut Ctx, key: Key, fields: Fields) -> Result<()> {
    let now_ms = ctx.now_ms();
    answer(ctx, &key, fields, |deadline_ms| (deadline_ms - now_ms + 999) / 1000)
}

/// Answers how long fields of a hash will live, in milliseconds.
#[command(
    "HPTTL",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn hpttl(ctx: &mut Ctx, key: Key, fields: Fields) -> Result<()> {
    let now_ms = ctx.now_ms();
    answer(ctx, &key, fields, |deadline_ms| deadline_ms - now_ms)
}

/// Answers when fields of a hash expire, in unix seconds.
#[command(
    "HEXPIRETIME",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn hexpiretime(ctx: &mut Ctx, key: Key, fields: Fields) -> Result<()> {
    answer(ctx, &key, fields, |deadline_ms| (deadline_ms + 999) / 1000)
}

/// Answers when fields of a hash expire, in unix milliseconds.
#[command(
    "HPEXPIRETIME",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn hpexpiretime(ctx: &mut Ctx, key: Key, fields: Fields) -> Result<()> {
    answer(ctx, &key, fields, |deadline_ms| deadline_ms)
}

/// Answers `time` of each field's deadline, -1 where there is none, -2 where there is no field.
fn answer(ctx: &mut Ctx, key: &Key, fields: Fields, time: impl Fn(i64) -> i64) -> Result<()> {
    let hash = ctx.keys.hash(key)?;
    let names = fields.read()?;
    ctx.out.array(names.len());
    for name in names.iter() {
        let found = hash.and_then(|hash| hash.find(name));
        ctx.out.int(match found {
            None => -2,
            Some((_, None)) => -1,
            Some((_, Some(deadline_ms))) => time(deadline_ms),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn times() {
        check(
            r#"
            > HSET h a 1 b 2 c 3
            (integer) 3
            > HPEXPIREAT h 70368744177661 FIELDS 1 a
            1) (integer) 1
            > HEXPIRETIME h FIELDS 3 a b x
            1) (integer) 70368744178
            2) (integer) -1
            3) (integer) -2
            > HPEXPIRETIME h FIELDS 1 a
            1) (integer) 70368744177661
            > HPEXPIRE h 1 FIELDS 1 c
            1) (integer) 1
            > HPTTL missing FIELDS 2 a b
            1) (integer) -2
            2) (integer) -2
            + 1ms
            > HTTL h FIELDS 1 c
            1) (integer) -2
            > HLEN h
            (integer) 3
            > HTTL h FIELDS 2 a
            (error) ERR The `numfields` parameter must match the number of arguments
            > HPTTL h FIELDS -1 a
            (error) ERR Number of fields must be a positive integer
            > SET k v
            OK
            > HEXPIRETIME k FOO 2 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
