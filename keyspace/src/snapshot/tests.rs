//! Whatever happens while a picture is taken, it shows the instant that it was begun at.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use super::*;
use crate::change::Tally;
use crate::export::{Head, Outline, Part, Sink, Usage, View};
use crate::hash::{self, Deadline};
use crate::keys::{Access, Key, Keys, Now};
use crate::list::{self, End, Side as ListSide};
use crate::packed::{Element, IntText};
use crate::{set, zset};

const DBS: usize = 3;
const START_MS: i64 = 1_000_000;

/// All keys as text that two equal values share.
type Picture = BTreeMap<(usize, Vec<u8>), (Option<i64>, Vec<String>)>;

fn text(element: Element<'_>) -> String {
    String::from_utf8_lossy(element.as_bytes(&mut IntText::default())).into_owned()
}

fn describe(part: Part<'_>) -> String {
    match part {
        Part::Element(element) => text(element),
        Part::Scored(element, score) => format!("{} {score:?}", text(element)),
        Part::Field(field) => format!("{}={}@{:?}", text(field.name), text(field.value), field.deadline_ms),
    }
}

/// What a sink saw.
#[derive(Default)]
struct Seen {
    picture: Picture,
    open: Option<((usize, Vec<u8>), Outline)>,
}

impl Seen {
    fn close(&mut self) {
        if let Some((key, outline)) = self.open.take() {
            let (_, parts) = self.picture.get_mut(&key).expect("begun");
            assert_eq!(parts.len(), outline.len, "{key:?}");
            if outline.kind != crate::entry::Type::List {
                parts.sort();
            }
            parts.insert(0, format!("{:?} {:?}", outline.kind, outline.earliest_deadline_ms));
        }
    }

    fn add(&mut self, head: Head<'_>, parts: Vec<String>) -> (usize, Vec<u8>) {
        self.close();
        let key = (head.db, head.key.to_vec());
        assert!(self.picture.insert(key.clone(), (head.deadline_ms, parts)).is_none(), "{key:?} twice");
        key
    }
}

impl Sink for Seen {
    type Error = Infallible;

    fn entry(&mut self, head: Head<'_>, value: View<'_>) -> Result<(), Infallible> {
        match value {
            View::Text(bytes) => drop(self.add(head, vec![String::from_utf8_lossy(bytes).into_owned()])),
            View::Int(number) => drop(self.add(head, vec![number.to_string()])),
            View::Stream(stream) => drop(self.add(head, vec![format!("{} entries", stream.log.len())])),
            view => {
                self.begin(head, view.outline().expect("a collection"))?;
                view.for_each_part(|part| match self.part(part) {
                    Ok(()) => {}
                });
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: Head<'_>, outline: Outline) -> Result<(), Infallible> {
        let key = self.add(head, Vec::new());
        self.open = Some((key, outline));
        Ok(())
    }

    fn part(&mut self, part: Part<'_>) -> Result<(), Infallible> {
        let (key, _) = self.open.as_ref().expect("begun");
        self.picture.get_mut(key).expect("begun").1.push(describe(part));
        Ok(())
    }
}

/// The keys as they are now.
fn now(space: &Keyspace) -> Picture {
    let mut seen = Seen::default();
    for db in 0..DBS {
        let mut tally = Tally::default();
        let keys = Keys::lock_all(space, db, clock(START_MS), &mut tally);
        for table in keys.tables() {
            table.dict().for_each(|record| {
                let entry = table.entry_of(record);
                let head = Head { db, key: entry.key(), deadline_ms: entry.deadline_ms(), usage: Usage::Untold };
                match seen.entry(head, View::of(entry)) {
                    Ok(()) => {}
                }
            });
        }
    }
    seen.close();
    seen.picture
}

fn clock(unix_ms: i64) -> Now {
    Now { unix_ms, access: Access::Lru(1) }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Clients that do anything.
struct Clients<'k> {
    space: &'k Keyspace,
    dice: Dice,
    unix_ms: i64,
    /// Names of keys.
    names: usize,
    /// Elements of a large collection.
    many: usize,
}

impl Clients<'_> {
    fn bytes(&mut self, len_max: usize) -> Vec<u8> {
        let len = 1 + self.dice.below(len_max);
        let byte = b'a' + self.dice.below(26) as u8;
        if self.dice.below(4) == 0 { self.dice.below(100_000).to_string().into_bytes() } else { vec![byte; len] }
    }

    fn act(&mut self) {
        let mut tally = Tally::default();
        let (db, what) = (self.dice.below(DBS), self.dice.below(1000));
        let mut keys = Keys::lock_all(self.space, db, clock(self.unix_ms), &mut tally);
        let (a, b) = (self.dice.below(self.names), self.dice.below(self.names));
        let (a, b) = (format!("key:{a}").into_bytes(), format!("key:{b}").into_bytes());
        let (a, b) = (keys.key(&a), keys.key(&b));
        match what {
            0 => drop(keys.flush(self.dice.below(2) == 0)),
            1..4 => keys.swap_dbs(self.dice.below(DBS), self.dice.below(DBS)),
            4..60 => drop(keys.remove(&a)),
            60..90 => self.rename(&mut keys, &a, &b),
            90..110 => self.copy(&mut keys, &a, &b),
            110..150 => self.expire(&mut keys, &a),
            150..300 => self.string(&mut keys, &a),
            300..500 => self.hash(&mut keys, &a),
            500..650 => self.list(&mut keys, &a),
            650..800 => self.set(&mut keys, &a),
            _ => self.zset(&mut keys, &a),
        }
    }

    fn rename(&mut self, keys: &mut Keys<'_>, a: &Key, b: &Key) {
        if let Some((value, deadline_ms)) = keys.take(a) {
            let to = self.dice.below(DBS);
            let own = keys.select(to);
            keys.put(b, value, deadline_ms);
            keys.select(own);
        }
    }

    fn copy(&mut self, keys: &mut Keys<'_>, a: &Key, b: &Key) {
        if let Some(slot) = keys.peek(a) {
            let value = keys.db(a.hash).expect("its table").copy_value(slot);
            keys.put(b, value, None);
        }
        let _ = self.dice.below(2);
    }

    fn expire(&mut self, keys: &mut Keys<'_>, a: &Key) {
        if let Some(slot) = keys.find_untouched(a) {
            let at = (self.dice.below(4) > 0).then_some(self.unix_ms + self.dice.below(3000) as i64);
            keys.db_mut(a.hash).set_deadline(slot, at);
        }
    }

    fn string(&mut self, keys: &mut Keys<'_>, a: &Key) {
        let len = if self.dice.below(8) == 0 { 40_000 } else { 300 };
        let value = self.bytes(len);
        match self.dice.below(3) {
            0 => {
                if let Ok(found) = keys.find_string(a) {
                    keys.append_string(a, found, &value);
                }
            }
            1 => drop(keys.add_int(a, 3)),
            _ => keys.set_string(a, &value, value.len().is_multiple_of(3).then_some(self.unix_ms + 1000)),
        }
    }

    fn times(&mut self) -> usize {
        if self.dice.below(6) == 0 { self.many } else { 1 + self.dice.below(5) }
    }

    fn hash(&mut self, keys: &mut Keys<'_>, a: &Key) {
        let Ok(mut hash) = keys.hash_for_write(a, hash::Limits { entries_max: 16, value_len_max: 64 }) else { return };
        let (times, removes) = (self.times(), self.dice.below(3) == 0);
        for _ in 0..times {
            let field = self.dice.below(self.many).to_string();
            if removes {
                hash.remove(field.as_bytes());
            } else {
                let deadline = match self.dice.below(5) {
                    0 => Deadline::At(self.unix_ms + self.dice.below(4000) as i64),
                    1 => Deadline::Keep,
                    _ => Deadline::Clear,
                };
                hash.set(field.as_bytes(), &self.bytes(50), deadline);
                if self.dice.below(9) == 0 {
                    hash.set_deadline(field.as_bytes(), Some(self.unix_ms + 500));
                }
            }
        }
        hash.take_all_expired();
    }

    fn list(&mut self, keys: &mut Keys<'_>, a: &Key) {
        let limits = list::Limits { fill: 8, ..list::Limits::default() };
        let Ok(mut list) = keys.list_for_write(a, limits) else { return };
        let (times, what) = (self.times(), self.dice.below(9));
        for _ in 0..times {
            let value = self.bytes(20);
            let end = if self.dice.below(2) == 0 { End::Front } else { End::Back };
            match what {
                0..4 => drop(list.extend(end, [&value[..]])),
                4 | 5 => drop(list.pop(end)),
                6 => {
                    let at = self.dice.below(list.len() + 1) as i64;
                    list.set(at, &value);
                    list.rotate(End::Back, End::Front);
                }
                7 => {
                    list.insert(if value.len() > 10 { ListSide::Before } else { ListSide::After }, b"a", &value);
                    list.insert(ListSide::After, &value, b"inserted");
                }
                _ if self.dice.below(2) == 0 => {
                    list.remove(2 - self.dice.below(5) as i64, &value);
                }
                _ => {
                    let len = list.len() as i64;
                    list.trim(self.dice.below(20) as i64, len - self.dice.below(30) as i64);
                    return;
                }
            }
        }
    }

    fn set(&mut self, keys: &mut Keys<'_>, a: &Key) {
        let limits = set::Limits { listpack_entries_max: 16, ..set::Limits::default() };
        let Ok(mut set) = keys.set_for_write(a, limits) else { return };
        let (times, what) = (self.times(), self.dice.below(6));
        for _ in 0..times {
            let member = format!("member:{}", self.dice.below(self.many));
            match what {
                0..4 => drop(set.insert(member.as_bytes())),
                4 => drop(set.remove(member.as_bytes())),
                _ => drop(set.pop(|n| self.dice.below(n as usize) as u64, |_| ())),
            }
        }
    }

    fn zset(&mut self, keys: &mut Keys<'_>, a: &Key) {
        let limits = zset::Limits { entries_max: 16, value_len_max: 64 };
        let Ok(mut set) = keys.zset_for_write(a, limits) else { return };
        let (times, what) = (self.times(), self.dice.below(8));
        for _ in 0..times {
            let member = format!("member:{}", self.dice.below(self.many));
            match what {
                0..5 => drop(set.put(member.as_bytes(), self.dice.below(1000) as f64)),
                5 => drop(set.remove(member.as_bytes())),
                6 => drop(set.pop(member.len() % 2 == 0, |_, _| ())),
                _ => {
                    let from = self.dice.below(set.len() + 1);
                    set.remove_range(from..from + self.dice.below(100));
                    return;
                }
            }
        }
    }
}

/// A picture with so many acts of clients between steps; true at times.
fn capture(clients: &mut Clients<'_>, acts: usize, spill: bool) {
    let space = clients.space;
    let expected = now(space);
    let (mut capture, ()) = space.begin_capture(|| ()).expect("none is running");
    assert!(space.begin_capture(|| ()).is_none());
    if spill {
        let path = std::env::temp_dir().join(format!("spill-{}-{:p}", std::process::id(), &expected));
        capture.spill_to(File::options().read(true).write(true).create_new(true).open(&path).expect("a file"));
        std::fs::remove_file(&path).expect("it is there");
    }
    let keys: usize = capture.counts().iter().map(|count| count.keys).sum();
    assert_eq!(keys, expected.len());
    let mut seen = Seen::default();
    let written = capture
        .run(&mut seen, &|_| Usage::Untold, &mut |_| {
            (0..clients.dice.below(acts + 1)).for_each(|_| clients.act());
            clients.unix_ms += 1;
            ControlFlow::Continue(())
        })
        .expect("a picture");
    seen.close();
    assert_eq!(written.keys, expected.len());
    assert_eq!(written.waiting_bytes, 0);
    for (key, value) in &expected {
        assert_eq!(seen.picture.get(key), Some(value), "{key:?}");
    }
    assert_eq!(seen.picture.len(), expected.len());
    assert!(!space.is_capturing());
}

/// A picture that nobody wants after some steps.
fn give_up(clients: &mut Clients<'_>) {
    let (capture, ()) = clients.space.begin_capture(|| ()).expect("none is running");
    let mut steps = clients.dice.below(30);
    let result = capture.run(&mut Seen::default(), &|_| Usage::Untold, &mut |_| {
        clients.act();
        steps = steps.saturating_sub(1);
        if steps == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(result, Err(Failure::Stopped) | Ok(_)));
}

#[test]
fn a_picture_shows_its_instant_whatever_happens_meanwhile() {
    for seed in 0..12 {
        let space = Keyspace::new(1 << (seed % 4), DBS, seed);
        let many = [30, 300, 3000][seed as usize % 3];
        let mut clients = Clients { space: &space, dice: Dice(seed), unix_ms: START_MS, names: 60, many };
        for _ in 0..300 {
            clients.act();
        }
        for round in 0..6 {
            capture(&mut clients, [0, 2, 20][round % 3], round % 2 == 0);
            if round == 3 {
                give_up(&mut clients);
            }
        }
    }
}

/// Adds up what the accounts have, and looks at a pair of counters of which the first is never behind.
#[derive(Default)]
struct Audit {
    accounts: usize,
    sum: i64,
    pair: [i64; 2],
}

impl Sink for Audit {
    type Error = Infallible;

    fn entry(&mut self, head: Head<'_>, value: View<'_>) -> Result<(), Infallible> {
        let View::Int(number) = value else { return Ok(()) };
        match head.key {
            b"first" => self.pair[0] = number,
            b"second" => self.pair[1] = number,
            _ => {
                self.accounts += 1;
                self.sum += number;
            }
        }
        Ok(())
    }

    fn begin(&mut self, _: Head<'_>, _: Outline) -> Result<(), Infallible> {
        Ok(())
    }

    fn part(&mut self, _: Part<'_>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Transfers between accounts under the locks of both, and a pair that is counted up one after the other.
fn transfer(space: &Keyspace, seed: u64, accounts: usize, is_over: &std::sync::atomic::AtomicBool) {
    let (mut dice, mut tally) = (Dice(seed), Tally::default());
    let count_up = |name: &[u8], tally: &mut Tally| {
        let hash = space.hash(name);
        let Ok(mut keys) = Keys::lock_one(space, 0, hash, clock(START_MS), tally) else { return };
        let _ = keys.add_int(&Key { bytes: name, hash }, 1);
    };
    while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
        let names = [(); 2].map(|()| format!("account:{}", dice.below(accounts)).into_bytes());
        let hashes = [space.hash(&names[0]), space.hash(&names[1])];
        let amount = dice.below(100) as i64;
        let Ok(mut keys) = Keys::lock_many(space, 0, hashes.into_iter(), clock(START_MS), &mut tally) else { return };
        let _ = keys.add_int(&Key { bytes: &names[0], hash: hashes[0] }, -amount);
        let _ = keys.add_int(&Key { bytes: &names[1], hash: hashes[1] }, amount);
        drop(keys);
        if seed == 0 {
            count_up(b"first", &mut tally);
            count_up(b"second", &mut tally);
        }
    }
}

#[test]
fn two_hundred_pictures_under_load_are_consistent() {
    const ACCOUNTS: usize = 3000;
    let (space, is_over) = (Keyspace::new(16, DBS, 7), std::sync::atomic::AtomicBool::new(false));
    let mut tally = Tally::default();
    let mut keys = Keys::lock_all(&space, 0, clock(START_MS), &mut tally);
    for account in 0..ACCOUNTS {
        let name = format!("account:{account}").into_bytes();
        let key = keys.key(&name);
        keys.set_string(&key, b"1000", None);
    }
    drop(keys);
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let (space, is_over) = (&space, &is_over);
            scope.spawn(move || transfer(space, seed, ACCOUNTS, is_over));
        }
        for number in 0..200 {
            let (capture, ()) = space.begin_capture(|| ()).expect("none is running");
            let mut audit = Audit::default();
            let result = capture.run(&mut audit, &|_| Usage::Untold, &mut |_| ControlFlow::Continue(()));
            let is_sound = result.is_ok()
                && (audit.accounts, audit.sum) == (ACCOUNTS, ACCOUNTS as i64 * 1000)
                && (0..=1).contains(&(audit.pair[0] - audit.pair[1]));
            if !is_sound {
                is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            assert!(is_sound, "picture {number}: {} accounts, sum {}, {:?}", audit.accounts, audit.sum, audit.pair);
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
