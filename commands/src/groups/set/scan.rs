//! SSCAN.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::packed::{Element, IntText};
use smallvec::SmallVec;

use super::write_member;
use crate::args::Unread;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::scan::{Cursor, ScanOptions, write_empty, write_head};

/// Walks over the members of a set, some at each call.
#[command(
    "SSCAN",
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn sscan(ctx: &mut Ctx, key: Key, cursor: Cursor, options: Unread<ScanOptions>) -> Result<()> {
    let Some(set) = ctx.keys.set(&key)? else {
        write_empty(ctx.out);
        return Ok(());
    };
    let options = options.read()?;
    let mut found: SmallVec<[Element<'_>; 32]> = SmallVec::new();
    let next = set.scan(cursor.0, options.count(), |member| {
        if options.admits(member.as_bytes(&mut IntText::default())) {
            found.push(member);
        }
    });
    write_head(ctx.out, next, found.len());
    found.into_iter().for_each(|member| write_member(ctx.out, member));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn small_sets_come_whole() {
        check(
            r#"
            > SADD s 3 1 20
            (integer) 3
            > SSCAN s 0 COUNT 1
            1) "0"
            2) 1) "1"
               2) "3"
               3) "20"
            > SSCAN s 0 MATCH 2* COUNT 100
            1) "0"
            2) 1) "20"
            > SSCAN s " +00"
            1) "0"
            2) 1) "1"
               2) "3"
               3) "20"
            > SSCAN s -1
            (error) ERR invalid cursor
            > SSCAN none x
            (error) ERR invalid cursor
            > SSCAN s 0 COUNT 0
            (error) ERR syntax error
            > SSCAN s 0 COUNT x
            (error) ERR value is not an integer or out of range
            > SSCAN s 0 MATCH
            (error) ERR syntax error
            > SSCAN none 0 FOO
            1) "0"
            2) (empty array)
            "#,
        );
    }
}
