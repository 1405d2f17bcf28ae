//! A hash for writing, whatever its form: [`HashMut`].
//!
//! # Invariants
//! - `slot` is the key's slot, or None when there is no such key; it follows every change made here.
//! - After each method the table's schedule knows the hash's earliest field deadline.

use std::ops::Range;

use super::large::Hash;
use super::small::{self, COUNT_SIZE, Place, SIZE_MAX, Scratch, Small};
use super::view::HashRef;
use super::{Deadline, Found, Limits, has_passed, storable};
use crate::change::Event;
use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::Kind;
use crate::keys::{Key, Keys};
use crate::object::Object;
use crate::packed::{Element, Encoded, IntText};

/// The hash at a key, or one that comes into being with its first field. Records nothing but expired fields:
/// events are the caller's to name.
pub struct HashMut<'a, 'k> {
    keys: &'a mut Keys<'k>,
    key: Key<'a>,
    slot: Option<Slot>,
    limits: Limits,
}

impl<'a, 'k> HashMut<'a, 'k> {
    /// `slot`, if any, is that of `key` and holds a hash.
    pub(super) fn new(keys: &'a mut Keys<'k>, key: Key<'a>, slot: Option<Slot>, limits: Limits) -> Self {
        Self { keys, key, slot, limits }
    }

    /// Whether the last field went, and the key with it; so too for a key that never was.
    pub fn is_gone(&self) -> bool {
        self.slot.is_none()
    }

    /// The hash as it is; None when the key is not there.
    #[inline]
    pub fn as_ref(&self) -> Option<HashRef<'_>> {
        let entry = self.keys.entry(&self.key, self.slot?);
        // The kind was checked when the hash was looked up.
        HashRef::of(entry, self.keys.now.unix_ms).ok()
    }

    /// A field's value.
    pub fn get(&self, field: &[u8]) -> Option<Element<'_>> {
        self.as_ref()?.get(field)
    }

    /// A field's value and deadline.
    pub fn find(&self, field: &[u8]) -> Option<(Element<'_>, Option<i64>)> {
        self.as_ref()?.find(field)
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.as_ref().is_some_and(|hash| hash.contains(field))
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.as_ref().map_or(0, |hash| hash.len())
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn db(&mut self) -> &mut Db {
        self.keys.db_mut(self.key.hash)
    }

    #[inline]
    fn kind(&self, slot: Slot) -> Kind {
        self.keys.entry(&self.key, slot).kind()
    }

    #[inline]
    fn small(&self, slot: Slot) -> Small<'_> {
        let entry = self.keys.entry(&self.key, slot);
        Small::of(entry.kind(), entry.value())
    }

    #[inline]
    fn earliest(&mut self, slot: Slot) -> Option<i64> {
        self.db().field_deadline_ms(slot)
    }

    /// Counts an expired field that a write came upon; whether it found a live one.
    #[inline]
    fn settle(&mut self, found: Found) -> bool {
        self.keys.tally.expired_fields += u64::from(found == Found::Expired);
        found == Found::Live
    }

    /// Says that `pairs` fields are about to be set. Too many for a small hash make it large at once, even if some
    /// are the same: so does Redis.
    pub fn expect(&mut self, pairs: usize) {
        if pairs <= self.limits.entries_max {
            return;
        }
        match self.slot {
            Some(slot) => self.enlarge(slot),
            None => self.limits.entries_max = 0,
        }
    }

    /// Says that deadlines are about to change. A small hash gets room for them even if no field will have one: so
    /// does Redis, and OBJECT ENCODING shows it.
    pub fn expect_deadlines(&mut self) {
        if let Some(slot) = self.slot
            && self.kind(slot) == Kind::HashPacked
        {
            self.admit_deadlines(slot);
        }
    }

    /// Sets a field; whether it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], deadline: Deadline) -> bool {
        let Some(slot) = self.slot else {
            self.create(field, value, deadline.after(None));
            return true;
        };
        let before = self.earliest(slot);
        if !self.limits.admit(field, value) {
            self.enlarge(slot);
        }
        let small = match self.kind(slot) {
            Kind::Hash => None,
            _ => self.set_small(slot, field, value, deadline),
        };
        let found = small.unwrap_or_else(|| {
            let unix_ms = self.keys.now.unix_ms;
            self.db().large_hash_mut(slot).set(field, value, deadline, unix_ms)
        });
        self.db().reschedule_fields(slot, before);
        !self.settle(found)
    }

    /// Sets `count` fields, which lose their deadlines; how many are new.
    pub fn set_all<'w>(&mut self, count: usize, pairs: impl Iterator<Item = (&'w [u8], &'w [u8])> + Clone) -> usize {
        self.expect(count);
        if count > 1
            && let Some(added) = self.set_all_small(count, pairs.clone())
        {
            return added;
        }
        pairs.map(|(field, value)| usize::from(self.set(field, value, Deadline::Clear))).sum()
    }

    /// As `set_all`, where the hash is small without deadlines and surely stays so: in a copy, so that its record
    /// changes once. None where it is not.
    fn set_all_small<'w>(
        &mut self,
        count: usize,
        pairs: impl Iterator<Item = (&'w [u8], &'w [u8])> + Clone,
    ) -> Option<usize> {
        let mut text_len = 0;
        for (field, value) in pairs.clone() {
            text_len += field.len() + value.len();
            if !self.limits.admit(field, value) {
                return None;
            }
        }
        let small = match self.slot {
            Some(slot) if self.kind(slot) != Kind::HashPacked => return None,
            Some(slot) => Some(self.small(slot)),
            None => None,
        };
        let (mut len, old) = small.map_or((0, &[][..]), |small| (small.len(), small.blob()));
        if len + count > self.limits.entries_max || old.len() + text_len > COPIED_LEN_MAX {
            return None;
        }
        let (before, old_len) = (len, old.len());
        let mut blob = Scratch::from_slice(if old.is_empty() { &[0; COUNT_SIZE] } else { old });
        for (field, value) in pairs {
            len += usize::from(small::put(&mut blob, field, value));
        }
        blob[..COUNT_SIZE].copy_from_slice(&small::count_bytes(len));
        match self.slot {
            Some(slot) => self.db().splice(slot, Kind::HashPacked, 0..old_len, &blob),
            None => self.insert_small_hash(Kind::HashPacked, &blob),
        }
        Some(len - before)
    }

    /// Removes a field; whether it was there, be it expired: so HDEL counts in Redis. The key goes with the last one.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.remove_stored(field) != Found::Nothing
    }

    /// Removes a field if its deadline has passed, and counts it; whether it was so.
    pub fn take_expired(&mut self, field: &[u8]) -> bool {
        let stored = self.slot.and_then(|slot| HashRef::of(self.keys.entry(&self.key, slot), i64::MIN).ok());
        let deadline_ms = stored.and_then(|hash| hash.find(field)).and_then(|(_, deadline_ms)| deadline_ms);
        if !has_passed(deadline_ms, self.keys.now.unix_ms) {
            return false;
        }
        self.remove_stored(field);
        self.keys.tally.expired_fields += 1;
        let (db, key) = (self.keys.db_index(), self.key.bytes);
        self.keys.tally.effects.push(db, [b"HDEL", key, field].into_iter());
        true
    }

    /// Removes all fields whose deadline has passed, and counts them; how many there were.
    pub fn take_all_expired(&mut self) -> usize {
        let mut count = 0;
        if self.has_expired() {
            self.expire(usize::MAX, |_| count += 1);
        }
        count
    }

    /// Whether somebody wants effects.
    #[inline]
    pub fn wants_effects(&self) -> bool {
        self.keys.tally.effects.is_on()
    }

    /// Whether some field's deadline has passed.
    #[inline]
    pub fn has_expired(&self) -> bool {
        self.as_ref().is_some_and(|hash| hash.has_expired())
    }

    /// As [`Keys::changed_by`], for the key of this hash.
    #[inline]
    pub fn changed(&mut self, event: Event, count: usize) {
        self.keys.changed_by(&self.key, event, count);
    }

    /// As [`Keys::event`], for the key of this hash.
    pub fn event(&mut self, event: Event) {
        self.keys.event(&self.key, event);
    }

    fn remove_stored(&mut self, field: &[u8]) -> Found {
        let Some(slot) = self.slot else { return Found::Nothing };
        let (before, unix_ms) = (self.earliest(slot), self.keys.now.unix_ms);
        let found = if self.kind(slot) == Kind::Hash {
            self.db().large_hash_mut(slot).remove(field, unix_ms)
        } else {
            self.remove_small(slot, field)
        };
        self.follow_removal(slot, before);
        found
    }

    /// Sets, changes or (None) takes away a field's deadline; whether the field was there.
    pub fn set_deadline(&mut self, field: &[u8], deadline_ms: Option<i64>) -> bool {
        let Some(slot) = self.slot else { return false };
        let deadline_ms = deadline_ms.map(storable);
        let (before, unix_ms) = (self.earliest(slot), self.keys.now.unix_ms);
        let found = if self.kind(slot) == Kind::Hash {
            self.db().large_hash_mut(slot).set_deadline(field, deadline_ms, unix_ms)
        } else {
            self.set_deadline_small(slot, field, deadline_ms)
        };
        self.follow_removal(slot, before);
        self.settle(found)
    }

    /// Removes expired fields, the earliest first and at most `fields_max`, and counts them; `visit` sees them.
    pub(super) fn expire(&mut self, fields_max: usize, mut visit: impl FnMut(&[u8])) {
        let Some(slot) = self.slot else { return };
        let (before, unix_ms) = (self.earliest(slot), self.keys.now.unix_ms);
        let (mut count, mut effects) = (0, std::mem::take(&mut self.keys.tally.effects));
        let (db, key) = (self.keys.db_index(), self.key.bytes);
        let visit = |field: &[u8]| {
            count += 1;
            effects.push(db, [b"HDEL", key, field].into_iter());
            visit(field);
        };
        if self.kind(slot) == Kind::Hash {
            self.db().large_hash_mut(slot).expire(unix_ms, fields_max, visit);
        } else {
            self.expire_small(slot, fields_max, visit);
        }
        self.keys.tally.effects = effects;
        self.keys.tally.expired_fields += count;
        self.follow_removal(slot, before);
    }

    /// After fields may have gone: the key goes with the last one.
    fn follow_removal(&mut self, slot: Slot, before: Option<i64>) {
        let is_empty = match self.kind(slot) {
            Kind::Hash => self.db().large_hash_mut(slot).is_empty(),
            _ => self.small(slot).len() == 0,
        };
        let db = self.db();
        db.reschedule_fields(slot, before);
        if is_empty {
            db.remove(slot);
            self.slot = None;
        }
    }

    /// Makes the key with its first field.
    fn create(&mut self, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        if self.limits.entries_max > 0 && self.limits.admit(field, value) {
            let kind = if deadline_ms.is_some() { Kind::HashPackedEx } else { Kind::HashPacked };
            let mut blob = Scratch::from_slice(&small::count_bytes(1));
            encode(&mut blob, kind, field, value, deadline_ms);
            return self.insert_small_hash(kind, &blob);
        }
        let (key, clock) = (self.key, self.keys.now.access.initial());
        let db = self.keys.db_mut(key.hash);
        let mut hash = Hash::new(db.dict().seed());
        hash.add_new(field, value, deadline_ms);
        let hash = Value::Object(Object::Hash(Box::new(hash)));
        self.slot = Some(db.insert_value(key.hash, key.bytes, hash, None, clock));
        self.keys.created(&key);
    }

    fn insert_small_hash(&mut self, kind: Kind, blob: &[u8]) {
        let (key, clock) = (self.key, self.keys.now.access.initial());
        self.slot = Some(self.keys.db_mut(key.hash).insert(key.hash, key.bytes, kind, blob, None, clock));
        self.keys.created(&key);
    }

    /// Makes a small hash large.
    #[cold]
    fn enlarge(&mut self, slot: Slot) {
        if self.kind(slot) == Kind::Hash {
            return;
        }
        let mut hash = Hash::new(self.db().dict().seed());
        let (mut name_text, mut value_text) = (IntText::default(), IntText::default());
        for (name, place) in self.small(slot).fields() {
            hash.add_new(name.as_bytes(&mut name_text), place.value.as_bytes(&mut value_text), place.deadline_ms);
        }
        self.db().become_object(slot, Object::Hash(Box::new(hash)));
    }

    /// Gives a small hash room for deadlines.
    fn admit_deadlines(&mut self, slot: Slot) {
        let small = self.small(slot);
        if small.kind() == Kind::HashPacked {
            let (len, blob) = (small.blob().len(), small.with_deadlines());
            self.db().splice(slot, Kind::HashPackedEx, 0..len, &blob);
        }
    }

    /// None when the hash had to become large instead.
    fn set_small(&mut self, slot: Slot, field: &[u8], value: &[u8], deadline: Deadline) -> Option<Found> {
        if matches!(deadline, Deadline::At(_)) {
            self.admit_deadlines(slot);
        }
        let (small, unix_ms) = (self.small(slot), self.keys.now.unix_ms);
        let (kind, len) = (small.kind(), small.len());
        let grown = small.blob().len() + field.len() + value.len();
        let Some(place) = small.find(field).map(Span::of) else {
            if len >= self.limits.entries_max || grown > SIZE_MAX {
                self.enlarge(slot);
                return None;
            }
            self.insert_small(slot, field, value, deadline.after(None));
            self.set_count(slot, len + 1);
            return Some(Found::Nothing);
        };
        if grown > SIZE_MAX {
            self.enlarge(slot);
            return None;
        }
        let found = Found::with_deadline(place.deadline_ms, unix_ms);
        let old_ms = if found == Found::Live { place.deadline_ms } else { None };
        let deadline_ms = deadline.after(old_ms);
        if deadline_ms == place.deadline_ms && !matches!(deadline, Deadline::At(_)) {
            self.set_small_value(slot, kind, place.value, value);
        } else {
            self.db().splice(slot, kind, place.whole, &[]);
            self.insert_small(slot, field, value, deadline_ms);
        }
        Some(found)
    }

    fn set_small_value(&mut self, slot: Slot, kind: Kind, range: Range<usize>, value: &[u8]) {
        let element = Encoded::new(value);
        let db = self.db();
        if element.len() == range.len() {
            element.write(&mut db.value_mut(slot)[range]);
        } else {
            let mut bytes = Scratch::new();
            small::push(&mut bytes, [&element]);
            db.splice(slot, kind, range, &bytes);
        }
    }

    /// Puts a field that is not there in its place; the count is the caller's.
    fn insert_small(&mut self, slot: Slot, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        let small = self.small(slot);
        let (kind, at) = (small.kind(), small.position(deadline_ms));
        let mut bytes = Scratch::new();
        encode(&mut bytes, kind, field, value, deadline_ms);
        self.db().splice(slot, kind, at..at, &bytes);
    }

    fn remove_small(&mut self, slot: Slot, field: &[u8]) -> Found {
        let (small, unix_ms) = (self.small(slot), self.keys.now.unix_ms);
        let (kind, len) = (small.kind(), small.len());
        let Some(place) = small.find(field).map(Span::of) else { return Found::Nothing };
        self.db().splice(slot, kind, place.whole, &[]);
        self.set_count(slot, len - 1);
        Found::with_deadline(place.deadline_ms, unix_ms)
    }

    fn set_deadline_small(&mut self, slot: Slot, field: &[u8], deadline_ms: Option<i64>) -> Found {
        if self.kind(slot) == Kind::HashPacked {
            match (self.small(slot).find(field), deadline_ms) {
                (None, _) => return Found::Nothing,
                (Some(_), None) => return Found::Live,
                (Some(_), Some(_)) => self.admit_deadlines(slot),
            }
        }
        let (small, unix_ms) = (self.small(slot), self.keys.now.unix_ms);
        let Some(place) = small.find(field) else {
            return Found::Nothing;
        };
        if has_passed(place.deadline_ms, unix_ms) {
            return self.remove_small(slot, field);
        }
        if deadline_ms.is_none() && place.deadline_ms.is_none() {
            return Found::Live;
        }
        let mut bytes = Scratch::from_slice(&small.blob()[place.start..place.value_end]);
        small::push(&mut bytes, [&small::encoded_deadline(deadline_ms)]);
        let whole = place.start..place.end;
        self.db().splice(slot, Kind::HashPackedEx, whole, &[]);
        let at = self.small(slot).position(deadline_ms);
        self.db().splice(slot, Kind::HashPackedEx, at..at, &bytes);
        Found::Live
    }

    fn expire_small(&mut self, slot: Slot, fields_max: usize, mut visit: impl FnMut(&[u8])) {
        let (small, unix_ms) = (self.small(slot), self.keys.now.unix_ms);
        let (kind, len) = (small.kind(), small.len());
        let (mut count, mut end) = (0, COUNT_SIZE);
        let mut text = IntText::default();
        for (name, place) in small.fields().take(fields_max) {
            if !has_passed(place.deadline_ms, unix_ms) {
                break;
            }
            visit(name.as_bytes(&mut text));
            count += 1;
            end = place.end;
        }
        self.db().splice(slot, kind, COUNT_SIZE..end, &[]);
        self.set_count(slot, len - count);
    }

    fn set_count(&mut self, slot: Slot, len: usize) {
        self.db().value_mut(slot)[..COUNT_SIZE].copy_from_slice(&small::count_bytes(len));
    }
}

/// Larger hashes are edited where they are.
const COPIED_LEN_MAX: usize = 4096;

/// A [`Place`] that outlives the borrow of its blob.
struct Span {
    whole: Range<usize>,
    value: Range<usize>,
    deadline_ms: Option<i64>,
}

impl Span {
    fn of(place: Place<'_>) -> Self {
        let (whole, value) = (place.start..place.end, place.value_start..place.value_end);
        Self { whole, value, deadline_ms: place.deadline_ms }
    }
}

/// Appends a field as it stands in a blob of this kind.
#[inline]
fn encode(out: &mut Scratch, kind: Kind, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
    let (field, value) = (Encoded::new(field), Encoded::new(value));
    if kind == Kind::HashPackedEx {
        small::push(out, [&field, &value, &small::encoded_deadline(deadline_ms)]);
    } else {
        small::push(out, [&field, &value]);
    }
}
