//! SCARD, SISMEMBER, SMEMBERS and SMISMEMBER: what is in one set.

use commands_macros::command;
use keyspace::keys::Key;

use super::write_member;
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the number of members of a set.
#[command("SCARD", since = "1.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn scard(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.set(&key)?.map_or(0, |set| set.len()))
}

/// Tells whether a member is in a set.
#[command("SISMEMBER", since = "1.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn sismember(ctx: &mut Ctx, key: Key, member: &[u8]) -> Result<bool> {
    Ok(ctx.keys.set(&key)?.is_some_and(|set| set.contains(member)))
}

/// Answers all members of a set.
#[command(
    "SMEMBERS",
    since = "1.0.0",
    complexity = "O(N) where N is the set cardinality.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn smembers(ctx: &mut Ctx, key: Key) -> Result<()> {
    match ctx.keys.set(&key)? {
        Some(set) => {
            ctx.out.set(set.len());
            set.for_each(|member| write_member(ctx.out, member));
        }
        None => ctx.out.set(0),
    }
    Ok(())
}

/// Tells for each of some members whether it is in a set.
#[command(
    "SMISMEMBER",
    since = "6.2.0",
    complexity = "O(N) where N is the number of elements being checked for membership",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn smismember(ctx: &mut Ctx, key: Key, member: Many<&[u8]>) -> Result<()> {
    let set = ctx.keys.set(&key)?;
    ctx.out.array(member.words().len());
    for member in member.words().iter() {
        ctx.out.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_of_sets_and_of_nothing() {
        check(
            r#"
            > SADD s 3 1 2
            (integer) 3
            > SMEMBERS s
            1) "1"
            2) "2"
            3) "3"
            > SMISMEMBER s 1 x 3
            1) (integer) 1
            2) (integer) 0
            3) (integer) 1
            > SISMEMBER s 03
            (integer) 0
            > SMEMBERS none
            (empty array)
            > SMISMEMBER none a b
            1) (integer) 0
            2) (integer) 0
            > SET string x
            OK
            > SMISMEMBER string a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SMEMBERS string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
