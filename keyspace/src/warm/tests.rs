//! Stubs, what they hold and what comes back for them.

use std::sync::Arc;

use super::*;
use crate::change::Tally;
use crate::export::View;
use crate::keys::{Access, Key, Keys, Now};

struct Nowhere;

impl Backing for Nowhere {
    fn read(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn read_now(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::WouldBlock.into())
    }
}

fn spot(segment: &Arc<Segment>, at: u32) -> Spot {
    Spot { segment: segment.clone(), at, len: 100 }
}

fn with_keys(work: impl FnOnce(&mut Keys<'_>)) {
    let (space, mut tally) = (Keyspace::new(1, 1, 7), Tally::default());
    let now = Now { unix_ms: 1000, access: Access::Lru(1) };
    work(&mut Keys::lock_all(&space, 0, now, &mut tally));
}

fn cool(keys: &mut Keys<'_>, key: &Key<'_>) -> Option<Ticket> {
    let slot = keys.peek(key)?;
    keys.db_mut(key.hash).cool(slot)
}

fn is_text(value: &Value, text: &[u8]) -> bool {
    value.with_view(|view| matches!(view, View::Text(bytes) if bytes == text))
}

#[test]
fn a_value_leaves_and_comes_back() {
    with_keys(|keys| {
        for len in [200, 100_000] {
            let (key, text) = (keys.key(b"k"), vec![b'x'; len]);
            keys.put(&key, Value::text(&text), Some(5000));
            let ticket = cool(keys, &key).expect("it is long enough");
            assert_eq!(cool(keys, &key), None, "it is out already");
            let slot = keys.peek(&key).expect("the key stays");
            let entry = keys.entry(&key, slot);
            assert_eq!((entry.kind(), entry.ticket()), (Kind::WarmString, Some(ticket)));
            assert_eq!(entry.deadline_ms(), Some(5000));
            let value = keys.db_mut(key.hash).take_held(slot).expect("it was not written yet");
            assert!(is_text(&value, &text));
            keys.db_mut(key.hash).warm(slot, value);
            assert!(matches!(borrow(ticket), Borrowed::Gone), "the stub went");
            let slot = keys.peek(&key).expect("it is there");
            assert!(is_text(&keys.db_mut(key.hash).take(slot), &text));
        }
    });
}

#[test]
fn small_values_and_numbers_stay() {
    with_keys(|keys| {
        for text in [&b"12345"[..], &[b'x'; 63], b""] {
            let key = keys.key(b"k");
            keys.put(&key, Value::text(text), None);
            assert_eq!(cool(keys, &key), None);
        }
    });
}

#[test]
fn what_is_written_lives_as_long_as_a_stub_names_it() {
    with_keys(|keys| {
        let segment = Arc::new(Segment::new(1, Box::new(Nowhere)));
        let (key, copy) = (keys.key(b"k"), keys.key(b"copy"));
        keys.put(&key, Value::text(&[b'x'; 200]), None);
        let ticket = cool(keys, &key).expect("it is long enough");
        let Borrowed::Held(held) = borrow(ticket) else { panic!("it waits to be written") };
        assert!(matches!(borrow(ticket), Borrowed::Busy));
        assert!(settle(ticket, spot(&segment, 0)));
        drop(held);
        assert_eq!(segment.live_bytes(), 100);
        let slot = keys.peek(&key).expect("it is there");
        let value = keys.db_mut(key.hash).copy_value(slot);
        keys.put(&copy, value, None);
        assert!(keys.remove(&key));
        assert_eq!(segment.live_bytes(), 100, "the copy needs it");
        let old = spot(&segment, 0);
        assert!(relocate(ticket, &old, spot(&segment, 300)));
        assert!(!relocate(ticket, &old, spot(&segment, 500)), "it is elsewhere by now");
        assert!(matches!(borrow(ticket), Borrowed::Spot(Spot { at: 300, .. })));
        assert_eq!(segment.live_bytes(), 100);
        let slot = keys.peek(&copy).expect("it is there");
        let stub = keys.db_mut(copy.hash).warm_for_now(slot, Value::text(&[b'x'; 200]));
        assert_eq!(keys.entry(&copy, slot).kind(), Kind::Str);
        keys.db_mut(copy.hash).cool_again(slot, stub);
        let slot = keys.peek(&copy).expect("it is there");
        assert_eq!(keys.entry(&copy, slot).ticket(), Some(ticket));
        keys.put(&copy, Value::text(b"new"), None);
        assert_eq!(segment.live_bytes(), 0);
        assert!(!settle(ticket, spot(&segment, 0)), "nobody needs it");
        assert_eq!(segment.live_bytes(), 0);
    });
}

#[test]
fn what_goes_while_it_is_borrowed_is_gone() {
    with_keys(|keys| {
        let segment = Arc::new(Segment::new(1, Box::new(Nowhere)));
        let key = keys.key(b"k");
        keys.put(&key, Value::text(&[b'x'; 200]), None);
        let first = cool(keys, &key).expect("it is long enough");
        let Borrowed::Held(held) = borrow(first) else { panic!("it waits to be written") };
        keys.put(&key, Value::text(&[b'y'; 200]), None);
        assert!(!settle(first, spot(&segment, 0)));
        give_back(first, held);
        assert!(matches!(borrow(first), Borrowed::Gone));
        assert_eq!(segment.live_bytes(), 0);
    });
}
