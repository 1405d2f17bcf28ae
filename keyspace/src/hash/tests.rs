//! Hashes against a model (`model`), their encodings against Redis's rules, their expiry, and what they cost.

mod model;

use super::{Deadline, ExpiredFields, Hash, HashRef, Limits};
use crate::change::Tally;
use crate::keys::{Access, Key, Keys, Now};
use crate::shard::Keyspace;
use crate::{memory, pool};

const LIMITS: Limits = Limits { entries_max: 8, value_len_max: 20 };
/// Small hashes that outgrow the slab's pages.
const WIDE_LIMITS: Limits = Limits { entries_max: 512, value_len_max: 254 };
const REDIS_LIMITS: Limits = Limits { entries_max: 512, value_len_max: 64 };

fn space() -> Keyspace {
    Keyspace::new(1, 2, 7)
}

/// Runs `work` on the keys of database 0 at a time, and answers what it tallied too.
fn at<T>(space: &Keyspace, unix_ms: i64, work: impl FnOnce(&mut Keys) -> T) -> (T, Tally) {
    let mut tally = Tally::default();
    let now = Now { unix_ms, access: Access::Lru(1) };
    let answer = work(&mut Keys::lock_all(space, 0, now, &mut tally));
    (answer, tally)
}

fn key<'a>(space: &Keyspace, bytes: &'a [u8]) -> Key<'a> {
    Key { bytes, hash: space.hash(bytes) }
}

fn expire(space: &Keyspace, unix_ms: i64, fields_max: usize) -> (Vec<ExpiredFields>, u64) {
    let mut tally = Tally::default();
    let now = Now { unix_ms, access: Access::Lru(1) };
    let expired = space.lock_shard(0, 0, now, &mut tally).expect("no script runs").expire_fields(fields_max);
    (expired, tally.expired_fields)
}

fn text(hash: HashRef<'_>) -> String {
    let mut words = Vec::new();
    hash.for_each(|field| {
        words.extend_from_slice(&field.name.as_cow());
        words.push(b'=');
        words.extend_from_slice(&field.value.as_cow());
        words.push(b' ');
    });
    String::from_utf8_lossy(&words).trim_end().to_owned()
}

#[test]
fn fields_stand_in_the_order_of_redis_8() {
    let space = space();
    let h = key(&space, b"h");
    at(&space, 0, |keys| {
        let mut hash = keys.hash_for_write(&h, REDIS_LIMITS).unwrap();
        for (name, value) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")] {
            assert!(hash.set(name.as_bytes(), value.as_bytes(), Deadline::Clear));
        }
        let show = |hash: &super::HashMut| (text(hash.as_ref().unwrap()), hash.as_ref().unwrap().encoding());
        assert_eq!(show(&hash), ("a=1 b=2 c=3 d=4".into(), "listpack"));
        for (name, deadline) in [("c", 500), ("a", 900), ("d", 300)] {
            assert!(hash.set_deadline(name.as_bytes(), Some(deadline)));
        }
        assert_eq!(show(&hash), ("d=4 c=3 a=1 b=2".into(), "listpackex"));
        hash.set(b"e", b"5", Deadline::Clear);
        assert!(!hash.set(b"c", b"33", Deadline::Clear));
        assert_eq!(show(&hash).0, "d=4 a=1 b=2 e=5 c=33");
        for name in ["b", "c", "e"] {
            hash.set_deadline(name.as_bytes(), Some(1999));
        }
        assert_eq!(show(&hash).0, "d=4 a=1 e=5 c=33 b=2");
        hash.set_deadline(b"b", Some(1999));
        hash.set(b"d", b"5", Deadline::Keep);
        assert_eq!(show(&hash).0, "d=5 a=1 b=2 e=5 c=33");
        for name in ["d", "a", "b", "c", "e"] {
            hash.set_deadline(name.as_bytes(), None);
        }
        assert_eq!(show(&hash), ("d=5 a=1 b=2 c=33 e=5".into(), "listpackex"));
    });
}

#[test]
fn grows_as_redis_8_does() {
    let space = space();
    let limits = Limits { entries_max: 4, value_len_max: 10 };
    let encoding = |name: &str, pairs: usize, fields: &[(&str, &str)]| {
        let h = key(&space, name.as_bytes());
        at(&space, 0, |keys| {
            let mut hash = keys.hash_for_write(&h, limits).unwrap();
            hash.expect(pairs);
            for (field, value) in fields {
                hash.set(field.as_bytes(), value.as_bytes(), Deadline::Clear);
            }
            hash.as_ref().unwrap().encoding()
        })
        .0
    };
    let four = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")];
    assert_eq!(encoding("count", 4, &four), "listpack");
    assert_eq!(encoding("count", 1, &[("a", "5")]), "listpack");
    assert_eq!(encoding("count", 1, &[("e", "5")]), "hashtable");
    assert_eq!(encoding("announced", 5, &[("a", "1"), ("a", "2"), ("a", "3"), ("a", "4"), ("a", "5")]), "hashtable");
    assert_eq!(encoding("value", 1, &[("a", "1234567890")]), "listpack");
    assert_eq!(encoding("value", 1, &[("a", "12345678901")]), "hashtable");
    assert_eq!(encoding("value", 1, &[("a", "1")]), "hashtable");
    assert_eq!(encoding("field", 1, &[("12345678901", "")]), "hashtable");
}

#[test]
fn several_fields_at_once_are_as_one_after_the_other() {
    let space = space();
    let mut seed = 1_u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for round in 0..400 {
        let (one, all) = (format!("one{round}"), format!("all{round}"));
        let keys_of = [key(&space, one.as_bytes()), key(&space, all.as_bytes())];
        for _ in 0..draw(4) + 1 {
            let pair = |draw: &mut dyn FnMut(u64) -> u64| {
                let len = [1, 5, 11, 20, 21][draw(if round % 2 == 0 { 4 } else { 5 }) as usize];
                (format!("f{}", draw(10)), format!("{:01$}", draw(1000), len))
            };
            let pairs: Vec<(String, String)> = (0..=draw(6)).map(|_| pair(&mut draw)).collect();
            let pairs = pairs.iter().map(|(field, value)| (field.as_bytes(), value.as_bytes()));
            let expires = draw(4) == 0;
            let ([one, all], _) = at(&space, 0, |keys| {
                keys_of.map(|key| {
                    let mut hash = keys.hash_for_write(&key, LIMITS).unwrap();
                    let added = if key.bytes == one.as_bytes() {
                        hash.expect(pairs.len());
                        pairs.clone().filter(|(field, value)| hash.set(field, value, Deadline::Clear)).count()
                    } else {
                        hash.set_all(pairs.len(), pairs.clone())
                    };
                    if expires {
                        hash.set_deadline(b"f1", Some(500));
                    }
                    let hash = hash.as_ref().expect("it has fields");
                    let shown = if hash.encoding() == "hashtable" { hash.len().to_string() } else { text(hash) };
                    (added, hash.encoding(), shown)
                })
            });
            assert_eq!(one, all);
        }
    }
}

#[test]
fn a_count_beyond_two_bytes_is_walked() {
    let space = space();
    let h = key(&space, b"h");
    let limits = Limits { entries_max: usize::MAX, value_len_max: 64 };
    let blob_of = |len: u32| {
        let mut blob = super::small::count_bytes(len as usize).to_vec();
        for n in 0..len {
            crate::packed::encode_int(i64::from(n), &mut blob);
            crate::packed::encode_int(1, &mut blob);
        }
        crate::db::Value::Inline(crate::entry::Kind::HashPacked, blob.into())
    };
    at(&space, 0, |keys| {
        keys.put(&h, blob_of(65_534), None);
        let mut hash = keys.hash_for_write(&h, limits).unwrap();
        for (n, len) in [(70_000, 65_535), (70_001, 65_536), (70_002, 65_537)] {
            assert!(hash.set(format!("{n}").as_bytes(), b"1", Deadline::Clear));
            assert_eq!(hash.len(), len);
        }
        for (n, len) in [(0, 65_536), (9, 65_535), (70_000, 65_534), (3, 65_533)] {
            assert!(hash.remove(format!("{n}").as_bytes()));
            assert_eq!(hash.len(), len);
        }
    });
}

#[test]
fn many_hashes_expire_in_order_and_within_the_budget() {
    let space = space();
    for n in 0..50_i64 {
        let name = format!("h{n}");
        let h = key(&space, name.as_bytes());
        at(&space, 0, |keys| {
            let mut hash = keys.hash_for_write(&h, LIMITS).unwrap();
            for field in 0..20_i64 {
                hash.set(format!("f{field}").as_bytes(), b"v", Deadline::At(100 + (n * 7 % 50) * 10 + field % 2));
            }
            if n % 2 == 0 {
                hash.set(b"stays", b"v", Deadline::Clear);
            }
        });
    }
    assert_eq!(expire(&space, 99, 1000), (vec![], 0));
    let (first, count) = expire(&space, 100, 1000);
    assert_eq!((first.len(), count, &*first[0].key), (1, 10, &b"h0"[..]));
    let mut total = 10;
    while total < 1000 {
        let (expired, count) = expire(&space, 10_000, 64);
        assert_eq!(count, 64.min(1000 - total));
        assert!(expired.iter().all(|hash| !hash.gone || hash.key.ends_with(b"1") || hash.key.last().unwrap() % 2 == 1));
        total += count;
    }
    assert_eq!(expire(&space, 10_000, 64), (vec![], 0));
    let (len, _) = at(&space, 10_000, |keys| keys.tables().map(|db| (db.len(), db.expiring_hashes())).next());
    assert_eq!(len, Some((25, 0)));
}

#[test]
fn fields_of_an_expired_key_are_not_expired_one_by_one() {
    let space = space();
    let h = key(&space, b"h");
    at(&space, 0, |keys| {
        keys.hash_for_write(&h, LIMITS).unwrap().set(b"f", b"v", Deadline::At(10));
        let slot = keys.find_for_write(&h).unwrap();
        keys.db_mut(h.hash).set_deadline(slot, Some(5));
    });
    assert_eq!(expire(&space, 20, 10), (vec![], 0));
    let (left, _) = at(&space, 20, |keys| keys.tables().map(|db| (db.len(), db.expiring_hashes())).next());
    assert_eq!(left, Some((0, 0)));
}

#[test]
fn hashes_that_share_a_deadline_are_told_apart() {
    let space = space();
    for n in 0..3000 {
        let name = format!("key:{n}");
        let h = key(&space, name.as_bytes());
        at(&space, 0, |keys| keys.hash_for_write(&h, LIMITS).unwrap().set(b"f", b"v", Deadline::At(10)));
    }
    let (expired, count) = expire(&space, 10, usize::MAX);
    assert_eq!((expired.len(), count), (3000, 3000));
    assert!(expired.iter().all(|hash| hash.gone));
}

#[test]
fn a_copy_is_the_same_and_its_own() {
    let mut hash = Hash::new(3);
    for n in 0..1000_i64 {
        hash.add_new(&n.to_le_bytes(), &vec![1; n as usize], (n % 3 == 0).then_some(n + 1));
    }
    let mut copy = hash.clone();
    for n in 0..1000_i64 {
        let (a, b) = (hash.find(&n.to_le_bytes()).unwrap(), copy.find(&n.to_le_bytes()).unwrap());
        assert_eq!((a.value(), a.deadline_ms()), (b.value(), b.deadline_ms()));
        assert_eq!(copy.remove(&n.to_le_bytes(), 0), super::Found::Live);
    }
    assert!(copy.is_empty());
    assert_eq!((hash.len(), hash.deadline_ms(), copy.deadline_ms()), (1000, Some(1), None));
}

/// Bytes of table and pages (not only of the records in them) for each field of a hash.
fn bytes_per_field(fields: usize, value_len: impl Fn(usize) -> usize) -> f64 {
    memory::publish_pooled();
    let before = pool::taken_by_thread();
    let mut hash = Hash::new(3);
    for n in 0..fields {
        hash.add_new(format!("field:{n:010}").as_bytes(), &vec![b'v'; value_len(n)], None);
    }
    let idle_bytes = pool::taken_by_thread() - before - memory::unpublished_pooled_bytes();
    let bytes = hash.memory_usage() as i64 + idle_bytes;
    drop(hash);
    assert_eq!(memory::unpublished_pooled_bytes(), 0, "its records are uncounted with the hash");
    assert_eq!(pool::taken_by_thread(), before, "pages come back with the hash");
    bytes as f64 / fields as f64
}

#[test]
fn a_field_of_a_large_hash_is_cheap() {
    for fields in [100_000, 130_000, 160_000, 200_000] {
        let bytes = bytes_per_field(fields, |_| 16);
        assert!(bytes <= 53.0, "{fields}: {bytes}");
    }
    // Smaller ones, with values of all lengths: 50 to 51 bytes of field and value.
    for fields in [20, 130, 513, 2000, 10_000] {
        let bytes = bytes_per_field(fields, |n| n * 7 % 65);
        assert!(bytes <= 80.0, "{fields}: {bytes}");
    }
}
