//! The set of integers: one blob with the width in bytes (2, 4 or 8), then the values ascending,
//! little-endian, each of that width.
//!
//! The width is the narrowest that holds every value that was ever inserted: it grows by an
//! insertion and never shrinks. An empty blob is an empty set. Blobs are trusted; a truncated one
//! reads as the whole values it has.

use std::cmp::Ordering;

/// Bytes that a value needs.
#[inline]
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

/// The width and the bytes of the values.
#[inline]
fn parts(blob: &[u8]) -> (usize, &[u8]) {
    match blob.split_first() {
        Some((&width @ (2 | 4 | 8), values)) => (usize::from(width), values),
        _ => (2, &[]),
    }
}

/// Number of values.
#[inline]
pub fn len(blob: &[u8]) -> usize {
    let (width, values) = parts(blob);
    values.len() >> width.trailing_zeros()
}

/// Whether the set has no value.
#[inline]
pub fn is_empty(blob: &[u8]) -> bool {
    len(blob) == 0
}

#[inline]
fn value_at(values: &[u8], width: usize, index: usize) -> Option<i64> {
    let rest = values.get(index.checked_mul(width)?..)?;
    match width {
        2 => rest.first_chunk().map(|&bytes| i64::from(i16::from_le_bytes(bytes))),
        4 => rest.first_chunk().map(|&bytes| i64::from(i32::from_le_bytes(bytes))),
        _ => rest.first_chunk().map(|&bytes| i64::from_le_bytes(bytes)),
    }
}

/// The value at a rank, ascending from 0.
#[inline]
pub fn get(blob: &[u8], index: usize) -> Option<i64> {
    let (width, values) = parts(blob);
    value_at(values, width, index)
}

/// Values ascending.
pub fn iter(blob: &[u8]) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
    let (width, values) = parts(blob);
    // Ranks below `len` are whole values: the default is never taken.
    (0..len(blob)).map(move |index| value_at(values, width, index).unwrap_or_default())
}

/// `Ok(rank)` of the value, or `Err(rank)` at which it would stand.
#[inline]
pub fn insert_position(blob: &[u8], value: i64) -> Result<usize, usize> {
    let (width, values) = parts(blob);
    let len = len(blob);
    let compare = |index| value_at(values, width, index).map_or(Ordering::Greater, |at| at.cmp(&value));
    // Ascending insertion is common: look at the last value before the search.
    match len.checked_sub(1).map(compare) {
        None | Some(Ordering::Less) => return Err(len),
        Some(Ordering::Equal) => return Ok(len - 1),
        Some(Ordering::Greater) => {}
    }
    let (mut low, mut high) = (0, len - 1);
    while low < high {
        let middle = low.midpoint(high);
        match compare(middle) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(low)
}

/// Whether the set has the value.
#[inline]
pub fn contains(blob: &[u8], value: i64) -> bool {
    insert_position(blob, value).is_ok()
}

/// Adds the value, widening all when it needs more bytes; `false` when it was there.
pub fn insert(blob: &mut Vec<u8>, value: i64) -> bool {
    let Err(index) = insert_position(blob, value) else {
        return false;
    };
    let width = widen(blob, width_of(value));
    let at = 1 + index * width;
    let end = blob.len();
    blob.extend_from_slice(&value.to_le_bytes()[..width]);
    if at < end {
        blob.copy_within(at..end, at + width);
        blob[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }
    true
}

/// Takes the value out; `false` when it was not there.
pub fn remove(blob: &mut Vec<u8>, value: i64) -> bool {
    let Ok(index) = insert_position(blob, value) else {
        return false;
    };
    let (width, _) = parts(blob);
    let at = 1 + index * width;
    blob.drain(at..at + width);
    true
}

/// Rewrites the values when they are narrower than `width`; returns the width they then have.
fn widen(blob: &mut Vec<u8>, width: usize) -> usize {
    let (old, values) = parts(blob);
    if blob.is_empty() {
        blob.push(width as u8);
        return width;
    }
    if width <= old {
        return old;
    }
    let count = values.len() / old;
    blob.resize(1 + count * width, 0);
    blob[0] = width as u8;
    // From the last on, so that no value is overwritten before it was read.
    for index in (0..count).rev() {
        let value = value_at(&blob[1..], old, index).unwrap_or_default();
        let at = 1 + index * width;
        blob[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn value() -> impl Strategy<Value = i64> {
        let borders = [0, i64::from(i16::MIN), i64::from(i16::MAX), i64::from(i32::MIN), i64::from(i32::MAX)];
        prop_oneof![
            6 => -20..20i64,
            3 => (prop::sample::select(borders.to_vec()), -2..=2i64).prop_map(|(border, off)| border + off),
            1 => any::<i64>(),
            1 => prop::sample::select(vec![i64::MIN, i64::MAX]),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_set(steps in prop::collection::vec((any::<bool>(), value()), 0..60)) {
            let (mut blob, mut model, mut width) = (Vec::new(), BTreeSet::new(), 0);
            for (add, value) in steps {
                if add {
                    prop_assert_eq!(insert(&mut blob, value), model.insert(value));
                    width = width.max(width_of(value));
                } else {
                    prop_assert_eq!(remove(&mut blob, value), model.remove(&value));
                }
                prop_assert_eq!(contains(&blob, value), add);
                prop_assert_eq!(blob.len(), if width == 0 { 0 } else { 1 + width * model.len() });
                prop_assert_eq!(blob.first().map_or(0, |&width| usize::from(width)), width);
                prop_assert_eq!(len(&blob), model.len());
                prop_assert_eq!(is_empty(&blob), model.is_empty());
                prop_assert!(iter(&blob).eq(model.iter().copied()));
                prop_assert!(iter(&blob).rev().eq(model.iter().rev().copied()));
                prop_assert!((0..=model.len()).all(|i| get(&blob, i) == model.iter().nth(i).copied()));
                let below = model.range(..value).count();
                prop_assert_eq!(insert_position(&blob, value), if add { Ok(below) } else { Err(below) });
            }
        }

        #[test]
        fn no_bytes_make_it_panic(blob in prop::collection::vec(any::<u8>(), 0..40), value in value()) {
            iter(&blob).for_each(drop);
            contains(&blob, value);
        }
    }
}
