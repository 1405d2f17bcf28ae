//! A table while its picture is taken.
//!
//! # Invariants
//! - Everything here runs under the lock of the table's shard, or on a table that was taken out of the keyspace.
//! - A table forgets its capture when every entry is copied.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;

use super::STEP_BUCKETS;
use super::batch::{Batch, is_gathered};
use super::gathering::{Captured, Gathering};
use super::side::Side;
use crate::db::Db;
use crate::dict::Slot;
use crate::entry::{Entry, Kind};
use crate::export::View;
use crate::hash::Hash;
use crate::list::List;
use crate::object::Object;
use crate::set::Set;
use crate::stream::Stream;
use crate::warm::Stub;
use crate::zset::SortedSet;

/// What a table keeps while its picture is taken.
pub(crate) struct TableCapture {
    side: Arc<Side>,
    shard: usize,
    cursor: u64,
    /// What writers saved since the last full batch.
    saved: Batch,
    /// A batch of this many bytes is full.
    batch_bytes: usize,
}

/// A collection up to this many parts is copied at once when it is come upon.
const AT_ONCE_LEN_MAX: usize = 256;
/// And copies at most so much of it at once.
const AT_ONCE_BYTES_MAX: usize = 64 << 10;

/// Where one step of the walk ends.
#[derive(Clone, Copy)]
pub(super) struct StepLimit {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl TableCapture {
    pub(super) fn new(side: Arc<Side>, db: usize, shard: usize, batch_bytes: usize) -> Self {
        Self { side, shard, cursor: 0, saved: Batch::new(db), batch_bytes }
    }

    /// Copies an entry that is not copied yet.
    fn copy(&mut self, entry: Entry<'_>, to_saved: Option<&mut Batch>) {
        if self.side.is_cancelled() {
            return;
        }
        let gathering = self.begin_object(entry);
        let batch = to_saved.unwrap_or(&mut self.saved);
        let before = batch.bytes();
        match (gathering, shared_or_copied(entry)) {
            (Some(gathering), _) => batch.push_parts(entry, gathering),
            (None, Some(object)) => batch.push_object(entry, object),
            (None, None) => batch.push(entry),
        }
        self.side.add_bytes(batch.bytes() - before);
    }

    /// Begins the picture of an entry's collection, where it is an object; a small one is copied at once.
    fn begin_object(&self, entry: Entry<'_>) -> Option<Arc<Gathering>> {
        let kind = entry.kind();
        if !is_gathered(kind) {
            return None;
        }
        let outline = View::of(entry).outline()?;
        let address = NonNull::new(std::ptr::with_exposed_provenance_mut::<u8>(entry.word() as usize))?;
        let gathering = Gathering::new(outline, address, self.shard, self.side.clone());
        // SAFETY: the word is the address of a live object of this kind that the entry owns, and the caller holds
        // the table alone.
        let object: &mut dyn Captured = unsafe {
            match kind {
                Kind::Hash => address.cast::<Hash>().as_mut(),
                Kind::List => address.cast::<List>().as_mut(),
                Kind::Set => address.cast::<Set>().as_mut(),
                Kind::Zset => address.cast::<SortedSet>().as_mut(),
                _ => return None,
            }
        };
        object.begin_capture(gathering.clone());
        if outline.len > AT_ONCE_LEN_MAX || !object.capture_step(AT_ONCE_BYTES_MAX) {
            self.side.gatherings.lock().push(gathering.clone());
        }
        Some(gathering)
    }
}

/// The object of an entry as the picture keeps it, where it is not taken part by part: a text is shared, a stream
/// copied, and a value that is not in memory keeps its place until the picture has it.
fn shared_or_copied(entry: Entry<'_>) -> Option<Object> {
    let address = entry.kind().is_object().then(|| entry.word() as usize)?;
    match entry.kind() {
        Kind::StrShared => {
            let text: *const Vec<u8> = std::ptr::with_exposed_provenance(address);
            // SAFETY: the word is the address of an Arc that the entry owns one count of; this takes another.
            unsafe {
                Arc::increment_strong_count(text);
                Some(Object::Text(Arc::from_raw(text)))
            }
        }
        Kind::Stream => {
            let stream: *const Stream = std::ptr::with_exposed_provenance(address);
            // SAFETY: the word is the address of a live stream that the entry owns.
            Some(Object::Stream(Box::new(unsafe { &*stream }.clone())))
        }
        // SAFETY: the word is that of a stub which the entry owns.
        kind if kind.is_warm() => Some(Object::Warm(unsafe { Stub::of_word(entry.word()) })),
        _ => None,
    }
}

impl Db {
    /// Begins the picture of a table.
    pub(super) fn begin_capture(&mut self, capture: TableCapture) {
        self.dict_mut().begin_capture();
        self.capture = Some(Box::new(capture));
    }

    /// Copies the entry at a slot, which is about to change, for a capture that does not have it.
    #[cold]
    pub(crate) fn keep_now(&mut self, slot: Slot) {
        if self.dict().is_captured(slot) {
            return;
        }
        self.dict_mut().set_captured(slot);
        let Some(mut capture) = self.capture.take() else { return };
        capture.copy(self.entry(slot), None);
        if capture.saved.bytes() >= capture.batch_bytes {
            let fresh = Batch::new(capture.saved.db);
            let full = std::mem::replace(&mut capture.saved, fresh);
            capture.side.saved.lock().push_back(full);
        }
        self.capture = Some(capture);
    }

    /// Copies some more entries into `batch`, and those that writers saved; whether none is left.
    pub(super) fn capture_step(&mut self, limit: StepLimit, batch: &mut Batch) -> bool {
        let Some(mut capture) = self.capture.take() else { return true };
        batch.db = capture.saved.db;
        for _ in 0..STEP_BUCKETS {
            if batch.len() >= limit.entries || batch.bytes() >= limit.bytes {
                break;
            }
            let (cursor, to) = (capture.cursor, &mut *batch);
            let walk = &mut capture;
            walk.cursor = self.dict_mut().capture(cursor, |record| {
                // SAFETY: records in the table live while it is borrowed.
                walk.copy(unsafe { Entry::at(record) }, Some(&mut *to));
            });
            if capture.cursor == 0 {
                let saved = std::mem::take(&mut capture.saved);
                if !saved.is_empty() {
                    capture.side.saved.lock().push_back(saved);
                }
                return true;
            }
        }
        self.capture = Some(capture);
        false
    }
}
