//! The stream against a simple map, and its form.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::packed::Element;

fn text(element: Element<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    element.write_to(&mut text);
    text
}

fn words_of(entry: Entry<'_>) -> Vec<Vec<u8>> {
    let fields = entry.fields();
    assert_eq!(fields.len(), entry.len());
    fields.flat_map(|(field, value)| [text(field), text(value)]).collect()
}

fn add(stream: &mut Stream, id: Id, words: &[&str], limits: Limits) {
    stream.log.add(id, words.iter().map(|word| word.as_bytes()), limits);
}

fn check_form(log: &Log) {
    let (mut len, mut last, mut bytes) = (0, None, 0);
    for (&own, block) in &log.blocks {
        let ids: Vec<Id> = block.walk(own).map(|(_, place)| place.id).collect();
        assert_eq!((ids.len(), ids.last()), (block.count() as usize, Some(&block.newest())));
        assert!(block.count() > 0 && own <= ids[0]);
        for id in ids {
            assert!(last < Some(id), "ids ascend");
            last = Some(id);
        }
        len += u64::from(block.count());
        bytes += block.capacity();
    }
    assert_eq!((len, bytes), (log.len, log.bytes));
    assert_eq!(log.first_id(), log.iter().next().map_or(Id::ZERO, |entry| entry.id()));
    assert_eq!(log.newest_id(), last.unwrap_or_default());
}

/// Nodes of a radix tree, the slow way.
fn nodes_of(keys: &[[u8; 16]], depth: usize) -> usize {
    if depth == 16 {
        return 1;
    }
    let common = (depth..16).take_while(|&at| keys.iter().all(|key| key[at] == keys[0][at])).count();
    if common > 0 {
        return 1 + nodes_of(keys, depth + common);
    }
    1 + keys.chunk_by(|a, b| a[depth] == b[depth]).map(|keys| nodes_of(keys, depth + 1)).sum::<usize>()
}

#[derive(Clone, Debug)]
enum Op {
    Add { ms: u64, seq: u64, words: Vec<String> },
    Remove { pick: prop::sample::Index, references: References },
    Trim { keep: u64, by_id: bool, approximate: bool, limit: Option<u64>, references: References },
    Range { from: (u64, u64), to: (u64, u64) },
    Read { group: bool, count: usize },
    Acknowledge { group: bool, pick: prop::sample::Index },
    Rebuild,
}

fn references() -> impl Strategy<Value = References> {
    prop_oneof![Just(References::Keep), Just(References::Delete), Just(References::Acknowledged)]
}

fn op() -> impl Strategy<Value = Op> {
    let word = || prop_oneof!["[ab]{1,3}", "-?[0-9]{1,12}", Just("x".repeat(300))];
    let same = word().prop_map(|value| vec!["f".to_owned(), value]);
    let other = prop::collection::vec(word(), 1..4)
        .prop_map(|words| words.iter().flat_map(|w| [w.clone(), w.clone()]).collect());
    let step = prop_oneof![5 => 0u64..3, 2 => 0u64..200, 1 => any::<u64>().prop_map(|big| big >> 8)];
    let id = || (0u64..60, 0u64..6);
    prop_oneof![
        12 => (step, 0u64..300, prop_oneof![3 => same, 1 => other]).prop_map(|(ms, seq, words)| Op::Add { ms, seq, words }),
        4 => (any::<prop::sample::Index>(), references()).prop_map(|(pick, references)| Op::Remove { pick, references }),
        1 => (0u64..40, any::<bool>(), any::<bool>(), prop::option::of(0u64..10), references())
            .prop_map(|(keep, by_id, approximate, limit, references)| Op::Trim { keep, by_id, approximate, limit, references }),
        2 => (id(), id()).prop_map(|(from, to)| Op::Range { from, to }),
        2 => (any::<bool>(), 1usize..6).prop_map(|(group, count)| Op::Read { group, count }),
        2 => (any::<bool>(), any::<prop::sample::Index>()).prop_map(|(group, pick)| Op::Acknowledge { group, pick }),
        1 => Just(Op::Rebuild),
    ]
}

/// What a stream is, simply.
#[derive(Default)]
struct Model {
    entries: BTreeMap<Id, Vec<Vec<u8>>>,
    last: Id,
    max_deleted: Id,
    added: u64,
    groups: BTreeMap<bool, (Id, BTreeSet<Id>)>,
}

impl Model {
    fn is_needed(&self, id: Id) -> bool {
        self.groups.values().any(|(last, pending)| id > *last || pending.contains(&id))
    }

    fn forget(&mut self, id: Id) {
        for (_, pending) in self.groups.values_mut() {
            pending.remove(&id);
        }
    }
}

fn name(group: bool) -> &'static [u8] {
    if group { b"g" } else { b"h" }
}

fn trim(stream: &mut Stream, model: &mut Model, trim: &Trim) {
    let before: Vec<Id> = model.entries.keys().copied().collect();
    let gone = stream.trim(trim);
    let left: BTreeSet<Id> = stream.log.iter().map(|entry| entry.id()).collect();
    let removed: Vec<Id> = before.iter().copied().filter(|id| !left.contains(id)).collect();
    assert_eq!(removed.len() as u64, gone);
    assert!(trim.limit.is_none_or(|limit| gone <= limit));
    let is_old = |at: usize, id: Id| match trim.keep {
        Keep::Newest(count) => (before.len() - at) as u64 > count,
        Keep::From(first) => id < first,
    };
    if trim.references != References::Acknowledged {
        assert_eq!(removed, before[..removed.len()], "the oldest go");
        let old = before.iter().enumerate().filter(|(at, id)| is_old(*at, **id)).count();
        assert!(removed.len() <= old);
        if !trim.is_approximate && trim.limit.is_none() {
            assert_eq!(removed.len(), old);
        }
    } else {
        assert!(removed.iter().all(|id| !model.is_needed(*id)));
        if !trim.is_approximate && trim.limit.is_none() {
            let kept = before.iter().filter(|id| left.contains(id)).enumerate();
            let all = left.len();
            for (at, id) in kept {
                let still_old = match trim.keep {
                    Keep::Newest(count) => (all - at) as u64 > count && all as u64 > count,
                    Keep::From(first) => *id < first,
                };
                assert!(!still_old || model.is_needed(*id), "{id:?} should have gone");
            }
        }
    }
    for id in removed {
        model.entries.remove(&id);
        if trim.references == References::Delete {
            model.forget(id);
        }
    }
}

fn rebuild(stream: &Stream) -> Stream {
    let mut builder = Builder::new(Limits::default());
    for block in stream.log.blocks() {
        let names: Vec<Vec<u8>> = block.names().map(text).collect();
        builder.block(block.id(), names.iter().map(Vec::as_slice), block.deleted()).unwrap();
        for entry in block.entries() {
            let words = words_of(entry);
            builder.entry(entry.id(), words.iter().map(Vec::as_slice)).unwrap();
        }
    }
    let log = &stream.log;
    let counters =
        Counters { last_id: log.last_id, max_deleted_id: log.max_deleted_id, entries_added: log.entries_added };
    let mut copy = builder.finish(counters).unwrap();
    for (name, group) in stream.groups() {
        let mut made = GroupBuilder::new(group.last_id, group.entries_read);
        for (&id, pending) in group.pending_in(Id::ZERO, Id::MAX) {
            made.pending(id, pending.delivered_ms, pending.deliveries).unwrap();
        }
        for consumer in group.consumers() {
            let ids = consumer.pending_from(Id::ZERO);
            made.consumer(consumer.name(), consumer.seen_ms, consumer.active_ms, ids).unwrap();
        }
        assert!(copy.add_group(name, made.finish().unwrap()));
    }
    assert_eq!(copy.log.block_count(), log.block_count());
    assert_eq!(copy.log.radix_tree_nodes(), log.radix_tree_nodes());
    copy
}

fn apply(stream: &mut Stream, model: &mut Model, limits: Limits, op: Op) {
    match op {
        Op::Add { ms, seq, words } => {
            let next =
                Id::new(model.last.ms.saturating_add(ms), if ms == 0 { model.last.seq + 1 + seq % 3 } else { seq });
            if next <= model.last {
                return;
            }
            stream.log.add(next, words.iter().map(String::as_bytes), limits);
            model.entries.insert(next, words.into_iter().map(String::into_bytes).collect());
            (model.last, model.added) = (next, model.added + 1);
        }
        Op::Remove { pick, references } => {
            let mut ids: Vec<Id> = model.entries.keys().copied().collect();
            ids.push(Id::new(7, 7));
            let id = ids[pick.index(ids.len())];
            let expected = match references {
                _ if !model.entries.contains_key(&id) => Removed::Absent,
                References::Acknowledged if model.is_needed(id) => Removed::Needed,
                _ => Removed::Gone,
            };
            assert_eq!(stream.remove(id, references), expected);
            if expected == Removed::Gone {
                model.entries.remove(&id);
                model.max_deleted = model.max_deleted.max(id);
                if references == References::Delete {
                    model.forget(id);
                }
            }
        }
        Op::Trim { keep, by_id, approximate, limit, references } => {
            let nth = model.entries.keys().nth(keep as usize / 3).copied().unwrap_or(Id::MAX);
            let keep = if by_id { Keep::From(nth) } else { Keep::Newest(keep) };
            trim(stream, model, &Trim { keep, is_approximate: approximate, limit, references });
        }
        Op::Range { from, to } => {
            let (from, to) = (Id::new(from.0, from.1), Id::new(to.0, to.1));
            let expected: Vec<_> = model.entries.iter().filter(|(id, _)| (from..=to).contains(id)).collect();
            let found: Vec<_> = stream.log.range(from, to).map(|entry| (entry.id(), words_of(entry))).collect();
            assert!(found.iter().map(|(id, words)| (id, words)).eq(expected.iter().copied()));
            let mut back: Vec<_> = stream.log.range_rev(from, to).map(|entry| (entry.id(), words_of(entry))).collect();
            back.reverse();
            assert_eq!(back, found);
        }
        Op::Read { group, count } => {
            stream.add_group(name(group), Group::new(Id::ZERO, None));
            let (log, own) = stream.group_mut(name(group)).unwrap();
            let consumer = own.find(b"c").or_else(|| own.create(b"c", 1)).unwrap();
            let ids: Vec<Id> =
                log.range(own.last_id.next().unwrap(), Id::MAX).map(|entry| entry.id()).take(count).collect();
            let (last, pending) = model.groups.entry(group).or_default();
            let expected = model.entries.range(last.next().unwrap()..).map(|(id, _)| *id).take(count);
            assert!(expected.eq(ids.iter().copied()));
            for id in ids {
                own.advance(log, id);
                own.assign(id, consumer, 5, 1);
                pending.insert(id);
                *last = id;
            }
        }
        Op::Acknowledge { group, pick } => {
            let Some((_, pending)) = model.groups.get_mut(&group) else { return };
            let ids: Vec<Id> = pending.iter().copied().chain([Id::new(1, 1)]).collect();
            let id = ids[pick.index(ids.len())];
            assert_eq!(stream.group_mut(name(group)).unwrap().1.acknowledge(id), pending.remove(&id));
        }
        Op::Rebuild => *stream = rebuild(stream),
    }
}

proptest! {
    #[test]
    fn a_stream_is_a_map(ops in prop::collection::vec(op(), 1..150), entries in 0u64..8, bytes in prop::sample::select(vec![0usize, 60, 4096])) {
        let limits = Limits { node_bytes: bytes, node_entries: entries };
        let (mut stream, mut model) = (Stream::default(), Model::default());
        for op in ops {
            apply(&mut stream, &mut model, limits, op);
            check_form(&stream.log);
            let log = &stream.log;
            prop_assert_eq!(
                (log.last_id, log.max_deleted_id, log.entries_added, log.len()),
                (model.last, model.max_deleted, model.added, model.entries.len() as u64)
            );
            for (group, (last, pending)) in &model.groups {
                let own = stream.group(name(*group)).unwrap();
                prop_assert_eq!(own.last_id, *last);
                prop_assert!(own.pending_in(Id::ZERO, Id::MAX).map(|(id, _)| id).eq(pending));
                prop_assert!(own[own.find(b"c").unwrap()].pending_from(Id::ZERO).eq(pending.iter().copied()));
            }
        }
        let found: Vec<_> = stream.log.iter().map(|entry| (entry.id(), words_of(entry))).collect();
        prop_assert!(found.iter().map(|(id, words)| (id, words)).eq(&model.entries));
        for (id, words) in &model.entries {
            prop_assert_eq!(&words_of(stream.log.get(*id).unwrap()), words);
        }
        let keys: Vec<_> = stream.log.blocks.keys().map(|id| (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()).collect();
        prop_assert_eq!(stream.log.radix_tree_nodes(), if keys.is_empty() { 1 } else { nodes_of(&keys, 0) });
    }
}

#[test]
fn ids_are_spelled_and_have_neighbours() {
    assert_eq!(IdText::default().spell(Id::ZERO), b"0-0");
    assert_eq!(IdText::default().spell(Id::MAX), b"18446744073709551615-18446744073709551615");
    assert_eq!(Id::MAX.next(), None);
    assert_eq!(Id::new(1, u64::MAX).next(), Some(Id::new(2, 0)));
    assert_eq!(Id::new(2, 0).previous(), Some(Id::new(1, u64::MAX)));
    assert_eq!(Id::ZERO.previous(), None);
}

#[test]
fn an_entry_of_a_busy_stream_takes_a_byte_beside_its_values() {
    let mut stream = Stream::default();
    for at in 0..1000u64 {
        add(
            &mut stream,
            Id::new(1_700_000_000_000 + at / 4, at % 4),
            &["field", "twenty-bytes-of-text"],
            Limits::default(),
        );
    }
    let bytes: usize = stream.log.blocks.values().map(|block| block.walk(Id::ZERO).block.capacity()).sum();
    assert!(bytes < 23 * 1000 + 1500, "{bytes}");
}

#[test]
fn consumers_share_what_is_pending() {
    let mut group = Group::new(Id::ZERO, Some(0));
    let (a, b) = (group.create(b"a", 1).unwrap(), group.create(b"b", 1).unwrap());
    assert!(group.create(b"a", 2).is_none());
    let id = Id::new(1, 1);
    group.assign(id, a, 10, 1);
    group.assign(id, b, 20, 2);
    assert_eq!((group[a].pending_count(), group[b].pending_count(), group.pending_count()), (0, 1, 1));
    assert_eq!(group.remove(b"b"), Some(1));
    assert_eq!(group.remove(b"b"), None);
    assert_eq!(group.pending_count(), 0);
    let c = group.create(b"0", 3).unwrap();
    assert_eq!(c, b, "numbers are used again");
    assert!(group.consumers().map(Consumer::name).eq([&b"0"[..], b"a"]));
}

#[test]
fn what_is_no_stream_is_refused() {
    let mut builder = Builder::default();
    let words = || [&b"f"[..], b"v"].into_iter();
    builder.entry(Id::new(5, 0), words()).unwrap();
    assert!(builder.entry(Id::new(5, 0), words()).is_err());
    assert!(builder.entry(Id::new(6, 0), words().take(1)).is_err());
    assert!(builder.block(Id::new(5, 0), words().take(1), 0).is_err());
    builder.block(Id::new(7, 0), words().take(1), 3).unwrap();
    assert!(builder.entry(Id::new(6, 9), words()).is_err());
    assert!(builder.finish(Counters::default()).is_err());
    let mut group = GroupBuilder::new(Id::ZERO, None);
    group.pending(Id::new(1, 0), 1, 1).unwrap();
    assert!(group.pending(Id::new(1, 0), 1, 1).is_err());
    assert!(group.consumer(b"c", 1, None, [Id::new(2, 0)].into_iter()).is_err());
    assert!(group.finish().is_err());
}
