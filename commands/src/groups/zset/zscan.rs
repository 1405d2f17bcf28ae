//! ZSCAN.

use base::number::{format_f64, format_f64_17};
use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::packed::{Element, IntText};
use smallvec::SmallVec;

use super::write_member;
use crate::args::Unread;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::scan::{COUNT_DEFAULT, Count, Cursor, admits, write_empty, write_head};

#[derive(Args, Default)]
pub(crate) struct ZscanOptions<'a> {
    #[arg(token = "MATCH", pattern)]
    pattern: Option<&'a [u8]>,
    #[arg(token = "COUNT")]
    count: Option<Count>,
    /// Valkey's.
    #[arg(since = "9.1.0")]
    noscores: bool,
}

/// Walks over the members of a sorted set with their scores, some at each call.
#[command(
    "ZSCAN",
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn zscan(ctx: &mut Ctx, key: Key, cursor: Cursor, options: Unread<ZscanOptions>) -> Result<()> {
    let Some(set) = ctx.keys.zset(&key)? else {
        write_empty(ctx.out);
        return Ok(());
    };
    let ZscanOptions { pattern, count, noscores } = options.read()?;
    let count = count.map_or(COUNT_DEFAULT, |Count(count)| count);
    let mut found: SmallVec<[(Element<'_>, f64); 32]> = SmallVec::new();
    let next = set.scan(cursor.0, count, |member, score| {
        if admits(pattern, member.as_bytes(&mut IntText::default())) {
            found.push((member, score));
        }
    });
    // Redis spells the scores of its large form with more digits than those of its small one.
    let spell = if set.as_large().is_some() { format_f64_17 } else { format_f64 };
    write_head(ctx.out, next, if noscores { found.len() } else { found.len() * 2 });
    for (member, score) in found {
        write_member(ctx.out, member);
        if !noscores {
            ctx.out.bulk(spell(score).as_bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check3;

    #[test]
    fn scores_are_texts_and_longer_ones_in_large_sets() {
        check3(
            r#"
            > ZADD z 0.1 a 2 b
            (integer) 2
            > ZSCAN z 0
            1) "0"
            2) 1) "a"
               2) "0.1"
               3) "b"
               4) "2"
            > ZSCAN z 0 MATCH b COUNT 1
            1) "0"
            2) 1) "b"
               2) "2"
            > ZSCAN z 0 NOSCORES MATCH *
            1) "0"
            2) 1) "a"
               2) "b"
            > ZADD z 1 a-member-that-is-longer-than-the-sixty-four-bytes-of-the-small-form
            (integer) 1
            > ZSCAN z 0 MATCH a
            1) "0"
            2) 1) "a"
               2) "0.10000000000000001"
            > ZSCAN z x
            (error) ERR invalid cursor
            > ZSCAN none 0 FOO
            1) "0"
            2) (empty array)
            > ZSCAN z 0 COUNT 0
            (error) ERR syntax error
            "#,
        );
    }
}
