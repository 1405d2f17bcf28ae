//! From an entry to the large sorted set that it owns.
//!
//! # Invariant
//! - The word of an entry of kind [`Kind::Zset`] is the address of a `SortedSet` that the entry owns.
#![allow(unsafe_code)]

use super::SortedSet;
use crate::db::Db;
use crate::dict::Slot;
use crate::entry::{Entry, Kind};

/// The large sorted set of an entry of kind [`Kind::Zset`].
#[inline]
pub(super) fn of(entry: Entry<'_>) -> &SortedSet {
    assert_eq!(entry.kind(), Kind::Zset);
    // SAFETY: by the kind the word is the address of a `SortedSet` that the entry owns, and both live unchanged for
    // the entry's lifetime.
    unsafe { &*std::ptr::with_exposed_provenance(entry.word() as usize) }
}

/// The large sorted set at a slot of kind [`Kind::Zset`], for changes.
#[inline]
pub(super) fn of_mut(db: &mut Db, slot: Slot) -> &mut SortedSet {
    assert_eq!(db.entry(slot).kind(), Kind::Zset);
    // SAFETY: the kind was checked.
    unsafe { db.object_mut(slot) }
}
