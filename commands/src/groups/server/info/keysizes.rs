//! The section about sizes of keys: how many of each type are how large, by powers of two.
//!
//! Nobody counts sizes while they change; a thread walks all keys when it is asked for, a few buckets under each lock.

use std::fmt::Write;
use std::sync::atomic::Ordering::SeqCst;

use keyspace::entry::Type;
use keyspace::export::View;
use resp::Writer;

use super::Text;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::node::Node;

/// Types in their order, and what is counted of them.
const TYPES: [(Type, &str); 5] = [
    (Type::String, "strings_sizes"),
    (Type::List, "lists_items"),
    (Type::Set, "sets_items"),
    (Type::Zset, "zsets_items"),
    (Type::Hash, "hashes_items"),
];

/// One for nothing, and one for each power of two.
const BINS: usize = 65;
/// Buckets that are visited under one lock.
const BUCKETS_PER_LOCK: usize = 64;

type Counts = [[u64; BINS]; TYPES.len()];

/// Answers `text` with the section behind it, once all keys are counted. Keys that come and go meanwhile may be missed,
/// and some counted twice.
pub(super) fn answer_later(ctx: &mut Ctx, mut text: Text) -> Result<()> {
    let (client, proto) = (ctx.client.shared.id, ctx.out.proto());
    let node = ctx.node.arc().ok_or(Error::Plain("ERR the server is going down"))?;
    if node.counts_sizes.swap(true, SeqCst) {
        return Err(Error::Plain("ERR Sizes of keys are being counted for another client, try again later"));
    }
    let run = move || {
        for db in 0..node.space.databases() {
            write(db, &count(&node, db), &mut text);
        }
        node.counts_sizes.store(false, SeqCst);
        let mut reply = Writer::new(proto);
        reply.verbatim("txt", text.0.as_bytes());
        node.blocking.answer(&node, client, &reply);
    };
    let spawned = std::thread::Builder::new().name("keysizes".into()).spawn(run);
    if spawned.is_err() {
        ctx.node.counts_sizes.store(false, SeqCst);
        return Err(Error::Plain("ERR no thread to be had"));
    }
    Err(Error::Wait(Wait { until_ms: None, otherwise: Otherwise::Null }))
}

fn count(node: &Node, db: usize) -> Counts {
    let mut counts = [[0; BINS]; TYPES.len()];
    for shard in 0..node.space.shards() {
        let mut cursor = 0;
        loop {
            let next = node.space.with_table(shard, db, |table| {
                for _ in 0..BUCKETS_PER_LOCK {
                    cursor = table.dict().scan(cursor, |record, _| {
                        let entry = table.entry_of(record);
                        // What moved to the warm tier is not read for this.
                        if !entry.kind().is_warm()
                            && let Some((kind, size)) = size(&View::of(entry))
                        {
                            counts[kind][bin(size)] += 1;
                        }
                    });
                    if cursor == 0 {
                        break;
                    }
                }
                cursor
            });
            match next {
                None | Some(0) => break,
                Some(_) => {}
            }
        }
    }
    counts
}

/// The place of a value's type, and its size.
fn size(view: &View<'_>) -> Option<(usize, usize)> {
    let (kind, size) = match (view, view.outline()) {
        (View::Text(bytes), _) => (Type::String, bytes.len()),
        (View::Int(number), _) => (Type::String, base::number::digits(*number)),
        (_, outline) => outline.map(|outline| (outline.kind, outline.len))?,
    };
    TYPES.iter().position(|(known, _)| *known == kind).map(|place| (place, size))
}

fn bin(size: usize) -> usize {
    size.checked_ilog2().map_or(0, |power| power as usize + 1)
}

/// The least size of a bin, for people.
fn label(bin: usize) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    match bin.checked_sub(1) {
        None => "0".to_owned(),
        Some(power) => format!("{}{}", 1 << (power % 10), UNITS[power / 10]),
    }
}

fn write(db: usize, counts: &Counts, text: &mut Text) {
    for ((_, name), counts) in TYPES.iter().zip(counts) {
        let mut bins = String::new();
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let _ = write!(bins, "{}{}={count}", if bins.is_empty() { "" } else { "," }, label(bin));
        }
        if !bins.is_empty() {
            text.field(&format!("db{db}_distrib_{name}"), bins);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::testing::Fixture;

    #[test]
    fn sizes_are_counted_when_asked_for() {
        let mut fixture = Fixture::new();
        for line in [
            "MSET a x b xy c xyz n 12345",
            "SETRANGE big 1499 x",
            "RPUSH l a b c",
            "SADD s a",
            "ZADD z 1 a 2 b",
            "HSET h f v",
            "XADD x * f v",
            "SELECT 3",
            "SET e \"\"",
        ] {
            fixture.cli(1, line);
        }
        assert!(fixture.cli(1, "INFO everything").contains("# Keysizes\\r\\n"));
        assert_eq!(fixture.cli(1, "INFO keysizes"), "(waits)");
        let start = Instant::now();
        while fixture.is_waiting(1) {
            assert!(start.elapsed() < Duration::from_secs(20), "it takes too long");
            std::thread::sleep(Duration::from_millis(1));
        }
        let expected = [
            "# Keysizes",
            "db0_distrib_strings_sizes:1=1,2=2,4=1,1K=1",
            "db0_distrib_lists_items:2=1",
            "db0_distrib_sets_items:1=1",
            "db0_distrib_zsets_items:2=1",
            "db0_distrib_hashes_items:1=1",
            "db3_distrib_strings_sizes:0=1",
            "",
        ];
        assert_eq!(fixture.received(1), format!("\"{}\"", expected.join("\\r\\n")));
    }
}
