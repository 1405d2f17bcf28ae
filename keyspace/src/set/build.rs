//! A set on its way into the keyspace: results of *STORE commands, loading, RESTORE.

use super::large::Set;
use super::limits::{Form, Limits};
use super::read::SetRef;
use super::small::{self, Packed};
use crate::db::Value;
use crate::entry::Kind;
use crate::keys::{Key, Keys};
use crate::object::Object;
use crate::packed::{Element, IntText};
use crate::{intset, packed, string};

/// A set that no key holds yet; it takes its form by the same rules as one that does.
pub struct NewSet {
    repr: Repr,
    seed: u64,
    limits: Limits,
}

enum Repr {
    /// An `intset` blob.
    Ints(Vec<u8>),
    /// Packed members without the head, and their number.
    Packed(Vec<u8>, usize),
    Large(Box<Set>),
}

impl NewSet {
    /// An empty set that begins as one of integers. `seed` should differ from key to key: the key's hash is it.
    pub fn new(seed: u64, limits: Limits) -> Self {
        Self::start(Form::Ints, seed, limits)
    }

    /// A set that comes in with `expected` members, in any order.
    pub fn with_expected(expected: usize, seed: u64, limits: Limits) -> Self {
        let form = if expected <= limits.ints_max() { Form::Ints } else { Form::Large };
        Self::start(form, seed, limits)
    }

    /// A set that comes in with `expected` members and was packed where it comes from.
    pub fn packed(expected: usize, seed: u64, limits: Limits) -> Self {
        let form = if expected <= limits.listpack_entries_max { Form::Packed } else { Form::Large };
        // What was packed elsewhere stays so, however long its members are.
        Self::start(form, seed, Limits { listpack_value_len_max: usize::MAX, ..limits })
    }

    /// A set of integers in `intset` form, ascending.
    pub fn of_ints(blob: Vec<u8>, seed: u64, limits: Limits) -> Self {
        let is_small = intset::len(&blob) <= limits.ints_max();
        let mut set = Self { repr: Repr::Ints(blob), seed, limits };
        if !is_small {
            set.become_large();
        }
        set
    }

    /// An empty set that begins in a form.
    pub(super) fn start(form: Form, seed: u64, limits: Limits) -> Self {
        let repr = match form {
            Form::Ints => Repr::Ints(Vec::new()),
            Form::Packed => Repr::Packed(Vec::new(), 0),
            Form::Large => Repr::Large(Box::new(Set::new(seed))),
        };
        Self { repr, seed, limits }
    }

    /// The members of a set in the largest form.
    pub(super) fn large_of(set: SetRef<'_>, seed: u64) -> Box<Set> {
        let mut large = Box::new(Set::new(seed));
        set.for_each(|element| {
            large.insert(element.as_bytes(&mut IntText::default()));
        });
        large
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Ints(blob) => intset::len(blob),
            Repr::Packed(_, count) => *count,
            Repr::Large(set) => set.len(),
        }
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a member; false when it was there.
    pub fn insert(&mut self, member: Element<'_>) -> bool {
        match &mut self.repr {
            Repr::Ints(blob) => {
                let int = match member {
                    Element::Int(int) => Some(int),
                    Element::Bytes(bytes) => string::as_int(bytes),
                };
                let Some(int) = int else {
                    self.leave_ints(member.text_len());
                    return self.insert(member);
                };
                let added = intset::insert(blob, int);
                if added && intset::len(blob) > self.limits.ints_max() {
                    self.become_large();
                }
                added
            }
            Repr::Packed(blob, count) => {
                let mut text = IntText::default();
                let bytes = member.as_bytes(&mut text);
                if packed::find(blob, bytes, 0).is_some() {
                    return false;
                }
                if self.limits.packed_admits(*count, blob.len(), bytes.len()) {
                    packed::encode(bytes, blob);
                    *count += 1;
                    return true;
                }
                self.become_large();
                self.insert(member)
            }
            Repr::Large(set) => set.insert(member.as_bytes(&mut IntText::default())),
        }
    }

    /// Takes a member out; false when it was not there.
    pub fn remove(&mut self, member: Element<'_>) -> bool {
        let mut text = IntText::default();
        let bytes = member.as_bytes(&mut text);
        match &mut self.repr {
            Repr::Ints(blob) => string::as_int(bytes).is_some_and(|int| intset::remove(blob, int)),
            Repr::Packed(blob, count) => {
                let Some(range) = packed::find(blob, bytes, 0) else { return false };
                blob.drain(range);
                *count -= 1;
                true
            }
            Repr::Large(set) => set.remove(bytes),
        }
    }

    /// Whether `member` is in the set.
    pub fn contains(&self, member: Element<'_>) -> bool {
        let mut text = IntText::default();
        let bytes = member.as_bytes(&mut text);
        match &self.repr {
            Repr::Ints(blob) => string::as_int(bytes).is_some_and(|int| intset::contains(blob, int)),
            Repr::Packed(blob, _) => packed::find(blob, bytes, 0).is_some(),
            Repr::Large(set) => set.contains(bytes),
        }
    }

    /// Visits every member.
    pub fn for_each(&self, mut visit: impl FnMut(Element<'_>)) {
        match &self.repr {
            Repr::Ints(blob) => SetRef::ints(blob).for_each(visit),
            Repr::Packed(blob, _) => packed::Iter::new(blob).for_each(|(element, _)| visit(element)),
            Repr::Large(set) => SetRef::from(&**set).for_each(visit),
        }
    }

    /// Makes room for a member of `len` bytes that is no integer.
    fn leave_ints(&mut self, len: usize) {
        let Repr::Ints(ints) = &self.repr else { return };
        if !self.limits.ints_may_pack(ints, len) {
            return self.become_large();
        }
        let mut blob = Vec::new();
        intset::iter(ints).for_each(|int| packed::encode_int(int, &mut blob));
        self.repr = Repr::Packed(blob, intset::len(ints));
    }

    fn become_large(&mut self) {
        let mut large = Box::new(Set::new(self.seed));
        self.for_each(|element| {
            large.insert(element.as_bytes(&mut IntText::default()));
        });
        self.repr = Repr::Large(large);
    }

    /// Turns a set of few integers into the form for them, whatever it began as.
    pub(super) fn prefer_ints(&mut self) {
        if matches!(self.repr, Repr::Ints(_)) || self.len() > self.limits.ints_max() {
            return;
        }
        let (mut ints, mut all) = (Vec::new(), true);
        self.for_each(|element| {
            let int = match element {
                Element::Int(int) => Some(int),
                Element::Bytes(bytes) => string::as_int(bytes),
            };
            all &= int.is_some();
            if let (Some(int), true) = (int, all) {
                intset::insert(&mut ints, int);
            }
        });
        if all {
            self.repr = Repr::Ints(ints);
        }
    }

    /// The set as a value; None when it is empty, for which there is no value.
    pub fn into_value(self) -> Option<Value> {
        if self.is_empty() {
            return None;
        }
        Some(match self.repr {
            Repr::Ints(blob) => Value::Inline(Kind::SetInts, blob.into_boxed_slice()),
            Repr::Packed(members, count) => {
                let blob = [&small::head(count), &members[..]].concat();
                debug_assert_eq!(Packed::new(&blob).count, count);
                Value::Inline(Kind::SetPacked, blob.into_boxed_slice())
            }
            Repr::Large(set) => Value::Object(Object::Set(set)),
        })
    }
}

impl Keys<'_> {
    /// Puts a set at a key, whatever was there, without a deadline; an empty set removes the key. Answers
    /// whether a key was removed so. Records nothing.
    pub fn store_set(&mut self, key: &Key, set: NewSet) -> bool {
        match set.into_value() {
            Some(value) => {
                self.put(key, value, None);
                false
            }
            None => self.remove(key),
        }
    }
}
