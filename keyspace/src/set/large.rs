//! The large set: a table of members.
//!
//! A member's record is its length (one byte, or 255 and eight bytes) and the member. A member of 17 bytes
//! takes 24 in the slab and about 10 in the table.
//!
//! # Invariants
//! - A record's slot is marked exactly when the record is an allocation of its own.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::db::Db;
use crate::dict::{self, Dict, Records, Slot};
use crate::entry::{Entry, Kind};
use crate::packed::{Element, IntText};
use crate::room::{Home, Room};
use crate::snapshot::{CaptureSlot, Captured, Gathering, InCapture, Parts, STEP_BUCKETS};

/// The layout of a set's table.
struct Members;

const LONG: u8 = 255;

impl Records for Members {
    #[inline]
    unsafe fn key<'a>(record: NonNull<u8>) -> &'a [u8] {
        // SAFETY: the caller's promise; every record of these tables was written by `write`.
        unsafe {
            let (at, len) = match record.read() {
                LONG => (9, record.add(1).cast::<u64>().read_unaligned() as usize),
                len => (1, usize::from(len)),
            };
            std::slice::from_raw_parts(record.add(at).as_ptr(), len)
        }
    }
}

#[inline]
fn record_size(member_len: usize) -> usize {
    if member_len < usize::from(LONG) { 1 + member_len } else { 9 + member_len }
}

/// # Safety
/// `record` has room for `record_size` of the member, which does not overlap it.
#[inline]
unsafe fn write(record: NonNull<u8>, member: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        let at = if member.len() < usize::from(LONG) {
            record.write(member.len() as u8);
            1
        } else {
            record.write(LONG);
            record.add(1).cast::<u64>().write_unaligned(member.len() as u64);
            9
        };
        record.add(at).as_ptr().copy_from_nonoverlapping(member.as_ptr(), member.len());
    }
}

/// How many members are looked up together.
pub(super) const BATCH: usize = 16;
/// A smaller set is in the cache soon, and its lookups lose by waiting for each other (measured: they cost
/// 20 ns each instead of 12 at a thousand members, as much at 100 thousand, a third at a million).
pub(super) const BATCH_LEN_MIN: usize = 1 << 17;
/// Members of another set, to be looked up.
pub(super) type Batch<'a> = SmallVec<[Element<'a>; BATCH]>;

/// A large set.
pub struct Set {
    members: Dict<Members>,
    room: Room,
    seed: u64,
    capture: CaptureSlot,
}

impl Set {
    /// An empty set, hashing with `seed`, which nobody outside should know.
    pub fn new(seed: u64) -> Self {
        Self { members: Dict::new(seed), room: Room::default(), seed, capture: None }
    }

    /// The large set of an entry of kind [`Kind::Set`].
    #[inline]
    pub(crate) fn of_entry(entry: Entry<'_>) -> &Self {
        of(entry)
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    #[inline]
    fn find(&self, member: &[u8]) -> Option<Slot> {
        self.members.find(self.members.hash(member), member)
    }

    /// Whether `member` is in the set.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.find(member).is_some()
    }

    /// Keeps those of up to [`BATCH`] members that are in this set, or those that are not. Their cache misses
    /// overlap, which one lookup after the other would not do.
    pub(super) fn retain_in(&self, members: &mut Batch<'_>, is_in: bool) {
        let (hint, mut texts, mut hashes) = (self.members.hint(), [(); BATCH].map(|()| IntText::default()), [0; BATCH]);
        for ((member, text), hash) in members.iter().zip(&mut texts).zip(&mut hashes) {
            *hash = self.members.hash(member.as_bytes(text));
            // SAFETY: the hint is fresh and the table is borrowed, so what it leads to is live.
            unsafe { hint.prefetch_bucket(*hash, 0) };
        }
        for hash in &hashes[..members.len()] {
            // SAFETY: as above.
            unsafe { hint.prefetch_record(*hash, 0) };
        }
        let mut at = 0;
        members.retain(|member| {
            let found = self.members.find(hashes[at], member.as_bytes(&mut texts[at])).is_some();
            at += 1;
            found == is_in
        });
    }

    /// Brings what searches for these members look at into the cache.
    pub(crate) fn prefetch<'m>(&self, members: impl Iterator<Item = &'m [u8]>) {
        let hashes: SmallVec<[u64; 32]> = members.map(|member| self.members.hash(member)).collect();
        self.members.prefetch(&hashes);
    }

    /// Adds a member; false when it was there.
    #[inline]
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let hash = self.members.hash(member);
        if self.members.find(hash, member).is_some() {
            return false;
        }
        let (record, home) = self.room.alloc(record_size(member.len()));
        // SAFETY: the record is fresh and has the room; it is freed only after its removal.
        unsafe {
            write(record, member);
            self.members.insert(hash, record, home == Home::Own);
        }
        true
    }

    /// Takes a member out; false when it was not there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(slot) = self.find(member) else { return false };
        self.remove_at(slot, member.len());
        true
    }

    fn remove_at(&mut self, slot: Slot, member_len: usize) {
        if self.capture.is_some() {
            self.keep(slot);
        }
        let home = home(slot.is_marked());
        let record = self.members.remove(slot);
        // SAFETY: just removed; the mark says where it lives.
        unsafe { self.room.free(record, record_size(member_len), home) };
    }

    /// Copies the member at a slot, which is about to go, for a capture that does not have it.
    #[cold]
    fn keep(&mut self, slot: Slot) {
        if let Some(capture) = &self.capture
            && !self.members.is_captured(slot)
        {
            // SAFETY: the slot's record lives.
            let member = unsafe { Members::key(slot.record()) };
            capture.gathering.add(|parts| parts.push_member(member));
            self.members.set_captured(slot);
        }
    }

    /// A member chosen uniformly; `below(n)` gives random numbers below n.
    pub fn random(&self, below: impl FnMut(u64) -> u64) -> Option<&[u8]> {
        // SAFETY: records in the table live while it is borrowed.
        self.members.random(below).map(|record| unsafe { Members::key(record) })
    }

    /// Takes a member chosen uniformly out, after showing it to `take`; false when the set is empty.
    pub fn pop_random(&mut self, below: impl FnMut(u64) -> u64, take: impl FnOnce(&[u8])) -> bool {
        let Some(record) = self.members.random(below) else { return false };
        // SAFETY: the record is live until it is removed below.
        let member = unsafe { Members::key(record) };
        take(member);
        let (slot, len) = (self.members.slot_of(self.members.hash(member), record), member.len());
        if let Some(slot) = slot {
            self.remove_at(slot, len);
        }
        true
    }

    /// Shows `count` different members, fewer than there are, chosen uniformly by drawing; good while
    /// `count` is a small part of the set.
    pub(super) fn draw<'a>(&'a self, count: usize, mut below: impl FnMut(u64) -> u64, mut visit: impl FnMut(&'a [u8])) {
        let mut drawn = HashSet::with_capacity_and_hasher(count, foldhash::fast::RandomState::default());
        while drawn.len() < count.min(self.len()) {
            if let Some(record) = self.members.random(&mut below)
                && drawn.insert(record)
            {
                // SAFETY: records in the table live while it is borrowed.
                visit(unsafe { Members::key(record) });
            }
        }
    }

    /// Visits every member.
    pub fn for_each<'a>(&'a self, mut visit: impl FnMut(&'a [u8])) {
        // SAFETY: records in the table live while it is borrowed.
        self.members.for_each(|record| visit(unsafe { Members::key(record) }));
    }

    /// Visits members until `visit` breaks.
    pub fn try_for_each<'a>(&'a self, mut visit: impl FnMut(&'a [u8]) -> ControlFlow<()>) -> ControlFlow<()> {
        let (mut cursor, mut flow) = (0, ControlFlow::Continue(()));
        loop {
            cursor = self.scan(cursor, |member| {
                if flow.is_continue() {
                    flow = visit(member);
                }
            });
            if cursor == 0 || flow.is_break() {
                return flow;
            }
        }
    }

    /// Visits some members from `cursor` on (0 begins) and answers the next cursor, 0 at the end; see
    /// [`Dict::scan`].
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(&'a [u8])) -> u64 {
        // SAFETY: records in the table live while it is borrowed.
        self.members.scan(cursor, |record, _| visit(unsafe { Members::key(record) }))
    }

    /// Bytes of the set with its table and records.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.members.memory_usage() + self.room.memory_usage()
    }
}

fn home(marked: bool) -> Home {
    if marked { Home::Own } else { Home::Slab }
}

impl Clone for Set {
    fn clone(&self) -> Self {
        // With the same seed, members arriving in hash order would crowd one bucket after the other.
        let mut copy = Self::new(dict::hash(self.seed, b"copy"));
        self.for_each(|member| {
            copy.insert(member);
        });
        copy
    }
}

impl Captured for Set {
    fn begin_capture(&mut self, gathering: Arc<Gathering>) {
        self.members.begin_capture();
        self.capture = InCapture::slot(gathering);
    }

    fn capture_step(&mut self, bytes_max: usize) -> bool {
        let Some(mut capture) = self.capture.take() else { return true };
        let mut parts = Parts::default();
        for _ in 0..STEP_BUCKETS {
            capture.cursor = self.members.capture(capture.cursor, |record| {
                // SAFETY: records in the table live while it is borrowed.
                parts.push_member(unsafe { Members::key(record) });
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

impl Drop for Set {
    fn drop(&mut self) {
        while !self.capture_step(usize::MAX) {}
        let mut cursor = 0;
        while self.members.marked() > 0 {
            cursor = self.members.scan(cursor, |record, marked| {
                if marked {
                    // SAFETY: visited once, since nothing changes meanwhile, and not used again.
                    unsafe {
                        let size = record_size(Members::key(record).len());
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

/// The large set of an entry of kind [`Kind::Set`].
#[inline]
pub(super) fn of(entry: Entry<'_>) -> &Set {
    assert_eq!(entry.kind(), Kind::Set);
    // SAFETY: of this kind, the word is the address of a `Set` that the entry owns, and both live unchanged
    // for the entry's lifetime.
    unsafe { &*std::ptr::with_exposed_provenance(entry.word() as usize) }
}

/// The large set at a slot of kind [`Kind::Set`], for changes.
#[inline]
pub(super) fn of_mut(db: &mut Db, slot: Slot) -> &mut Set {
    assert_eq!(db.entry(slot).kind(), Kind::Set);
    // SAFETY: the kind was checked.
    unsafe { db.object_mut(slot) }
}
