//! HGETALL, HKEYS and HVALS: whole hashes.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::element;

/// Answers all fields of a hash with their values.
#[command(
    "HGETALL",
    since = "2.0.0",
    complexity = "O(N) where N is the size of the hash.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn hgetall(ctx: &mut Ctx, key: Key) -> Result<()> {
    let Some(hash) = ctx.keys.hash(&key)? else {
        ctx.out.map(0);
        return Ok(());
    };
    ctx.out.map(hash.len());
    hash.for_each(|field| {
        element(ctx.out, field.name);
        element(ctx.out, field.value);
    });
    Ok(())
}

/// Answers the names of all fields of a hash.
#[command(
    "HKEYS",
    since = "2.0.0",
    complexity = "O(N) where N is the size of the hash.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn hkeys(ctx: &mut Ctx, key: Key) -> Result<()> {
    let Some(hash) = ctx.keys.hash(&key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    ctx.out.array(hash.len());
    hash.for_each(|field| element(ctx.out, field.name));
    Ok(())
}

/// Answers the values of all fields of a hash.
#[command(
    "HVALS",
    since = "2.0.0",
    complexity = "O(N) where N is the size of the hash.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn hvals(ctx: &mut Ctx, key: Key) -> Result<()> {
    let Some(hash) = ctx.keys.hash(&key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    ctx.out.array(hash.len());
    hash.for_each(|field| element(ctx.out, field.value));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check3};

    #[test]
    fn whole_hashes() {
        check(
            r#"
            > HSET h a 1 b x
            (integer) 2
            > HGETALL h
            1) "a"
            2) "1"
            3) "b"
            4) "x"
            > HKEYS h
            1) "a"
            2) "b"
            > HVALS h
            1) "1"
            2) "x"
            > HGETALL missing
            (empty array)
            > HKEYS missing
            (empty array)
            > HVALS missing
            (empty array)
            > SET k v
            OK
            > HGETALL k
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HKEYS k
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HVALS k
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
        check3(
            r#"
            > HSET h a 1
            (integer) 1
            > HGETALL h
            1# "a" => "1"
            > HGETALL missing
            (empty hash)
            > HKEYS h
            1) "a"
            "#,
        );
    }

    #[test]
    fn a_large_hash_is_answered_whole() {
        let mut fixture = Fixture::new();
        for n in 0..5000 {
            fixture.cli(1, &format!("HSET h field:{n} {n}"));
        }
        fixture.cli(1, "HPEXPIRE h 10 FIELDS 2 field:7 field:4999");
        fixture.advance_ms(10);
        let reply = fixture.cli(1, "HGETALL h");
        assert_eq!(reply.lines().count(), 2 * 4998);
        let mut names: Vec<String> =
            fixture.cli(1, "HKEYS h").lines().map(|line| line.trim()[6..].to_owned()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 4998);
    }
}
