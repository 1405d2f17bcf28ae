//! HRANDFIELD.

use commands_macros::command;
use keyspace::hash::{Field, HashRef};
use keyspace::keys::Key;
use resp::Writer;

use super::expired::purge_all;
use super::limits;
use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::element;
use crate::spec::{ArgDoc, ArgType};

/// A hash of one field could be asked for any number of copies of it: beyond this many only where the limit of the
/// client's output ends it in time.
const COPIES_MAX: u64 = 1 << 26;
/// So many copies from one look at that limit to the next.
const LOOK_EVERY: u64 = 1024;

/// `count [WITHVALUES]`
pub(crate) struct Choice {
    /// How many fields; so many, and any of them more than once, when it is negative.
    count: i64,
    with_values: bool,
}

impl<'a> Arg<'a> for Choice {
    const DOC: ArgDoc = ArgDoc::block(
        "options",
        &[ArgDoc::new("count", ArgType::Integer), ArgDoc::token_only("withvalues").token("WITHVALUES").optional()],
    );

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let count = <i64 as Arg>::take(args)?;
        if count == i64::MIN {
            return Err(Error::Plain(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let with_values = args.take_token("WITHVALUES");
        args.end()?;
        if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(Error::OutOfRange);
        }
        Ok(Self { count, with_values })
    }
}

/// Answers one or more fields of a hash, chosen at random.
#[command(
    "HRANDFIELD",
    since = "6.2.0",
    complexity = "O(N) where N is the number of fields returned",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn hrandfield(ctx: &mut Ctx, key: Key, options: Option<Choice>) -> Result<()> {
    if ctx.keys.hash(&key)?.is_some_and(|hash| hash.has_expired()) {
        // A choice among the living must not meet the dead again and again.
        let limits = limits(ctx);
        purge_all(&mut ctx.keys.hash_for_write(&key, limits)?);
    }
    let random = ctx.core.random;
    let below = |limit| random.borrow_mut().below(limit);
    let hash = ctx.keys.peek_hash(&key)?;
    match (hash, options) {
        (None, None) => ctx.out.null(),
        (None, Some(_)) => ctx.out.empty_array(),
        (Some(hash), None) => match hash.random(below) {
            Some(field) => element(ctx.out, field.name),
            None => ctx.out.null(),
        },
        (Some(hash), Some(choice)) if choice.count < 0 => {
            let (node, shared) = (ctx.node, &ctx.client.shared);
            if choice.count.unsigned_abs() > COPIES_MAX && !node.has_output_limit(shared) {
                return Err(Error::OutOfRange);
            }
            with_repetition(hash, &choice, below, |bytes| node.bound_output(shared, bytes), ctx.out)?;
        }
        (Some(hash), Some(choice)) => distinct(hash, &choice, below, ctx.out),
    }
    Ok(())
}

fn distinct(hash: HashRef<'_>, choice: &Choice, below: impl FnMut(u64) -> u64, out: &mut Writer) {
    let count = usize::try_from(choice.count).unwrap_or(usize::MAX).min(hash.len());
    header(out, count, choice.with_values);
    hash.random_distinct(count, below, |field| write(out, &field, choice.with_values));
}

fn with_repetition(
    hash: HashRef<'_>,
    choice: &Choice,
    mut below: impl FnMut(u64) -> u64,
    may_go_on: impl Fn(usize) -> bool,
    out: &mut Writer,
) -> Result<()> {
    let count = choice.count.unsigned_abs();
    header(out, count as usize, choice.with_values);
    for done in 0..count {
        if done % LOOK_EVERY == LOOK_EVERY - 1 && !may_go_on(out.len()) {
            // The connection ends: nobody reads the rest.
            return Ok(());
        }
        let field = hash.random(&mut below).ok_or(Error::NoSuchKey)?;
        write(out, &field, choice.with_values);
    }
    Ok(())
}

/// RESP3 answers pairs, RESP2 fields and values in turn.
fn header(out: &mut Writer, count: usize, with_values: bool) {
    let is_flat = with_values && out.proto() == resp::Proto::Resp2;
    out.array(if is_flat { count * 2 } else { count });
}

fn write(out: &mut Writer, field: &Field<'_>, with_values: bool) {
    if with_values && out.proto() == resp::Proto::Resp3 {
        out.array(2);
    }
    element(out, field.name);
    if with_values {
        element(out, field.value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::testing::{Fixture, check, check3};

    #[test]
    fn shapes() {
        check(
            r#"
            > HRANDFIELD h
            (nil)
            > HRANDFIELD h 3
            (empty array)
            > HSET h a 1
            (integer) 1
            > HRANDFIELD h
            "a"
            > HRANDFIELD h 0
            (empty array)
            > HRANDFIELD h 9223372036854775807
            1) "a"
            > HRANDFIELD h 3 withvalues
            1) "a"
            2) "1"
            > HRANDFIELD h -2 WITHVALUES
            1) "a"
            2) "1"
            3) "a"
            4) "1"
            > HPEXPIRE h 10 FIELDS 1 a
            1) (integer) 1
            + 10ms
            > HRANDFIELD h -2
            (empty array)
            > HLEN h
            (integer) 0
            "#,
        );
        check3(
            r#"
            > HSET h a 1
            (integer) 1
            > HRANDFIELD h 3 WITHVALUES
            1) 1) "a"
               2) "1"
            > HRANDFIELD h -1 WITHVALUES
            1) 1) "a"
               2) "1"
            > HRANDFIELD missing 1 WITHVALUES
            (empty array)
            > HRANDFIELD missing
            (nil)
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            r#"
            > SET k v
            OK
            > HRANDFIELD k x y z
            (error) ERR value is not an integer or out of range
            > HRANDFIELD k 1 y
            (error) ERR syntax error
            > HRANDFIELD k 1 WITHVALUES y
            (error) ERR syntax error
            > HRANDFIELD k -9223372036854775808
            (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > HRANDFIELD k -9223372036854770000 WITHVALUES
            (error) ERR value is out of range
            > HRANDFIELD k 4611686018427387904 WITHVALUES
            (error) ERR value is out of range
            > HRANDFIELD k
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSET h a 1
            (integer) 1
            > HRANDFIELD h -4611686018427387903
            (error) ERR value is out of range
            "#,
        );
    }

    #[test]
    fn all_fields_come_alike() {
        for entries_max in ["512", "0"] {
            let mut fixture = Fixture::new();
            fixture.configure("hash-max-listpack-entries", entries_max);
            fixture.cli(1, "HSET h a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10");
            for count in ["-1000", "8", "2"] {
                let mut seen = HashMap::new();
                let mut total = 0;
                while total < 2000 {
                    for line in fixture.cli(1, &format!("HRANDFIELD h {count}")).lines() {
                        let name = line.split('"').nth(1).expect("a name").to_owned();
                        *seen.entry(name).or_insert(0_u32) += 1;
                        total += 1;
                    }
                }
                assert_eq!(seen.len(), 10);
                let expected = f64::from(total) / 10.0;
                let chi_square: f64 = seen.values().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
                assert!(chi_square < 50.0, "{count} of {entries_max}: {chi_square}");
            }
        }
    }
}
