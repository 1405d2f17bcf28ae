//! Which hashes of a table have fields that expire, and when the first of them does.
//!
//! # Invariants
//! - A hash with field deadlines stands here once, under the earliest; every other key not at all.
//!   [`Db`] keeps that for values that come and go, [`super::HashMut`] for edits.
//! - Keys are known by their hashes. Should two scheduled keys share hash and deadline, one of them waits for its
//!   next write; reads do not depend on the schedule.

use std::collections::BTreeSet;

use super::{large::Hash, small::Small};
use crate::db::Db;
use crate::dict::Slot;
use crate::entry::{Entry, Kind};

/// (earliest field deadline, hash of the key), earliest first.
#[derive(Default)]
pub(crate) struct FieldSchedule(BTreeSet<(i64, u64)>);

impl Kind {
    /// Whether a value of this kind may have fields that expire.
    #[inline]
    pub(crate) fn may_expire_fields(self) -> bool {
        matches!(self, Self::HashPackedEx | Self::Hash)
    }
}

/// The earliest field deadline of an entry; None where fields do not expire.
#[inline]
fn deadline_of(entry: Entry<'_>) -> Option<i64> {
    match entry.kind() {
        Kind::HashPackedEx => Small::of(entry.kind(), entry.value()).deadline_ms(),
        Kind::Hash => Hash::of_entry(entry).deadline_ms(),
        _ => None,
    }
}

impl Db {
    /// The number of hashes with fields that expire.
    pub fn expiring_hashes(&self) -> usize {
        self.field_schedule.0.len()
    }

    /// The earliest field deadline of the value at a slot.
    #[inline]
    pub(crate) fn field_deadline_ms(&self, slot: Slot) -> Option<i64> {
        deadline_of(self.entry(slot))
    }

    /// Notes a value that came in.
    pub(crate) fn schedule_fields(&mut self, slot: Slot) {
        if let Some(deadline_ms) = self.field_deadline_ms(slot) {
            self.field_schedule.0.insert((deadline_ms, slot.hash()));
        }
    }

    /// Forgets a value that goes.
    pub(crate) fn unschedule_fields(&mut self, slot: Slot) {
        if let Some(deadline_ms) = self.field_deadline_ms(slot) {
            self.field_schedule.0.remove(&(deadline_ms, slot.hash()));
        }
    }

    /// Follows an edit; `before` was the value's earliest field deadline.
    #[inline]
    pub(crate) fn reschedule_fields(&mut self, slot: Slot, before: Option<i64>) {
        let after = self.field_deadline_ms(slot);
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.field_schedule.0.remove(&(before, slot.hash()));
        }
        if let Some(after) = after {
            self.field_schedule.0.insert((after, slot.hash()));
        }
    }

    /// A key with a field whose deadline has passed, the earliest first.
    pub(crate) fn due_hash(&mut self, unix_ms: i64) -> Option<Slot> {
        while let Some(&(deadline_ms, hash)) = self.field_schedule.0.first() {
            if deadline_ms > unix_ms {
                return None;
            }
            let slot = self.dict().find_by(hash, |record| {
                let entry = self.entry_of(record);
                self.dict().hash(entry.key()) == hash && deadline_of(entry) == Some(deadline_ms)
            });
            if slot.is_some() {
                return slot;
            }
            // Two keys shared it, and the other one took the note along.
            self.field_schedule.0.pop_first();
        }
        None
    }
}
