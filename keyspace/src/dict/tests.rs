//! The table against a HashMap, with the invariants of SCAN and of uniform sampling.

use std::collections::{HashMap, HashSet};
use std::ptr::NonNull;

use super::*;
use crate::slab::Slab;

/// Records of these tests: one length byte, then the key.
struct Keys;

impl Records for Keys {
    unsafe fn key<'a>(record: NonNull<u8>) -> &'a [u8] {
        // SAFETY: made by `Fixture::record`.
        unsafe { std::slice::from_raw_parts(record.as_ptr().add(1), record.read() as usize) }
    }
}

struct Fixture {
    dict: Dict<Keys>,
    slab: Slab,
}

impl Fixture {
    fn new() -> Self {
        Self { dict: Dict::new(42), slab: Slab::new() }
    }

    fn add(&mut self, key: &[u8]) -> bool {
        let hash = self.dict.hash(key);
        if self.dict.find(hash, key).is_some() {
            return false;
        }
        let record = self.slab.alloc(key.len() + 1);
        // SAFETY: freshly allocated, of this size; freed only after removal.
        unsafe {
            record.write(key.len() as u8);
            record.as_ptr().add(1).copy_from_nonoverlapping(key.as_ptr(), key.len());
            self.dict.insert(hash, record, key.len().is_multiple_of(2));
        }
        true
    }

    fn del(&mut self, key: &[u8]) -> bool {
        let Some(slot) = self.dict.find(self.dict.hash(key), key) else { return false };
        let record = self.dict.remove(slot);
        // SAFETY: just removed.
        unsafe { self.slab.free(record, key.len() + 1) };
        true
    }

    fn scan_all(&self) -> Vec<Vec<u8>> {
        let (mut cursor, mut keys) = (0, Vec::new());
        loop {
            // SAFETY: records of the table are live.
            cursor = self.dict.scan(cursor, |record, _| keys.push(unsafe { Keys::key(record) }.to_vec()));
            if cursor == 0 {
                return keys;
            }
        }
    }
}

fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 20
}

fn key(number: u64) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

#[test]
fn behaves_as_a_set_through_growth_and_shrinking() {
    let (mut fixture, mut model, mut seed) = (Fixture::new(), HashSet::new(), 1);
    for round in 0..6 {
        let growing = round % 2 == 0;
        for _ in 0..30_000 {
            let key = key(random(&mut seed) % 20_000);
            if random(&mut seed) % 10 < if growing { 8 } else { 1 } {
                assert_eq!(fixture.add(&key), model.insert(key));
            } else {
                assert_eq!(fixture.del(&key), model.remove(&key));
            }
        }
        assert_eq!(fixture.dict.len(), model.len());
        assert_eq!(fixture.dict.marked(), model.iter().filter(|key| key.len() % 2 == 0).count());
        let seen = fixture.scan_all();
        assert_eq!(seen.len(), model.len());
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), model);
        for number in 0..20_000 {
            let key = key(number);
            assert_eq!(fixture.dict.find(fixture.dict.hash(&key), &key).is_some(), model.contains(&key));
        }
    }
}

#[test]
fn emptied_tables_give_their_memory_back() {
    let mut fixture = Fixture::new();
    (0..100_000).for_each(|number| assert!(fixture.add(&key(number))));
    let full = fixture.dict.memory_usage();
    assert!(full < 100_000 * 11, "{full}");
    (0..100_000).for_each(|number| assert!(fixture.del(&key(number))));
    assert!(fixture.dict.memory_usage() < full / 10);
}

#[test]
fn scan_returns_what_stays_whatever_comes_and_goes() {
    for seed in 0..40 {
        let (mut fixture, mut seed) = (Fixture::new(), seed);
        let stay: HashSet<_> = (0..300).map(key).collect();
        for key in &stay {
            fixture.add(key);
        }
        let (mut cursor, mut seen, mut step) = (0, HashSet::new(), 0_u64);
        loop {
            cursor = fixture.dict.scan(cursor, |record, _| {
                // SAFETY: records of the table are live.
                seen.insert(unsafe { Keys::key(record) }.to_vec());
            });
            if cursor == 0 {
                break;
            }
            // Grow hard for a while, then shrink hard: splits and merges under the cursor. A merge takes the walk back
            // to the start of the joined segment, so a wave lasts for more calls than one segment needs.
            let wave = 200 + random(&mut seed) % 200;
            for _ in 0..wave {
                let other = key(1000 + random(&mut seed) % 20_000);
                let _ = if step / 80 % 2 == 0 { fixture.add(&other) } else { fixture.del(&other) };
            }
            if step / 80 % 2 == 1 {
                (1000..21_000).for_each(|number| {
                    fixture.del(&key(number));
                });
            }
            step += 1;
            assert!(step < 10_000, "the scan does not end");
        }
        assert!(stay.is_subset(&seen));
    }
}

#[test]
fn random_records_are_uniform() {
    let (mut fixture, mut seed) = (Fixture::new(), 3);
    (0..1000).for_each(|number| assert!(fixture.add(&key(number))));
    let mut hits: HashMap<Vec<u8>, u32> = HashMap::new();
    for _ in 0..200_000 {
        let record = fixture.dict.random(|n| random(&mut seed) % n).expect("not empty");
        // SAFETY: records of the table are live.
        *hits.entry(unsafe { Keys::key(record) }.to_vec()).or_default() += 1;
    }
    // Chi-square with 999 degrees of freedom: mean 999, deviation 45.
    let chi: f64 = (0..1000).map(|n| (f64::from(*hits.get(&key(n)).unwrap_or(&0)) - 200.0).powi(2) / 200.0).sum();
    assert!((700.0..1300.0).contains(&chi), "{chi}");
}

#[test]
fn expected_records_find_their_room() {
    for (expected, count) in [(0, 100), (9, 9), (5_000, 5_000), (5_000, 20), (60_000, 60_000), (3_000, 60_000)] {
        let mut fixture = Fixture::new();
        fixture.dict.expect(expected);
        let before = fixture.dict.buckets();
        (0..count).for_each(|number: usize| assert!(fixture.add(&number.to_le_bytes())));
        let after = fixture.dict.buckets();
        if count == expected {
            assert!(after * 100 <= before.max(2) * 103, "{expected} expected, {before} buckets became {after}");
            assert!(before * SLOTS * 100 <= expected.max(64) * 145, "{before} buckets for {expected}");
        }
        (0..count).for_each(|number| assert!(!fixture.add(&number.to_le_bytes())));
        fixture.dict.expect(1_000_000);
        assert_eq!((fixture.dict.buckets(), fixture.dict.len()), (after, count), "only empty tables are made larger");
        assert_eq!(fixture.scan_all().len(), count);
        (0..count).for_each(|number| assert!(fixture.del(&number.to_le_bytes())));
    }
}
