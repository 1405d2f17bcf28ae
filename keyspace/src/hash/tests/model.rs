//! Any sequence of edits, on a hash and on its model: a list of fields.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Deadline, Field, HashRef, Limits};
use super::{LIMITS, WIDE_LIMITS, at, expire, key, space};
use crate::keys::WrongType;
use crate::shard::Keyspace;

/// A field as the model has it: name, value, deadline.
type Entry = (Vec<u8>, Vec<u8>, Option<i64>);

/// The fields of a hash in the order in which a small one shows them, expired ones included.
#[derive(Debug)]
struct Model {
    limits: Limits,
    fields: Vec<Entry>,
    is_large: bool,
    has_deadlines: bool,
    expired: u64,
}

impl Model {
    fn new(limits: Limits) -> Self {
        Self { limits, fields: Vec::new(), is_large: false, has_deadlines: false, expired: 0 }
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().position(|field| field.0 == name)
    }

    fn place(&mut self, field: Entry) {
        let later = |other: &Entry| match (other.2, field.2) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(other), Some(at)) => other >= at,
        };
        let at = self.fields.iter().position(later).unwrap_or(self.fields.len());
        self.fields.insert(at, field);
    }

    fn set(&mut self, name: &[u8], value: &[u8], deadline: Deadline, now: i64) -> bool {
        let at = self.position(name);
        let stored = at.and_then(|at| self.fields[at].2);
        let is_expired = stored.is_some_and(|at| at <= now);
        let new = match deadline {
            Deadline::Clear => None,
            Deadline::Keep => stored.filter(|_| !is_expired),
            Deadline::At(at) => Some(at),
        };
        self.expired += u64::from(is_expired);
        self.is_large |= name.len().max(value.len()) > self.limits.value_len_max;
        self.has_deadlines |= matches!(deadline, Deadline::At(_));
        match at {
            Some(at) if new == stored && !matches!(deadline, Deadline::At(_)) => self.fields[at].1 = value.to_vec(),
            _ => {
                if let Some(at) = at {
                    self.fields.remove(at);
                }
                self.place((name.to_vec(), value.to_vec(), new));
            }
        }
        self.is_large |= self.fields.len() > self.limits.entries_max;
        at.is_none() || is_expired
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let Some(at) = self.position(name) else { return false };
        self.fields.remove(at);
        self.settle();
        true
    }

    fn take_expired(&mut self, name: &[u8], now: i64) -> bool {
        let at = self.position(name);
        let is_expired = at.is_some_and(|at| self.fields[at].2.is_some_and(|at| at <= now));
        self.expired += u64::from(is_expired);
        is_expired && self.remove(name)
    }

    fn set_deadline(&mut self, name: &[u8], deadline: Option<i64>, now: i64) -> bool {
        let Some(at) = self.position(name) else { return false };
        if self.fields[at].2.is_some_and(|at| at <= now) {
            return !self.take_expired(name, now);
        }
        if deadline.is_some() || self.fields[at].2.is_some() {
            self.has_deadlines = true;
            let field = self.fields.remove(at);
            self.place((field.0, field.1, deadline));
        }
        true
    }

    /// A key that is gone comes back small.
    fn settle(&mut self) {
        if self.fields.is_empty() {
            *self = Self { expired: self.expired, ..Self::new(self.limits) };
        }
    }

    fn live(&self, now: i64) -> Vec<Entry> {
        self.fields.iter().filter(|field| field.2.is_none_or(|at| at > now)).cloned().collect()
    }

    fn expired_names(&self, now: i64) -> Vec<Vec<u8>> {
        let is_expired = |field: &&Entry| field.2.is_some_and(|at| at <= now);
        self.fields.iter().filter(is_expired).map(|field| field.0.clone()).collect()
    }

    fn encoding(&self) -> &'static str {
        match (self.is_large, self.has_deadlines) {
            (true, _) => "hashtable",
            (false, true) => "listpackex",
            (false, false) => "listpack",
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>, Deadline),
    Remove(Vec<u8>),
    TakeExpired(Vec<u8>),
    TakeAllExpired,
    SetDeadline(Vec<u8>, Option<i64>),
    Expire(usize),
    Wait(i64),
    Rename,
    KeyDeadline(Option<i64>),
    Overwrite,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => (0..12_u32).prop_map(|n| n.to_string().into_bytes()),
        6 => (0..6_u32).prop_map(|n| format!("field:{n}").into_bytes()),
        1 => Just(Vec::new()),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        8 => prop::collection::vec(any::<u8>(), 0..=20),
        1 => prop::sample::select(vec![21_usize, 254, 255, 256, 400, 600, 65_535, 65_536]).prop_map(|len| vec![7; len]),
    ]
}

fn step(value: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Step> {
    let deadline = prop_oneof![
        4 => Just(Deadline::Clear),
        2 => Just(Deadline::Keep),
        3 => (1..100_i64).prop_map(Deadline::At),
    ];
    prop_oneof![
        12 => (name(), value, deadline).prop_map(|(name, value, deadline)| Step::Set(name, value, deadline)),
        6 => name().prop_map(Step::Remove),
        2 => name().prop_map(Step::TakeExpired),
        1 => Just(Step::TakeAllExpired),
        6 => (name(), prop::option::of(1..100_i64)).prop_map(|(name, at)| Step::SetDeadline(name, at)),
        2 => (0..5_usize).prop_map(Step::Expire),
        3 => (1..8_i64).prop_map(Step::Wait),
        1 => Just(Step::Rename),
        1 => prop::option::of(Just(1_i64 << 40)).prop_map(Step::KeyDeadline),
        1 => Just(Step::Overwrite),
    ]
}

/// A keyspace with one hash, and its model; deadlines in steps are offsets from `now`.
struct Pair {
    space: Keyspace,
    model: Model,
    tallied: u64,
    now: i64,
    /// Which of two names the hash has.
    name: usize,
}

const NAMES: [&[u8]; 2] = [b"h", b"a name that is longer"];

impl Pair {
    #[expect(clippy::too_many_lines, reason = "a short arm for each step")]
    fn take(&mut self, step: Step) {
        let (now, name, limits) = (self.now, NAMES[self.name], self.model.limits);
        let h = key(&self.space, name);
        let (_, tally) = match step {
            Step::Set(field, value, deadline) => {
                let deadline = if let Deadline::At(ms) = deadline { Deadline::At(now + ms) } else { deadline };
                let model = self.model.set(&field, &value, deadline, now);
                at(&self.space, now, |keys| {
                    let mut hash = keys.hash_for_write(&h, limits).unwrap();
                    assert_eq!(hash.set(&field, &value, deadline), model);
                    assert!(hash.get(&field).unwrap().eq_bytes(&value));
                })
            }
            Step::Remove(field) => {
                let model = self.model.remove(&field);
                let gone = self.model.fields.is_empty();
                at(&self.space, now, |keys| {
                    let mut hash = keys.hash_for_write(&h, limits).unwrap();
                    assert_eq!(hash.remove(&field), model);
                    assert_eq!(hash.is_gone(), gone);
                })
            }
            Step::TakeExpired(field) => {
                let model = self.model.take_expired(&field, now);
                let gone = self.model.fields.is_empty();
                at(&self.space, now, |keys| {
                    let mut hash = keys.hash_for_write(&h, limits).unwrap();
                    assert_eq!(hash.take_expired(&field), model);
                    assert_eq!(hash.is_gone(), gone);
                })
            }
            Step::TakeAllExpired => {
                let due = self.model.expired_names(now);
                due.iter().for_each(|name| assert!(self.model.take_expired(name, now)));
                at(&self.space, now, |keys| {
                    let mut hash = keys.hash_for_write(&h, limits).unwrap();
                    assert_eq!(hash.has_expired(), !due.is_empty());
                    assert_eq!(hash.take_all_expired(), due.len());
                })
            }
            Step::SetDeadline(field, deadline) => {
                let deadline = deadline.map(|ms| now + ms);
                let model = self.model.set_deadline(&field, deadline, now);
                at(&self.space, now, |keys| {
                    assert_eq!(keys.hash_for_write(&h, limits).unwrap().set_deadline(&field, deadline), model);
                })
            }
            Step::Expire(fields_max) => return self.expire(fields_max),
            Step::Wait(ms) => {
                self.now += ms;
                return;
            }
            Step::Rename => {
                self.name = 1 - self.name;
                let to = key(&self.space, NAMES[self.name]);
                at(&self.space, now, |keys| {
                    if let Some((value, deadline_ms)) = keys.take(&h) {
                        keys.put(&to, value, deadline_ms);
                    }
                })
            }
            Step::KeyDeadline(deadline_ms) => at(&self.space, now, |keys| {
                if let Some(slot) = keys.find_for_write(&h) {
                    keys.db_mut(h.hash).set_deadline(slot, deadline_ms);
                }
            }),
            Step::Overwrite => {
                self.model.fields.clear();
                self.model.settle();
                at(&self.space, now, |keys| {
                    keys.set_string(&h, b"a string", None);
                    assert_eq!(keys.hash(&h).err(), Some(WrongType));
                    assert_eq!(keys.hash_for_write(&h, limits).err(), Some(WrongType));
                    keys.remove(&h);
                })
            }
        };
        self.tallied += tally.expired_fields;
    }

    fn expire(&mut self, fields_max: usize) {
        let (expired, tallied) = expire(&self.space, self.now, fields_max);
        self.tallied += tallied;
        let due = self.model.fields.len() - self.model.live(self.now).len();
        assert_eq!(tallied as usize, due.min(fields_max));
        assert_eq!(expired.iter().map(|hash| hash.fields.len()).sum::<usize>(), due.min(fields_max));
        for hash in &expired {
            assert_eq!(&*hash.key, NAMES[self.name]);
            for field in &hash.fields {
                assert!(self.model.take_expired(field, self.now), "only expired fields go");
            }
            assert_eq!(hash.gone, self.model.fields.is_empty());
        }
    }

    fn check(&self) {
        let h = key(&self.space, NAMES[self.name]);
        let model = &self.model;
        assert_eq!(self.tallied, model.expired);
        at(&self.space, self.now, |keys| {
            let earliest = model.fields.iter().filter_map(|field| field.2).min();
            let scheduled = keys.db(h.hash).map_or(0, |db| db.expiring_hashes());
            assert_eq!(scheduled, usize::from(earliest.is_some()));
            let Some(hash) = keys.peek_hash(&h).unwrap() else {
                return assert!(model.fields.is_empty());
            };
            assert_eq!(hash.earliest_deadline_ms(), earliest);
            assert_eq!(hash.stored_len(), model.fields.len());
            assert_eq!(hash.encoding(), model.encoding());
            check_reads(hash, &model.live(self.now), model.is_large);
        });
    }
}

fn entries(visit_all: impl FnOnce(&mut dyn FnMut(Field<'_>))) -> Vec<Entry> {
    let mut seen = Vec::new();
    visit_all(&mut |field| {
        seen.push((field.name.as_cow().into_owned(), field.value.as_cow().into_owned(), field.deadline_ms));
    });
    seen
}

fn check_reads(hash: HashRef<'_>, live: &[Entry], is_large: bool) {
    let sorted = |mut entries: Vec<Entry>| {
        entries.sort();
        entries
    };
    assert_eq!(hash.len(), live.len());
    assert_eq!(hash.is_empty(), live.is_empty());
    let walked = entries(|visit| hash.for_each(visit));
    if !is_large {
        assert_eq!(walked, live);
    }
    assert_eq!(sorted(walked), sorted(live.to_vec()));
    for (name, value, deadline_ms) in live {
        let (found, found_deadline_ms) = hash.find(name).unwrap();
        assert!(found.eq_bytes(value));
        assert_eq!(found_deadline_ms, *deadline_ms);
        assert_eq!(hash.strlen(name), value.len());
    }
    assert!(!hash.contains(b"nobody's field"));
    let mut cursor = 0;
    let mut scanned = BTreeMap::new();
    loop {
        cursor = hash.scan(cursor, 3, |field| {
            scanned.insert(field.name.as_cow().into_owned(), field.deadline_ms);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.len(), live.len());
    let mut dice = dice();
    assert_eq!(hash.random(&mut dice).is_some(), !live.is_empty());
    for count in [0, 1, live.len() / 2, live.len(), live.len() + 3] {
        let mut chosen = sorted(entries(|visit| hash.random_distinct(count, &mut dice, visit)));
        assert!(chosen.iter().all(|entry| live.contains(entry)));
        chosen.dedup();
        assert_eq!(chosen.len(), count.min(live.len()));
    }
}

/// A reproducible `below`.
fn dice() -> impl FnMut(u64) -> u64 {
    let mut state = 9_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(state) * u128::from(below)) >> 64) as u64
    }
}

fn run(limits: Limits, steps: Vec<Step>) {
    let mut pair = Pair { space: space(), model: Model::new(limits), tallied: 0, now: 1000, name: 0 };
    for step in steps {
        pair.take(step);
        pair.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn behaves_as_its_model(steps in prop::collection::vec(step(value()), 0..120)) {
        run(LIMITS, steps);
    }

    #[test]
    fn small_hashes_keep_redis_order(steps in prop::collection::vec(step("[a-z0-9]{0,6}".prop_map(String::into_bytes)), 0..120)) {
        run(LIMITS, steps);
    }

    #[test]
    fn small_hashes_may_fill_kilobytes(steps in prop::collection::vec(step(prop::collection::vec(any::<u8>(), 0..255)), 0..120)) {
        run(WIDE_LIMITS, steps);
    }
}
