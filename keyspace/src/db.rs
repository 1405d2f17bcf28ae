//! One database's part in one shard: a table of entries with the slab that they live in.
//!
//! # Invariants
//! - An entry's slot is marked exactly when it has a deadline.
//! - Every hash with field deadlines stands in `field_schedule`.
//! - Whoever holds a `&mut Db` holds the shard's lock.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::dict::{Dict, Hint, Slot};
use crate::entry::{Entries, Entry, EntryMut, Kind, Shape};
use crate::hash::Hash;
use crate::hash::schedule::FieldSchedule;
use crate::list::List;
use crate::memory;
use crate::object::{self, Object};
use crate::set::Set;
use crate::slab::{self, Slab};
use crate::snapshot::TableCapture;
use crate::stream::Stream;
use crate::zset::SortedSet;

/// The keys of one database in one shard.
pub struct Db {
    dict: Dict<Entries>,
    slab: Slab,
    /// Hashes whose fields expire.
    pub(crate) field_schedule: FieldSchedule,
    /// While its picture is taken: who changes an entry copies it first.
    pub(crate) capture: Option<Box<TableCapture>>,
    /// The shard that it is in.
    shard: u32,
}

/// A value without its key: what RENAME, MOVE, COPY and RESTORE hand over.
pub enum Value {
    /// The bytes of a kind that lives inside its entry.
    Inline(Kind, Box<[u8]>),
    /// Any other.
    Object(Object),
}

const CLOCK_MASK: u32 = 0x00FF_FFFF;
/// What a table costs before it holds a key, as allocators round it: itself in its box, the first directory and
/// bucket, the slab's two lists of pages. No eviction gives it back, and the tables of a database come one by one
/// with its first keys: counted as used, they alone would make a limit near the start evict every key.
const FIXED_BYTES: i64 = (size_of::<Db>().next_multiple_of(64) + 32 + 64 + 32 + 16) as i64;

impl Db {
    pub(crate) fn new(seed: u64, skip: u32, shard: usize) -> Self {
        memory::add_pooled(-FIXED_BYTES);
        Self {
            dict: Dict::new_shared(seed, skip),
            slab: Slab::new(),
            field_schedule: FieldSchedule::default(),
            capture: None,
            shard: shard as u32,
        }
    }

    pub(crate) fn dict_mut(&mut self) -> &mut Dict<Entries> {
        &mut self.dict
    }

    /// Called before the entry at a slot changes: a capture that does not have it copies it.
    #[inline(always)]
    pub(crate) fn keep(&mut self, slot: Slot) {
        if self.capture.is_some() {
            self.keep_now(slot);
        }
    }

    /// An object comes into this table; its picture may not be whole yet.
    #[inline]
    fn receive(&self, object: &Object) {
        if let Some(gathering) = object.gathering() {
            gathering.move_to(self.shard as usize);
        }
    }

    /// The number of keys.
    #[inline]
    pub fn len(&self) -> usize {
        self.dict.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.dict.is_empty()
    }

    /// The number of keys with a deadline.
    pub fn expiring(&self) -> usize {
        self.dict.marked()
    }

    pub(crate) fn hint(&self) -> Hint {
        self.dict.hint()
    }

    /// The table itself, for walks: SCAN, samples, sizes.
    pub fn dict(&self) -> &Dict<Entries> {
        &self.dict
    }

    /// Finds a key, expired or not.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        self.dict.find(hash, key)
    }

    /// The entry at a slot.
    #[inline]
    pub fn entry(&self, slot: Slot) -> Entry<'_> {
        // SAFETY: the slot's record lives while the table is borrowed.
        unsafe { Entry::at(slot.record()) }
    }

    /// The entry of a record that a walk of [`Db::dict`] gave.
    pub fn entry_of(&self, record: NonNull<u8>) -> Entry<'_> {
        // SAFETY: records in the table live while it is borrowed.
        unsafe { Entry::at(record) }
    }

    /// Adds a key that is not there, with room for a value of `value_len` bytes, and answers those.
    fn create(
        &mut self,
        hash: u64,
        key: &[u8],
        kind: Kind,
        value_len: usize,
        deadline_ms: Option<i64>,
        clock: u32,
    ) -> (Slot, &mut [u8]) {
        let shape = Shape { key_len: key.len(), value_len, has_deadline: deadline_ms.is_some() };
        let record = self.slab.alloc(shape.size());
        // SAFETY: the record is fresh and has room for the shape.
        unsafe {
            let entry = EntryMut::at(record);
            entry.write_head(kind, shape, clock & CLOCK_MASK, deadline_ms.unwrap_or(0), key);
            let slot = self.dict.insert(hash, record, shape.has_deadline);
            (slot, entry.value_mut())
        }
    }

    /// Adds a key that is not there, with an inline value.
    #[inline]
    pub fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        kind: Kind,
        value: &[u8],
        deadline_ms: Option<i64>,
        clock: u32,
    ) -> Slot {
        debug_assert!(!kind.is_object());
        let (slot, room) = self.create(hash, key, kind, value.len(), deadline_ms, clock);
        room.copy_from_slice(value);
        if kind.may_expire_fields() {
            self.schedule_fields(slot);
        }
        slot
    }

    /// Adds a key that is not there.
    pub fn insert_value(&mut self, hash: u64, key: &[u8], value: Value, deadline_ms: Option<i64>, clock: u32) -> Slot {
        match value {
            Value::Inline(kind, bytes) => self.insert(hash, key, kind, &bytes, deadline_ms, clock),
            Value::Object(object) => {
                self.receive(&object);
                let (slot, room) = self.create(hash, key, object.kind(), 8, deadline_ms, clock);
                room.copy_from_slice(&object.into_word().to_ne_bytes());
                self.schedule_fields(slot);
                slot
            }
        }
    }

    /// Gives a slot another value and deadline; the old value goes.
    #[inline]
    pub fn put(&mut self, slot: Slot, kind: Kind, value: &[u8], deadline_ms: Option<i64>) -> Slot {
        debug_assert!(!kind.is_object());
        self.keep(slot);
        self.drop_object(slot);
        self.write(slot, kind, value.len(), deadline_ms).copy_from_slice(value);
        if kind.may_expire_fields() {
            self.schedule_fields(slot);
        }
        slot
    }

    /// As `put`, with any value.
    pub fn put_value(&mut self, slot: Slot, value: Value, deadline_ms: Option<i64>) {
        match value {
            Value::Inline(kind, bytes) => drop(self.put(slot, kind, &bytes, deadline_ms)),
            Value::Object(object) => {
                self.keep(slot);
                self.drop_object(slot);
                self.put_object(slot, object, deadline_ms);
            }
        }
    }

    /// Turns the inline value at a slot into an object, keeping the deadline.
    pub fn become_object(&mut self, slot: Slot, object: Object) {
        debug_assert!(!self.entry(slot).kind().is_object());
        self.keep(slot);
        self.put_object(slot, object, self.entry(slot).deadline_ms());
    }

    /// Turns the object at a slot into an inline value, keeping the deadline.
    pub fn become_inline(&mut self, slot: Slot, kind: Kind, value: &[u8]) {
        let deadline_ms = self.entry(slot).deadline_ms();
        self.put(slot, kind, value, deadline_ms);
    }

    fn put_object(&mut self, slot: Slot, object: Object, deadline_ms: Option<i64>) {
        self.receive(&object);
        let kind = object.kind();
        self.put_word(slot, kind, object.into_word(), deadline_ms);
        self.schedule_fields(slot);
    }

    /// Gives a slot the word of an object kind; the old value is the caller's.
    pub(crate) fn put_word(&mut self, slot: Slot, kind: Kind, word: u64, deadline_ms: Option<i64>) {
        self.write(slot, kind, 8, deadline_ms).copy_from_slice(&word.to_ne_bytes());
    }

    /// Gives a slot another value with the same deadline; the old value is the caller's.
    pub(crate) fn overwrite(&mut self, slot: Slot, value: Value) {
        let deadline_ms = self.entry(slot).deadline_ms();
        match value {
            Value::Inline(kind, bytes) => self.write(slot, kind, bytes.len(), deadline_ms).copy_from_slice(&bytes),
            Value::Object(object) => self.put_object(slot, object, deadline_ms),
        }
    }

    /// Reshapes the record at a slot and answers its value bytes, whose content is undefined.
    fn write(&mut self, slot: Slot, kind: Kind, value_len: usize, deadline_ms: Option<i64>) -> &mut [u8] {
        let record = slot.record();
        // SAFETY: the record lives until it is freed at the end.
        let old = unsafe { Entry::at(record) };
        let (shape, clock, key) = (old.shape(), old.clock(), old.key());
        let new = Shape { value_len, has_deadline: deadline_ms.is_some(), ..shape };
        if new.key_at() == shape.key_at()
            && new.has_deadline == shape.has_deadline
            && slab::usable_size(new.size()) == slab::usable_size(shape.size())
            && new.size() <= slab::RECORD_SIZE_MAX
        {
            // SAFETY: the record has the same room, and the key stays where it is.
            unsafe {
                let entry = EntryMut::at(record);
                entry.set_lengths(kind, new, clock);
                if let Some(deadline_ms) = deadline_ms {
                    entry.set_deadline_ms(deadline_ms);
                }
                return entry.value_mut();
            }
        }
        let room = self.slab.alloc(new.size());
        // SAFETY: `room` is fresh and has room for the shape; the old record is freed once nothing refers to it.
        unsafe {
            let entry = EntryMut::at(room);
            entry.write_head(kind, new, clock, deadline_ms.unwrap_or(0), key);
            self.dict.replace(slot, room, new.has_deadline);
            self.slab.free(record, shape.size());
            entry.value_mut()
        }
    }

    /// Replaces a range of an inline value by other bytes.
    pub fn splice(&mut self, slot: Slot, kind: Kind, range: Range<usize>, insert: &[u8]) {
        self.keep(slot);
        let record = slot.record();
        // SAFETY: the record lives until it is freed at the end.
        let old = unsafe { Entry::at(record) };
        let (shape, clock, deadline_ms) = (old.shape(), old.clock(), old.deadline_ms());
        assert!(range.start <= range.end && range.end <= shape.value_len, "a splice inside the value");
        let value_len = shape.value_len - range.len() + insert.len();
        let new = Shape { value_len, ..shape };
        let tail = range.start + insert.len();
        let is_large = shape.size().min(new.size()) > slab::RECORD_SIZE_MAX;
        let is_same_class = slab::usable_size(new.size()) == slab::usable_size(shape.size());
        // SAFETY: in place, the record has room for the larger shape and the key stays; otherwise `room` is fresh and
        // the old record is freed last. Ranges were checked against the value's length.
        unsafe {
            if new.key_at() == shape.key_at() && (is_large || is_same_class) {
                let mut room = record;
                if is_large && new.size() > shape.size() {
                    room = self.slab.resize_large(record, shape.size(), new.size());
                }
                EntryMut::at(room).splice_in_place(kind, shape, new, clock, range, insert);
                if is_large && new.size() < shape.size() {
                    room = self.slab.resize_large(record, shape.size(), new.size());
                }
                if room != record {
                    self.dict.replace(slot, room, new.has_deadline);
                }
                return;
            }
            let room = self.slab.alloc(new.size());
            let entry = EntryMut::at(room);
            entry.write_head(kind, new, clock, deadline_ms.unwrap_or(0), old.key());
            let (value, to) = (old.value(), entry.value_mut());
            to[..range.start].copy_from_slice(&value[..range.start]);
            to[range.start..tail].copy_from_slice(insert);
            to[tail..].copy_from_slice(&value[range.end..]);
            self.dict.replace(slot, room, new.has_deadline);
            self.slab.free(record, shape.size());
        }
    }

    /// The inline value's bytes, for changes that keep its length.
    pub fn value_mut(&mut self, slot: Slot) -> &mut [u8] {
        self.keep(slot);
        debug_assert!(!self.entry(slot).kind().is_object());
        // SAFETY: `&mut self` is the only reference to the entry.
        unsafe { EntryMut::at(slot.record()).value_mut() }
    }

    /// Sets, changes or (None) takes away a key's deadline.
    pub fn set_deadline(&mut self, slot: Slot, deadline_ms: Option<i64>) {
        self.keep(slot);
        let entry = self.entry(slot);
        if let (Some(deadline_ms), true) = (deadline_ms, entry.has_deadline()) {
            // SAFETY: it has one.
            return unsafe { EntryMut::at(slot.record()).set_deadline_ms(deadline_ms) };
        }
        if deadline_ms.is_none() && !entry.has_deadline() {
            return;
        }
        let (record, shape) = (entry.record(), entry.shape());
        let new = Shape { has_deadline: deadline_ms.is_some(), ..shape };
        let room = self.slab.alloc(new.size());
        let entry = self.entry(slot);
        // SAFETY: `room` is fresh; the old record is freed once nothing refers to it. An object's address is
        // copied with the value bytes and so changes hands.
        unsafe {
            let fresh = EntryMut::at(room);
            fresh.write_head(entry.kind(), new, entry.clock(), deadline_ms.unwrap_or(0), entry.key());
            fresh.value_mut().copy_from_slice(entry.value());
            self.dict.replace(slot, room, new.has_deadline);
            self.slab.free(record, shape.size());
        }
    }

    /// Changes the kind of an inline value whose bytes stay (Str becomes StrRaw).
    pub fn set_kind(&mut self, slot: Slot, kind: Kind) {
        self.keep(slot);
        let entry = self.entry(slot);
        debug_assert!(!kind.is_object() && !entry.kind().is_object());
        let clock = entry.clock();
        // SAFETY: `&mut self` is the only reference to the entry.
        unsafe { EntryMut::at(slot.record()) }.set_kind_and_clock(kind, clock);
    }

    /// Sets the access clock.
    #[inline]
    pub fn set_clock(&mut self, slot: Slot, clock: u32) {
        let kind = self.entry(slot).kind();
        // SAFETY: `&mut self` is the only reference to the entry.
        unsafe { EntryMut::at(slot.record()) }.set_kind_and_clock(kind, clock & CLOCK_MASK);
    }

    /// Removes a key; a large value is freed in the background.
    #[inline]
    pub fn remove(&mut self, slot: Slot) {
        self.keep(slot);
        self.drop_object(slot);
        self.forget(slot);
    }

    /// Removes a key and answers its value.
    pub fn take(&mut self, slot: Slot) -> Value {
        self.keep(slot);
        self.unschedule_fields(slot);
        let entry = self.entry(slot);
        let kind = entry.kind();
        let value = if kind.is_object() {
            // SAFETY: the entry goes, so its word is not used again.
            Value::Object(unsafe { Object::from_word(kind, entry.word()) })
        } else {
            Value::Inline(kind, entry.value().into())
        };
        self.forget(slot);
        value
    }

    /// Takes the entry out without touching its object.
    fn forget(&mut self, slot: Slot) {
        let size = self.entry(slot).shape().size();
        let record = self.dict.remove(slot);
        // SAFETY: removed from the table; allocated with the size of its shape.
        unsafe { self.slab.free(record, size) };
    }

    #[inline]
    pub(crate) fn drop_object(&mut self, slot: Slot) {
        if self.entry(slot).kind().may_expire_fields() {
            self.unschedule_fields(slot);
        }
        let entry = self.entry(slot);
        if entry.kind().is_object() {
            // SAFETY: the callers overwrite or remove the entry next.
            unsafe { Object::from_word(entry.kind(), entry.word()) }.discard();
        }
    }

    /// The object at a slot, of type `T`, for reading.
    ///
    /// # Safety
    /// The entry's kind is the one of `T`.
    #[inline]
    pub(crate) unsafe fn object<T>(&self, slot: Slot) -> &T {
        // SAFETY: the word is the address of a live `T` owned by the entry, borrowed as long as the table.
        unsafe { &*std::ptr::with_exposed_provenance(self.entry(slot).word() as usize) }
    }

    /// The object at a slot, of type `T`, for writing.
    ///
    /// # Safety
    /// The entry's kind is the one of `T`.
    #[inline]
    pub(crate) unsafe fn object_mut<T>(&mut self, slot: Slot) -> &mut T {
        self.keep(slot);
        // SAFETY: as `object`, and `&mut self` is the only way to it.
        unsafe { &mut *std::ptr::with_exposed_provenance_mut(self.entry(slot).word() as usize) }
    }

    /// The shared string at a slot of kind `StrShared`.
    pub fn shared_text(&self, slot: Slot) -> Arc<Vec<u8>> {
        let entry = self.entry(slot);
        assert_eq!(entry.kind(), Kind::StrShared);
        let text: *const Vec<u8> = std::ptr::with_exposed_provenance(entry.word() as usize);
        // SAFETY: the word is an Arc's address that the entry owns one count of.
        unsafe {
            Arc::increment_strong_count(text);
            Arc::from_raw(text)
        }
    }

    /// The shared string's bytes, for a look.
    pub fn shared_bytes(&self, slot: Slot) -> &[u8] {
        assert_eq!(self.entry(slot).kind(), Kind::StrShared);
        // SAFETY: the word is the address of a `Vec` in an Arc that the entry owns one count of.
        unsafe { self.object::<Vec<u8>>(slot) }
    }

    /// The shared string's bytes, for editing: copied first when replies still refer to them.
    pub fn shared_text_mut(&mut self, slot: Slot) -> &mut Vec<u8> {
        self.keep(slot);
        let entry = self.entry(slot);
        assert_eq!(entry.kind(), Kind::StrShared);
        // SAFETY: the entry's count passes to `text` and back through the new word below.
        let Object::Text(mut text) = (unsafe { Object::from_word(Kind::StrShared, entry.word()) }) else {
            unreachable!("the kind was checked")
        };
        let bytes: *mut Vec<u8> = Arc::make_mut(&mut text);
        let word = Object::Text(text).into_word();
        self.value_word_mut(slot, word);
        // SAFETY: the entry owns the only count, and `&mut self` guards the entry.
        unsafe { &mut *bytes }
    }

    fn value_word_mut(&mut self, slot: Slot, word: u64) {
        // SAFETY: the value of an object kind is 8 bytes.
        unsafe { EntryMut::at(slot.record()).value_mut() }.copy_from_slice(&word.to_ne_bytes());
    }

    /// Bytes of the tables beside the entries.
    pub fn overhead_bytes(&self) -> usize {
        self.dict.memory_usage()
    }

    /// Bytes that a value occupies outside its entry.
    pub fn value_bytes(&self, slot: Slot) -> usize {
        // SAFETY: each kind is the one of its type.
        unsafe {
            match self.entry(slot).kind() {
                Kind::StrShared => self.object::<Vec<u8>>(slot).capacity(),
                Kind::Hash => self.object::<Hash>(slot).memory_usage(),
                Kind::List => self.object::<List>(slot).memory_usage(),
                Kind::Set => self.object::<Set>(slot).memory_usage(),
                Kind::Zset => self.object::<SortedSet>(slot).memory_usage(),
                Kind::Stream => self.object::<Stream>(slot).memory_usage(),
                kind if kind.is_warm() => crate::warm::STUB_BYTES,
                _ => 0,
            }
        }
    }

    /// Bytes that an entry occupies in the slab.
    pub fn entry_bytes(&self, slot: Slot) -> usize {
        slab::usable_size(self.entry(slot).shape().size())
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        memory::add_pooled(FIXED_BYTES);
        let (slab, mut objects) = (&mut self.slab, Vec::new());
        self.dict.for_each(|record| {
            // SAFETY: records in the table are live until the slab goes.
            let entry = unsafe { Entry::at(record) };
            if entry.kind().is_object() {
                // SAFETY: the entry is not used again.
                objects.push(unsafe { Object::from_word(entry.kind(), entry.word()) });
            }
            let size = entry.shape().size();
            if size > slab::RECORD_SIZE_MAX {
                // SAFETY: allocated with this size; not used again.
                unsafe { slab.free(record, size) };
            }
        });
        drop(objects);
    }
}

/// A table of more keys than this takes milliseconds to drop, which nobody should wait for with its lock held.
const DROP_AT_ONCE_MAX: usize = 16 * 1024;

/// Drops a whole table: in the background when that is wanted or would take long.
pub(crate) fn discard(db: Db, lazily: bool) {
    if db.len() > if lazily { 0 } else { DROP_AT_ONCE_MAX } {
        // Those who did not ask for it count themselves what they count.
        let keys = if lazily { db.len() } else { 0 };
        object::discard_weighed(Box::new(db), keys, 0);
    }
}
