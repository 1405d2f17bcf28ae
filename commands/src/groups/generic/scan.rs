//! SCAN: a walk over the keyspace in hash order, shard after shard.
//!
//! The cursor is a shard's number above the place in that shard's table. Every key that is present from the first
//! call to the last is answered at least once.

use commands_macros::{Args, command};
use keyspace::dict::CURSOR_BITS;
use keyspace::entry::Entry;
use keyspace::keys::Keys;
use resp::Writer;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::scan::{Count, Cursor, write_head};

#[derive(Args, Default)]
pub(crate) struct ScanOptions<'a> {
    #[arg(token = "MATCH", pattern)]
    pattern: Option<&'a [u8]>,
    #[arg(token = "COUNT")]
    count: Option<Count>,
    #[arg(token = "TYPE", name = "type", since = "6.0.0")]
    kind: Option<&'a [u8]>,
}

/// Answers some keys and where to go on.
#[command(
    "SCAN",
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
    flags(READONLY),
    locks(Walk),
    tips("nondeterministic_output", "request_policy:special", "response_policy:special")
)]
pub(crate) fn scan(ctx: &mut Ctx, cursor: Cursor, #[options] how: ScanOptions) -> Result<()> {
    let count = how.count.map_or(10, |count| count.0);
    // Where most keys are gone, empty buckets end a call too.
    let mut left = Left { keys: count, buckets: count.saturating_mul(10) };
    let (shards, mut expired) = (ctx.node.space.shards(), Vec::new());
    let mut shard = usize::try_from(cursor.0 >> CURSOR_BITS).unwrap_or(usize::MAX);
    let mut inner = cursor.0 & ((1 << CURSOR_BITS) - 1);
    let (mut found, now_ms) = (0, ctx.now_ms());
    // The cursor comes first in the reply, and is known last.
    let mut keys_out = Writer::new(ctx.out.proto());
    while shard < shards {
        let mut keys = ctx.keys.enter_shard(shard);
        inner = scan_shard(&keys, inner, &mut left, |entry| {
            if !how.admits(entry) {
            } else if entry.deadline_ms().is_some_and(|at_ms| at_ms <= now_ms) {
                expired.push(Box::<[u8]>::from(entry.key()));
            } else {
                keys_out.bulk(entry.key());
                found += 1;
            }
        });
        for key in expired.drain(..) {
            let key = keys.key(&key);
            keys.find_untouched(&key);
        }
        if inner == 0 {
            shard += 1;
        }
        if left.is_used_up() {
            break;
        }
    }
    let next = if shard >= shards { 0 } else { (shard as u64) << CURSOR_BITS | inner };
    write_head(ctx.out, next, found);
    keys_out.segments().for_each(|bytes| ctx.out.raw(bytes));
    Ok(())
}

/// What a call may still look at.
struct Left {
    keys: usize,
    buckets: usize,
}

impl Left {
    fn is_used_up(&self) -> bool {
        self.keys == 0 || self.buckets == 0
    }
}

impl ScanOptions<'_> {
    fn admits(&self, entry: Entry<'_>) -> bool {
        let is_kind = |kind: &[u8]| kind.eq_ignore_ascii_case(entry.kind().type_of().name().as_bytes());
        self.kind.is_none_or(is_kind)
            && self.pattern.is_none_or(|pattern| base::glob::matches(pattern, entry.key(), false))
    }
}

/// Visits entries of one shard from a place on, and answers the next place, 0 at the end.
fn scan_shard(keys: &Keys<'_>, mut cursor: u64, left: &mut Left, mut visit: impl FnMut(Entry<'_>)) -> u64 {
    // An empty table costs no more than its lock.
    let Some(db) = keys.table().filter(|db| !db.is_empty()) else { return 0 };
    loop {
        let mut seen = 0;
        cursor = db.dict().scan(cursor, |record, _| {
            visit(db.entry_of(record));
            seen += 1;
        });
        left.keys = left.keys.saturating_sub(seen);
        left.buckets = left.buckets.saturating_sub(1);
        if cursor == 0 || left.is_used_up() {
            return cursor;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check};

    #[test]
    fn errors() {
        check(
            "
            > SCAN abc
            (error) ERR invalid cursor
            > SCAN -1
            (error) ERR invalid cursor
            > SCAN 0 COUNT 0
            (error) ERR syntax error
            > SCAN 0 COUNT abc
            (error) ERR value is not an integer or out of range
            > SCAN 0 TYPE nonsense
            1) \"0\"
            2) (empty array)
            > SCAN 18446744073709551615
            1) \"0\"
            2) (empty array)
            ",
        );
    }

    #[test]
    fn answers_every_key_and_removes_expired_ones() {
        let mut fixture = Fixture::new();
        for number in 0..500 {
            fixture.cli(1, &format!("SET key:{number} v"));
        }
        fixture.cli(1, "SET gone v PX 5");
        fixture.advance_ms(5);
        let (mut cursor, mut found) = ("0".to_owned(), std::collections::BTreeSet::new());
        loop {
            let reply = fixture.cli(1, &format!("SCAN {cursor} COUNT 7 MATCH *[0-9n]* TYPE STRING"));
            let words: Vec<&str> = reply.split('"').skip(1).step_by(2).collect();
            cursor = words[0].to_owned();
            found.extend(words[1..].iter().map(|word| (*word).to_owned()));
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found.len(), 500);
        assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 500");
    }
}
