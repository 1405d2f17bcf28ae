//! What is pending, by id: short rows that clones share until one of them changes a row, so that the picture of a
//! group with a million pending entries is no more than a list of its rows.
//!
//! # Invariants
//! - No row is empty or longer than `ROW_LEN_MAX`; its ids ascend.
//! - A row stands under an id that is not after its first, and is after all ids of the row before.
//! - `len` is the sum of the rows' lengths.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use super::id::Id;

const ROW_LEN_MAX: usize = 128;
/// A row that gets as short as this joins the next one, if both fit into one.
const SHORT_LEN: usize = ROW_LEN_MAX / 4;

type Row<V> = Vec<(Id, V)>;

/// See the module's head.
#[derive(Clone, Debug)]
pub(super) struct Pel<V> {
    rows: BTreeMap<Id, Arc<Row<V>>>,
    len: usize,
}

impl<V> Default for Pel<V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), len: 0 }
    }
}

#[inline]
fn place<V>(row: &Row<V>, id: Id) -> Result<usize, usize> {
    row.binary_search_by(|(other, _)| other.cmp(&id))
}

impl<V: Clone> Pel<V> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, id: Id) -> Option<&V> {
        let (_, row) = self.rows.range(..=id).next_back()?;
        place(row, id).ok().map(|at| &row[at].1)
    }

    /// Puts a value under an id; the one that was there.
    pub(super) fn insert(&mut self, id: Id, value: V) -> Option<V> {
        let Some((_, row)) = self.rows.range_mut(..=id).next_back() else {
            self.len += 1;
            self.insert_first(id, value);
            return None;
        };
        let at = match place(row, id) {
            Ok(at) => return Some(mem::replace(&mut Arc::make_mut(row)[at].1, value)),
            Err(at) => at,
        };
        self.len += 1;
        if row.len() < ROW_LEN_MAX {
            Arc::make_mut(row).insert(at, (id, value));
        } else if at == row.len() {
            // Most ids come in order: rows are full then.
            self.rows.insert(id, Arc::new(vec![(id, value)]));
        } else {
            let lower = Arc::make_mut(row);
            let mut upper = lower.split_off(ROW_LEN_MAX / 2);
            match at.checked_sub(lower.len()) {
                Some(at) if at > 0 => upper.insert(at, (id, value)),
                _ => lower.insert(at, (id, value)),
            }
            self.rows.insert(upper[0].0, Arc::new(upper));
        }
        None
    }

    /// As `insert`, before all rows.
    fn insert_first(&mut self, id: Id, value: V) {
        let first = self.rows.first_entry().filter(|first| first.get().len() < ROW_LEN_MAX);
        let row = match first.map(|first| first.remove()) {
            Some(mut row) => {
                Arc::make_mut(&mut row).insert(0, (id, value));
                row
            }
            None => Arc::new(vec![(id, value)]),
        };
        self.rows.insert(id, row);
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, id: Id) -> Option<V> {
        let (&key, row) = self.rows.range_mut(..=id).next_back()?;
        let at = place(row, id).ok()?;
        self.len -= 1;
        let (_, value) = Arc::make_mut(row).remove(at);
        if row.is_empty() {
            self.rows.remove(&key);
        } else if row.len() <= SHORT_LEN {
            self.join(key);
        }
        Some(value)
    }

    fn join(&mut self, key: Id) {
        let mut rows = self.rows.range(key..);
        let (Some((_, row)), Some((&next, more))) = (rows.next(), rows.next()) else { return };
        if row.len() + more.len() > ROW_LEN_MAX {
            return;
        }
        if let (Some(more), Some(row)) = (self.rows.remove(&next), self.rows.get_mut(&key)) {
            Arc::make_mut(row).extend(more.iter().cloned());
        }
    }

    /// All from an id to another, in order.
    pub(super) fn range(&self, from: Id, to: Id) -> impl DoubleEndedIterator<Item = &(Id, V)> {
        let start = self.rows.range(..=from).next_back().map_or(Id::ZERO, |(key, _)| *key);
        self.rows.range(start..=to.max(start)).flat_map(move |(_, row)| {
            let start = row.partition_point(|(id, _)| *id < from);
            let end = row.partition_point(|(id, _)| *id <= to);
            row.get(start..end).unwrap_or_default()
        })
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &(Id, V)> {
        self.rows.values().flat_map(|row| row.iter())
    }

    /// Bytes that it takes, nearly.
    pub(super) fn memory_usage(&self) -> usize {
        // A pointer with counts, and a place in a B-tree of which a little more than half is in use.
        const ROW: usize = 40 + (size_of::<Id>() + 8) * 16 / 9;
        self.len * size_of::<(Id, V)>() * 9 / 8 + self.rows.len() * ROW
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_sound(pel: &Pel<u8>) -> bool {
        let rows: Vec<_> = pel.rows.iter().collect();
        let lens = rows.iter().map(|(_, row)| row.len());
        lens.clone().all(|len| (1..=ROW_LEN_MAX).contains(&len))
            && lens.sum::<usize>() == pel.len
            && rows.iter().all(|(key, row)| **key <= row[0].0)
            && rows.windows(2).all(|pair| pair[0].1.last().is_some_and(|(last, _)| last < pair[1].0))
            && pel.iter().zip(pel.iter().skip(1)).all(|(a, b)| a.0 < b.0)
    }

    proptest! {
        #[test]
        fn is_a_map_whose_clones_stay(
            steps in proptest::collection::vec((0..10_u8, 0..700_u64, any::<u8>()), 1..2500),
        ) {
            let (mut pel, mut model) = (Pel::default(), BTreeMap::new());
            let (mut picture, mut pictured) = (pel.clone(), model.clone());
            for (step, number, value) in steps {
                let id = Id::new(number / 7, number % 7);
                match step {
                    0..5 => prop_assert_eq!(pel.insert(id, value), model.insert(id, value)),
                    // In order, as streams have them.
                    5 => {
                        let id = Id::new(1000 + model.len() as u64, 0);
                        prop_assert_eq!(pel.insert(id, value), model.insert(id, value));
                    }
                    6..9 => prop_assert_eq!(pel.remove(id), model.remove(&id)),
                    _ if value < 8 => (picture, pictured) = (pel.clone(), model.clone()),
                    _ => {
                        let to = Id::new(u64::from(value), 3);
                        let found: Vec<_> = pel.range(id, to).copied().collect();
                        let mut expected: Vec<_> =
                            model.iter().filter(|(other, _)| (id..=to).contains(other)).map(|(a, b)| (*a, *b)).collect();
                        prop_assert_eq!(&found, &expected);
                        expected.reverse();
                        let backwards: Vec<_> = pel.range(id, to).rev().copied().collect();
                        prop_assert_eq!(&backwards, &expected);
                    }
                }
                prop_assert_eq!(pel.get(id), model.get(&id));
                prop_assert_eq!(pel.len(), model.len());
            }
            prop_assert!(is_sound(&pel));
            prop_assert!(picture.iter().map(|(id, value)| (id, value)).eq(&pictured));
        }
    }

    /// The picture of many costs about as much as that of a hundredth of them.
    #[test]
    fn a_clone_shares_its_rows() {
        let mut pel = Pel::default();
        for number in 0..100_000 {
            pel.insert(Id::new(number, 0), 1_u8);
        }
        assert!(pel.rows.len() < 1000, "{} rows", pel.rows.len());
        let picture = pel.clone();
        assert!(pel.rows.values().zip(picture.rows.values()).all(|(a, b)| Arc::ptr_eq(a, b)));
        pel.remove(Id::new(50_000, 0));
        let own = pel.rows.values().zip(picture.rows.values()).filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
        assert_eq!((own, picture.len(), pel.len()), (1, 100_000, 99_999));
    }
}
