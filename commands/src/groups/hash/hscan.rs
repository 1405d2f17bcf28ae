//! HSCAN.

use commands_macros::{Args, command};
use keyspace::hash::Field;
use keyspace::keys::Key;
use keyspace::packed::IntText;
use smallvec::SmallVec;

use crate::args::Unread;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::element;
use crate::scan::{COUNT_DEFAULT, Count, Cursor, admits, write_empty, write_head};

#[derive(Args, Default)]
pub(crate) struct HscanOptions<'a> {
    #[arg(token = "MATCH", pattern)]
    pattern: Option<&'a [u8]>,
    #[arg(token = "COUNT")]
    count: Option<Count>,
    novalues: bool,
}

/// Answers some fields of a hash with their values, and the cursor to go on with.
#[command(
    "HSCAN",
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn hscan(ctx: &mut Ctx, key: Key, cursor: Cursor, options: Unread<HscanOptions>) -> Result<()> {
    let Some(hash) = ctx.keys.hash(&key)? else {
        write_empty(ctx.out);
        return Ok(());
    };
    let HscanOptions { pattern, count, novalues } = options.read()?;
    let count = count.map_or(COUNT_DEFAULT, |Count(count)| count);
    let mut found: SmallVec<[Field<'_>; 16]> = SmallVec::new();
    let next = hash.scan(cursor.0, count, |field| {
        if admits(pattern, field.name.as_bytes(&mut IntText::default())) {
            found.push(field);
        }
    });
    write_head(ctx.out, next, if novalues { found.len() } else { found.len() * 2 });
    for field in found {
        element(ctx.out, field.name);
        if !novalues {
            element(ctx.out, field.value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::{Fixture, check};

    #[test]
    fn a_small_hash_comes_at_once() {
        check(
            r#"
            > HSET h a 1 ab 2 12 3
            (integer) 3
            > HSCAN h 0
            1) "0"
            2) 1) "a"
               2) "1"
               3) "ab"
               4) "2"
               5) "12"
               6) "3"
            > HSCAN h 77 MATCH a* NOVALUES
            1) "0"
            2) 1) "a"
               2) "ab"
            > HSCAN h 0 match 1? count 1
            1) "0"
            2) 1) "12"
               2) "3"
            > HSCAN missing 0 FOO
            1) "0"
            2) (empty array)
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            r#"
            > SET k v
            OK
            > HSCAN k x
            (error) ERR invalid cursor
            > HSCAN k 0 FOO
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSET h a 1
            (integer) 1
            > HSCAN h 0 COUNT x
            (error) ERR value is not an integer or out of range
            > HSCAN h 0 COUNT 0
            (error) ERR syntax error
            > HSCAN h 0 COUNT
            (error) ERR syntax error
            > HSCAN h 0 TYPE hash
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn a_large_hash_comes_in_parts_and_whole() {
        let mut fixture = Fixture::new();
        for n in 0..1000 {
            fixture.cli(1, &format!("HSET h field:{n} {n}"));
        }
        fixture.cli(1, "HPEXPIRE h 10 FIELDS 1 field:0");
        fixture.advance_ms(10);
        let (mut cursor, mut names, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let reply = fixture.cli(1, &format!("HSCAN h {cursor} NOVALUES COUNT 50"));
            let mut words = reply.lines().filter_map(|line| line.split('"').nth(1));
            cursor = words.next().expect("a cursor").to_owned();
            names.extend(words.map(str::to_owned));
            calls += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(names.len(), 999);
        assert!((10..=21).contains(&calls), "{calls} calls");
    }
}
