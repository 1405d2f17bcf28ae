//! Strings against a byte vector: every edit in every form of storage, with replies that still refer to old bytes.

use super::*;
use crate::change::Tally;
use crate::keys::{Access, Now};
use crate::shard::Keyspace;

const DEADLINE_MS: i64 = 5000;

fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// A number, or bytes of a length around one of the limits between the forms.
fn text(dice: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    const LENS: [usize; 6] = [0, 20, 255, 512, SHARED_LEN_MIN, 3 * SHARED_LEN_MIN];
    if dice(3) == 0 {
        let number = dice(1 << 30) as i64 - (1 << 29);
        return number.to_string().into_bytes();
    }
    let len = (LENS[dice(LENS.len())] + dice(9)).saturating_sub(4);
    (0..len).map(|at| (at ^ dice(7)) as u8).collect()
}

fn edit(keys: &mut Keys<'_>, key: &Key<'_>, model: &mut Vec<u8>, dice: &mut impl FnMut(usize) -> usize) {
    match dice(5) {
        0 => {
            *model = text(dice);
            keys.set_string(key, model, Some(DEADLINE_MS));
        }
        1 => {
            let (found, more) = (keys.find_string(key).unwrap(), text(dice));
            model.extend_from_slice(&more);
            assert_eq!(keys.append_string(key, found, &more), model.len());
        }
        2 | 3 => {
            let found = keys.find_string(key).unwrap();
            assert_eq!(found.unwrap().len, model.len());
            let at = dice(2 * model.len() + 2);
            model.resize(model.len().max(at + 1), 0);
            model[at] ^= 0x41;
            let bytes = keys.string_mut(key, found, at + 1);
            bytes[at] ^= 0x41;
        }
        _ => {
            let expected = as_int(model).map(|number| number + 7);
            let sum = keys.add_int(key, 7);
            assert_eq!(sum.ok(), expected);
            if let Some(sum) = expected {
                *model = sum.to_string().into_bytes();
            }
        }
    }
}

#[test]
fn edits_do_what_they_do_to_a_vector() {
    for seed in 0..40 {
        let (space, mut tally, mut dice) = (Keyspace::new(1, 1, 7), Tally::default(), dice(seed));
        let now = Now { unix_ms: 1000, access: Access::Lru(0) };
        let mut keys = Keys::lock_all(&space, 0, now, &mut tally);
        let (key, mut model) = (keys.key(b"key"), Vec::new());
        keys.set_string(&key, b"", Some(DEADLINE_MS));
        let mut under_way: Vec<(Arc<Vec<u8>>, Vec<u8>)> = Vec::new();
        for _ in 0..60 {
            edit(&mut keys, &key, &mut model, &mut dice);
            assert_eq!(&*keys.string_bytes(&key).unwrap().unwrap(), &model[..]);
            assert_eq!(keys.string_len(&key).unwrap(), Some(model.len()));
            let slot = keys.find_untouched(&key).unwrap();
            assert_eq!(keys.entry(&key, slot).deadline_ms(), Some(DEADLINE_MS));
            if let (Some(Text::Shared(text)), 0) = (keys.string(&key).unwrap(), dice(3)) {
                under_way.push((text, model.clone()));
            }
        }
        assert!(under_way.iter().all(|(text, expected)| **text == *expected), "a reply changed under way");
    }
}

#[test]
fn a_long_string_grows_in_few_steps() {
    let (space, mut tally) = (Keyspace::new(1, 1, 7), Tally::default());
    let mut keys = Keys::lock_all(&space, 0, Now { unix_ms: 1000, access: Access::Lru(0) }, &mut tally);
    let (key, mut moves, mut place) = (keys.key(b"key"), 0, 0);
    for _ in 0..40_000 {
        let found = keys.find_string(&key).unwrap();
        keys.append_string(&key, found, &[0; 100]);
        let now_at = keys.string_bytes(&key).unwrap().unwrap().as_ptr() as usize;
        moves += usize::from(now_at != place);
        place = now_at;
    }
    assert_eq!(keys.string_len(&key).unwrap(), Some(4_000_000));
    assert!(moves < 200, "{moves} moves");
}

#[test]
fn other_types_are_told_apart() {
    let (space, mut tally) = (Keyspace::new(1, 1, 7), Tally::default());
    let mut keys = Keys::lock_all(&space, 0, Now { unix_ms: 1000, access: Access::Lru(0) }, &mut tally);
    let key = keys.key(b"key");
    keys.put(&key, Value::Inline(Kind::SetInts, Box::new([])), None);
    assert!(keys.string_bytes(&key).is_err() && keys.find_string(&key).is_err() && keys.string_len(&key).is_err());
    assert_eq!(keys.add_int(&key, 1), Err(AddError::WrongType));
}
