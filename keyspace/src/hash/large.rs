//! The large form of a hash: a table of fields with records of its own.
//!
//! # Invariants
//! - Every record in `fields` was allocated in `room` with the size of its shape.
//! - A slot is marked exactly when its record is an allocation of its own; the others die with their pages.
//! - `deadlines` holds each record that has a deadline, under it.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use super::record::{self, Fields, Record};
use super::{Deadline, Found, has_passed};
use crate::db::Db;
use crate::dict::{Dict, Slot};
use crate::entry::{Entry, Kind};
use crate::room::{Home, Room};
use crate::snapshot::{CaptureSlot, Captured, Gathering, InCapture, Parts, STEP_BUCKETS};

/// A large hash.
pub struct Hash {
    fields: Dict<Fields>,
    room: Room,
    deadlines: BTreeSet<(i64, NonNull<u8>)>,
    capture: CaptureSlot,
}

// SAFETY: the records behind the addresses in `deadlines` are this hash's own.
unsafe impl Send for Hash {}
// SAFETY: shared access only reads.
unsafe impl Sync for Hash {}

/// What an element of `deadlines` takes, with its share of the tree's nodes.
const DEADLINE_BYTES: usize = 24;

impl Hash {
    /// An empty hash; `seed` as for [`Dict::new`].
    pub(super) fn new(seed: u64) -> Self {
        Self { fields: Dict::new(seed), room: Room::default(), deadlines: BTreeSet::new(), capture: None }
    }

    /// The number of fields, expired ones that are still stored included.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many allocations go with it, roughly.
    pub fn free_effort(&self) -> usize {
        // A page holds at least 7 records, a node of the tree at least 5 deadlines.
        self.fields.marked() + (self.len() - self.fields.marked()) / 7 + self.deadlines.len() / 5
    }

    /// Bytes of it all.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>()
            + self.fields.memory_usage()
            + self.room.memory_usage()
            + self.deadlines.len() * DEADLINE_BYTES
    }

    #[inline]
    fn record(&self, record: NonNull<u8>) -> Record<'_> {
        // SAFETY: records in the table live, unchanged, while the hash is borrowed.
        unsafe { Record::at(record) }
    }

    #[inline]
    fn slot(&self, field: &[u8]) -> Option<Slot> {
        self.fields.find(self.fields.hash(field), field)
    }

    /// Finds a field, expired or not.
    #[inline]
    pub(super) fn find(&self, field: &[u8]) -> Option<Record<'_>> {
        self.slot(field).map(|slot| self.record(slot.record()))
    }

    /// Brings what searches for these fields look at into the cache.
    pub(crate) fn prefetch<'f>(&self, fields: impl Iterator<Item = &'f [u8]>) {
        let hashes: SmallVec<[u64; 32]> = fields.map(|field| self.fields.hash(field)).collect();
        self.fields.prefetch(&hashes);
    }

    /// Writes a field and answers what was there.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], deadline: Deadline, unix_ms: i64) -> Found {
        let hash = self.fields.hash(field);
        let Some(slot) = self.fields.find(hash, field) else {
            self.add(hash, field, value, deadline.after(None));
            return Found::Nothing;
        };
        let old_ms = self.record(slot.record()).deadline_ms();
        let found = Found::with_deadline(old_ms, unix_ms);
        let new_ms = deadline.after(if found == Found::Live { old_ms } else { None });
        self.rewrite(slot, field, value, new_ms);
        found
    }

    /// Adds a field that is not there.
    pub(super) fn add(&mut self, hash: u64, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        let (record, home) = self.allocate(field, value, deadline_ms);
        // SAFETY: the record stays until it is removed or replaced.
        unsafe { self.fields.insert(hash, record, home == Home::Own) };
        if let Some(deadline_ms) = deadline_ms {
            self.deadlines.insert((deadline_ms, record));
        }
    }

    fn allocate(&mut self, field: &[u8], value: &[u8], deadline_ms: Option<i64>) -> (NonNull<u8>, Home) {
        let (record, home) = self.room.alloc(record::shape_of(field, value, deadline_ms).size());
        // SAFETY: the record is fresh and has room for its shape.
        unsafe { record::write(record, field, value, deadline_ms) };
        (record, home)
    }

    /// Puts a fresh record with the same field in a slot's place and frees the old one.
    fn replace(&mut self, slot: Slot, (record, home): (NonNull<u8>, Home)) {
        let (old_size, old_home) = (self.record(slot.record()).shape().size(), home_of(slot));
        // SAFETY: the fresh record stays until it is removed or replaced; the old one was allocated with the size
        // of its shape, and is not used again.
        unsafe {
            let old = self.fields.replace(slot, record, home == Home::Own);
            self.room.free(old, old_size, old_home);
        }
    }

    /// As [`Hash::add`].
    pub(super) fn add_new(&mut self, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        self.add(self.fields.hash(field), field, value, deadline_ms);
    }

    /// Gives the field at a slot another value and deadline.
    fn rewrite(&mut self, slot: Slot, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        self.keep(slot);
        let old = slot.record();
        let (shape, old_ms) = (self.record(old).shape(), self.record(old).deadline_ms());
        let new_shape = record::shape_of(field, value, deadline_ms);
        let mut record = old;
        let is_in_slab = home_of(slot) == Home::Slab;
        if shape == new_shape || (is_in_slab && shape.shares_slot_with(new_shape)) {
            // SAFETY: the record has room, and `value` comes from outside, as `&mut self` shows.
            unsafe { record::rewrite(record, value, deadline_ms) };
        } else {
            let fresh = self.allocate(field, value, deadline_ms);
            self.replace(slot, fresh);
            record = fresh.0;
        }
        self.move_deadline(old_ms.map(|at| (at, old)), deadline_ms.map(|at| (at, record)));
    }

    fn move_deadline(&mut self, old: Option<(i64, NonNull<u8>)>, new: Option<(i64, NonNull<u8>)>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.deadlines.remove(&old);
        }
        if let Some(new) = new {
            self.deadlines.insert(new);
        }
    }

    /// Sets, changes or (None) takes away the deadline of a live field; an expired one is removed.
    pub(super) fn set_deadline(&mut self, field: &[u8], deadline_ms: Option<i64>, unix_ms: i64) -> Found {
        let Some(slot) = self.slot(field) else { return Found::Nothing };
        let old = slot.record();
        let old_ms = self.record(old).deadline_ms();
        if has_passed(old_ms, unix_ms) {
            self.remove_slot(slot);
            return Found::Expired;
        }
        self.keep(slot);
        let mut record = old;
        match (old_ms, deadline_ms) {
            (None, None) => {}
            // SAFETY: it has one, and `&mut self` is the only way to it.
            (Some(_), Some(deadline_ms)) => unsafe { record::set_deadline_ms(old, deadline_ms) },
            _ => record = self.reshape(slot, deadline_ms),
        }
        self.move_deadline(old_ms.map(|at| (at, old)), deadline_ms.map(|at| (at, record)));
        Found::Live
    }

    /// Moves a field to a record with or without room for a deadline.
    fn reshape(&mut self, slot: Slot, deadline_ms: Option<i64>) -> NonNull<u8> {
        // SAFETY: the old record lives, unchanged, until `replace` frees it.
        let old: Record<'_> = unsafe { Record::at(slot.record()) };
        let fresh = self.allocate(old.field(), old.value(), deadline_ms);
        self.replace(slot, fresh);
        fresh.0
    }

    /// Removes a field and answers what it was.
    pub(super) fn remove(&mut self, field: &[u8], unix_ms: i64) -> Found {
        let Some(slot) = self.slot(field) else { return Found::Nothing };
        let found = Found::with_deadline(self.record(slot.record()).deadline_ms(), unix_ms);
        self.remove_slot(slot);
        found
    }

    fn remove_slot(&mut self, slot: Slot) {
        self.keep(slot);
        let old = self.record(slot.record());
        let (size, deadline_ms, home) = (old.shape().size(), old.deadline_ms(), home_of(slot));
        let record = self.fields.remove(slot);
        if let Some(deadline_ms) = deadline_ms {
            self.deadlines.remove(&(deadline_ms, record));
        }
        // SAFETY: removed from the table, and allocated with the size of its shape.
        unsafe { self.room.free(record, size, home) };
    }

    /// Copies the field at a slot, which is about to change, for a capture that does not have it.
    #[inline]
    fn keep(&mut self, slot: Slot) {
        if self.capture.is_some() {
            self.keep_now(slot);
        }
    }

    #[cold]
    fn keep_now(&mut self, slot: Slot) {
        if let Some(capture) = &self.capture
            && !self.fields.is_captured(slot)
        {
            let record = self.record(slot.record());
            capture.gathering.add(|parts| parts.push_field(record.field(), record.value(), record.deadline_ms()));
            self.fields.set_captured(slot);
        }
    }

    /// The earliest deadline of any field.
    #[inline]
    pub(super) fn deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|&(deadline_ms, _)| deadline_ms)
    }

    /// The number of stored fields whose deadline has passed.
    pub(super) fn expired(&self, unix_ms: i64) -> usize {
        self.deadlines.iter().take_while(|&&(deadline_ms, _)| deadline_ms <= unix_ms).count()
    }

    /// Removes fields whose deadline has passed, the earliest first and at most `fields_max`; `visit` sees them.
    pub(super) fn expire(&mut self, unix_ms: i64, fields_max: usize, mut visit: impl FnMut(&[u8])) {
        for _ in 0..fields_max {
            let Some(&(deadline_ms, record)) = self.deadlines.first() else { return };
            if deadline_ms > unix_ms {
                return;
            }
            let field = self.record(record).field();
            visit(field);
            let slot = self.fields.slot_of(self.fields.hash(field), record);
            self.remove_slot(slot.expect("a record with a deadline is in the table"));
        }
    }

    /// Visits every field.
    pub(super) fn for_each<'a>(&'a self, mut visit: impl FnMut(Record<'a>)) {
        self.fields.for_each(|record| visit(self.record(record)));
    }

    /// Visits at least the fields of one bucket from `cursor` on; the next cursor, 0 at the end.
    pub(super) fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Record<'a>)) -> u64 {
        self.fields.scan(cursor, |record, _| visit(self.record(record)))
    }

    /// A field chosen uniformly.
    pub(super) fn random(&self, below: impl FnMut(u64) -> u64) -> Option<Record<'_>> {
        self.fields.random(below).map(|record| self.record(record))
    }

    /// The large hash of an entry.
    #[inline]
    pub(crate) fn of_entry(entry: Entry<'_>) -> &Self {
        assert_eq!(entry.kind(), Kind::Hash);
        // SAFETY: the word is the address of a live `Hash` that the entry owns, borrowed as long as the entry.
        unsafe { &*std::ptr::with_exposed_provenance(entry.word() as usize) }
    }
}

#[inline]
fn home_of(slot: Slot) -> Home {
    if slot.is_marked() { Home::Own } else { Home::Slab }
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.fields.seed());
        self.for_each(|record| copy.add_new(record.field(), record.value(), record.deadline_ms()));
        copy
    }
}

impl Captured for Hash {
    fn begin_capture(&mut self, gathering: Arc<Gathering>) {
        self.fields.begin_capture();
        self.capture = InCapture::slot(gathering);
    }

    fn capture_step(&mut self, bytes_max: usize) -> bool {
        let Some(mut capture) = self.capture.take() else { return true };
        let mut parts = Parts::default();
        for _ in 0..STEP_BUCKETS {
            capture.cursor = self.fields.capture(capture.cursor, |record| {
                // SAFETY: records in the table live, unchanged, while the hash is borrowed.
                let record = unsafe { Record::at(record) };
                parts.push_field(record.field(), record.value(), record.deadline_ms());
            });
            if capture.cursor == 0 {
                capture.gathering.give(parts);
                capture.gathering.finish();
                return true;
            }
            if parts.bytes() >= bytes_max {
                break;
            }
        }
        capture.gathering.give(parts);
        self.capture = Some(capture);
        false
    }

    fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.capture.as_ref().map(|capture| &capture.gathering)
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        while !self.capture_step(usize::MAX) {}
        let mut cursor = 0;
        while self.fields.marked() > 0 {
            cursor = self.fields.scan(cursor, |record, is_own| {
                if is_own {
                    // SAFETY: visited once, since nothing changes meanwhile; allocated with the size of its shape;
                    // and not used again: the table only frees its slots.
                    unsafe {
                        let size = Record::at(record).shape().size();
                        self.room.free(record, size, Home::Own);
                    }
                }
            });
            if cursor == 0 {
                return;
            }
        }
    }
}

impl Db {
    /// The large hash at a slot, for writing.
    #[inline]
    pub(super) fn large_hash_mut(&mut self, slot: Slot) -> &mut Hash {
        assert_eq!(self.entry(slot).kind(), Kind::Hash);
        // SAFETY: the kind was checked.
        unsafe { self.object_mut(slot) }
    }
}
