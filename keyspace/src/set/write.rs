//! A key's set for changes; the key comes into being with its first member and goes with its last.

use super::build::NewSet;
use super::large;
use super::limits::{Form, Limits};
use super::read::{Selection, SetRef};
use super::small::{self, Packed};
use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::Kind;
use crate::intset;
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;
use crate::packed::{self, Element};
use crate::string;

/// See the module's head. Records no changes: the caller names the events.
pub struct SetMut<'a, 'k> {
    keys: &'a mut Keys<'k>,
    key: Key<'a>,
    slot: Option<Slot>,
    limits: Limits,
    /// Members announced before the first one.
    expected: usize,
}

impl<'k> Keys<'k> {
    /// The set at a key, which may be absent, for changes.
    pub fn set_for_write<'a>(&'a mut self, key: &Key<'a>, limits: Limits) -> Result<SetMut<'a, 'k>, WrongType> {
        let slot = self.find_for_write(key);
        if let Some(slot) = slot
            && SetRef::of(self.entry(key, slot)).is_none()
        {
            return Err(WrongType);
        }
        Ok(SetMut { keys: self, key: *key, slot, limits, expected: 1 })
    }
}

impl SetMut<'_, '_> {
    /// The set as it is now; None when there is none (any more).
    pub fn as_ref(&self) -> Option<SetRef<'_>> {
        SetRef::of(self.keys.entry(&self.key, self.slot?))
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.as_ref().map_or(0, |set| set.len())
    }

    /// Whether there is no member, and so no key.
    pub fn is_empty(&self) -> bool {
        self.slot.is_none()
    }

    /// Whether the last member went, and the key with it; so too for a key that never was.
    pub fn is_gone(&self) -> bool {
        self.slot.is_none()
    }

    /// Announces `count` members, new or not, about to be inserted: the set may take its larger form at once.
    pub fn announce(&mut self, count: usize) {
        self.expected = count;
        if self.as_ref().is_some_and(|set| self.limits.outgrown(set.form(), count)) {
            self.become_large();
        }
    }

    fn db(&mut self) -> &mut Db {
        self.keys.db_mut(self.key.hash)
    }

    /// Adds a member; false when it was there.
    #[inline]
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let Some(slot) = self.slot else {
            self.create(member);
            return true;
        };
        match self.keys.entry(&self.key, slot).kind() {
            Kind::SetInts => self.insert_in_ints(slot, member),
            Kind::SetPacked => self.insert_in_packed(slot, member),
            _ => large::of_mut(self.db(), slot).insert(member),
        }
    }

    fn create(&mut self, member: &[u8]) {
        let (key, clock) = (self.key, self.keys.now.access.initial());
        let slot = match (self.limits.first_form(member, self.expected), string::as_int(member)) {
            (Form::Ints, Some(int)) => {
                let mut blob = Vec::with_capacity(9);
                intset::insert(&mut blob, int);
                self.db().insert(key.hash, key.bytes, Kind::SetInts, &blob, None, clock)
            }
            (Form::Packed, _) if self.limits.packed_admits(0, 0, member.len()) => {
                let mut blob = small::encoded(member);
                blob.insert_from_slice(0, &small::head(1));
                self.db().insert(key.hash, key.bytes, Kind::SetPacked, &blob, None, clock)
            }
            _ => {
                let mut set = NewSet::start(Form::Large, key.hash, self.limits);
                set.insert(Element::Bytes(member));
                let Some(value) = set.into_value() else { return };
                self.db().insert_value(key.hash, key.bytes, value, None, clock)
            }
        };
        self.slot = Some(slot);
        self.keys.created(&key);
    }

    fn insert_in_ints(&mut self, slot: Slot, member: &[u8]) -> bool {
        let Some(int) = string::as_int(member) else {
            self.leave_ints(slot, member.len());
            return self.insert(member);
        };
        let blob = self.keys.entry(&self.key, slot).value();
        let Err(rank) = intset::insert_position(blob, int) else { return false };
        let (len, width, count) = (blob.len(), usize::from(blob[0]), intset::len(blob));
        if fits(int, width) {
            let at = 1 + rank * width;
            self.db().splice(slot, Kind::SetInts, at..at, &int.to_le_bytes()[..width]);
        } else {
            let mut wider = blob.to_vec();
            intset::insert(&mut wider, int);
            self.db().splice(slot, Kind::SetInts, 0..len, &wider);
        }
        if count + 1 > self.limits.ints_max() {
            self.become_large();
        }
        true
    }

    fn insert_in_packed(&mut self, slot: Slot, member: &[u8]) -> bool {
        let blob = self.keys.entry(&self.key, slot).value();
        let (packed, len) = (Packed::new(blob), blob.len());
        if packed.find(member).is_some() {
            return false;
        }
        if !self.limits.packed_admits(packed.count, len, member.len()) {
            self.become_large();
            return self.insert(member);
        }
        let (at, count) = (packed.at, packed.count);
        self.db().splice(slot, Kind::SetPacked, len..len, &small::encoded(member));
        self.write_head(slot, at, count + 1);
        true
    }

    /// Replaces a packed set's number of members, which took `at` bytes.
    fn write_head(&mut self, slot: Slot, at: usize, count: usize) {
        let head = small::head(count);
        if head.len() == at {
            self.db().value_mut(slot)[..at].copy_from_slice(&head);
        } else {
            self.db().splice(slot, Kind::SetPacked, 0..at, &head);
        }
    }

    /// Takes a set of integers to the form that has room for another member, of `len` bytes.
    fn leave_ints(&mut self, slot: Slot, len: usize) {
        let ints = self.keys.entry(&self.key, slot).value();
        if !self.limits.ints_may_pack(ints, len) {
            return self.become_large();
        }
        let mut blob = small::head(intset::len(ints)).into_vec();
        intset::iter(ints).for_each(|int| packed::encode_int(int, &mut blob));
        self.db().become_inline(slot, Kind::SetPacked, &blob);
    }

    fn become_large(&mut self) {
        let (Some(slot), Some(set)) = (self.slot, self.as_ref()) else { return };
        if set.form() != Form::Large {
            let large = NewSet::large_of(set, self.key.hash);
            self.db().become_object(slot, Object::Set(large));
        }
    }

    /// Takes a member out; false when it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(slot) = self.slot else { return false };
        let entry = self.keys.entry(&self.key, slot);
        let (kind, blob) = (entry.kind(), entry.value());
        match kind {
            Kind::SetInts => {
                let rank = string::as_int(member).and_then(|int| intset::insert_position(blob, int).ok());
                rank.is_some_and(|rank| self.remove_int(slot, rank))
            }
            Kind::SetPacked => {
                let found = Packed::new(blob).find(member);
                found.is_some_and(|range| self.remove_packed(slot, range))
            }
            _ => {
                let set = large::of_mut(self.db(), slot);
                let removed = set.remove(member);
                if set.is_empty() {
                    self.remove_key(slot);
                }
                removed
            }
        }
    }

    fn remove_int(&mut self, slot: Slot, rank: usize) -> bool {
        let blob = self.keys.entry(&self.key, slot).value();
        let width = usize::from(blob[0]);
        if intset::len(blob) == 1 {
            self.remove_key(slot);
        } else {
            let at = 1 + rank * width;
            self.db().splice(slot, Kind::SetInts, at..at + width, &[]);
        }
        true
    }

    fn remove_packed(&mut self, slot: Slot, range: std::ops::Range<usize>) -> bool {
        let packed = Packed::new(self.keys.entry(&self.key, slot).value());
        let (at, count) = (packed.at, packed.count);
        if count == 1 {
            self.remove_key(slot);
        } else {
            self.db().splice(slot, Kind::SetPacked, range, &[]);
            self.write_head(slot, at, count - 1);
        }
        true
    }

    fn remove_key(&mut self, slot: Slot) {
        self.db().remove(slot);
        self.slot = None;
    }

    /// Takes a member chosen uniformly out, after showing it to `take`; false when there is none. `below(n)`
    /// gives random numbers below n.
    pub fn pop(&mut self, mut below: impl FnMut(u64) -> u64, take: impl FnOnce(Element<'_>)) -> bool {
        let Some(slot) = self.slot else { return false };
        let entry = self.keys.entry(&self.key, slot);
        let blob = entry.value();
        match entry.kind() {
            Kind::SetInts => {
                let rank = below(intset::len(blob) as u64) as usize;
                intset::get(blob, rank).map(Element::Int).map(take);
                self.remove_int(slot, rank)
            }
            Kind::SetPacked => {
                let packed = Packed::new(blob);
                let Some((element, range)) = packed.get(below(packed.count as u64) as usize) else { return false };
                take(element);
                self.remove_packed(slot, range)
            }
            _ => {
                let set = large::of_mut(self.db(), slot);
                let popped = set.pop_random(below, |member| take(Element::Bytes(member)));
                if set.is_empty() {
                    self.remove_key(slot);
                }
                popped
            }
        }
    }

    /// Takes `count` different members chosen uniformly out, or all, showing each to `take`.
    pub fn pop_many(&mut self, count: usize, mut below: impl FnMut(u64) -> u64, mut take: impl FnMut(Element<'_>)) {
        /// Popping up to this many times the rest goes one by one; for more, the rest moves out instead.
        const POPS_PER_REST: usize = 5;
        let (Some(slot), Some(set)) = (self.slot, self.as_ref()) else { return };
        let Some(rest) = set.len().checked_sub(count).filter(|&rest| rest > 0) else {
            set.for_each(take);
            return self.remove_key(slot);
        };
        let value = match set.form() {
            Form::Packed => pop_packed(set, count, below, take),
            _ if rest.saturating_mul(POPS_PER_REST) > count => {
                for _ in 0..count {
                    self.pop(&mut below, &mut take);
                }
                return;
            }
            form => {
                // As in Redis, the rest is a small set again where it can be.
                let start = if form == Form::Ints { Form::Ints } else { Form::Packed };
                let mut left = NewSet::start(start, self.key.hash, self.limits);
                set.sample(rest, below, |element| {
                    left.insert(element);
                });
                set.for_each(|element| {
                    if !left.contains(element) {
                        take(element);
                    }
                });
                left.into_value()
            }
        };
        let deadline_ms = self.keys.entry(&self.key, slot).deadline_ms();
        if let Some(value) = value {
            self.db().put_value(slot, value, deadline_ms);
        }
    }
}

/// Chooses `count` members of a packed set, fewer than it has, in one walk; what stays of the set.
fn pop_packed(
    set: SetRef<'_>,
    count: usize,
    mut below: impl FnMut(u64) -> u64,
    mut take: impl FnMut(Element<'_>),
) -> Option<Value> {
    let mut selection = Selection::new(set.len(), count);
    let mut blob = small::head(set.len() - count).into_vec();
    set.for_each(|element| {
        if selection.takes_next(&mut below) {
            return take(element);
        }
        match element {
            Element::Int(int) => packed::encode_int(int, &mut blob),
            Element::Bytes(bytes) => packed::encode(bytes, &mut blob),
        }
    });
    Some(Value::Inline(Kind::SetPacked, blob.into_boxed_slice()))
}

/// Whether a value can be written in `width` bytes.
#[inline]
fn fits(int: i64, width: usize) -> bool {
    let unused = 64 - 8 * width as u32;
    int << unused >> unused == int
}
