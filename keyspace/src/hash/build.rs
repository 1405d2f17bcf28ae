//! A hash on its way into the keyspace: loading, RESTORE.

use super::large::Hash;
use super::small::{self, COUNT_SIZE, SIZE_MAX, Scratch, Small};
use super::{Limits, storable};
use crate::db::Value;
use crate::entry::Kind;
use crate::import::Seen;
use crate::object::Object;
use crate::packed::{Element, Encoded, IntText};

/// A hash that no key holds yet; it takes its form by the same rules as one that does.
pub struct NewHash {
    repr: Repr,
    seen: Seen,
    seed: u64,
    limits: Limits,
}

enum Repr {
    /// A blob as its entry will hold it, the number of fields, and the last field's deadline.
    Small {
        kind: Kind,
        blob: Vec<u8>,
        len: usize,
        last_ms: Option<i64>,
    },
    Large(Box<Hash>),
}

impl NewHash {
    /// An empty hash that expects so many fields. `seed` should differ from key to key: the key's hash is it.
    pub fn new(expected: usize, seed: u64, limits: Limits) -> Self {
        let repr = if expected > limits.entries_max {
            Repr::Large(Box::new(Hash::new(seed)))
        } else {
            Repr::Small { kind: Kind::HashPacked, blob: vec![0; COUNT_SIZE], len: 0, last_ms: Some(i64::MIN) }
        };
        Self { repr, seen: Seen::new(expected), seed, limits }
    }

    /// Makes room for deadlines, even if no field will have one.
    pub fn admit_deadlines(&mut self) {
        if let Repr::Small { kind, blob, len, last_ms } = &mut self.repr
            && *kind == Kind::HashPacked
        {
            blob[..COUNT_SIZE].copy_from_slice(&small::count_bytes(*len));
            *blob = Small::of(*kind, blob).with_deadlines();
            *kind = Kind::HashPackedEx;
            *last_ms = if *len == 0 { Some(i64::MIN) } else { None };
        }
    }

    /// Adds a field; false when it was there.
    pub fn push(&mut self, field: Element<'_>, value: Element<'_>, deadline_ms: Option<i64>) -> bool {
        let deadline_ms = deadline_ms.map(storable);
        let (mut field_text, mut value_text) = (IntText::default(), IntText::default());
        let (name, text) = (field.as_bytes(&mut field_text), value.as_bytes(&mut value_text));
        if deadline_ms.is_some() {
            self.admit_deadlines();
        }
        if let Repr::Small { blob, len, .. } = &self.repr
            && (*len >= self.limits.entries_max
                || !self.limits.admit(name, text)
                || blob.len() + name.len() + text.len() > SIZE_MAX)
        {
            self.become_large();
        }
        match &mut self.repr {
            Repr::Small { kind, blob, len, last_ms } => {
                let hash = crate::dict::hash(self.seed, name);
                if self.seen.insert(hash) && Small::of(*kind, blob).find(name).is_some() {
                    return false;
                }
                push_small(*kind, blob, last_ms, [&Encoded::new(name), &Encoded::new(text)], deadline_ms);
                *len += 1;
                true
            }
            Repr::Large(hash) => {
                if hash.find(name).is_some() {
                    return false;
                }
                hash.add_new(name, text, deadline_ms);
                true
            }
        }
    }

    fn become_large(&mut self) {
        let Repr::Small { kind, blob, .. } = &self.repr else { return };
        let mut large = Box::new(Hash::new(self.seed));
        for (field, place) in Small::of(*kind, blob).fields() {
            let (mut name, mut text) = (IntText::default(), IntText::default());
            large.add_new(field.as_bytes(&mut name), place.value.as_bytes(&mut text), place.deadline_ms);
        }
        self.repr = Repr::Large(large);
    }

    /// The hash as a value; None when it is empty, for which there is no value.
    pub fn into_value(self) -> Option<Value> {
        match self.repr {
            Repr::Small { len: 0, .. } => None,
            Repr::Small { kind, mut blob, len, .. } => {
                blob[..COUNT_SIZE].copy_from_slice(&small::count_bytes(len));
                Some(Value::Inline(kind, blob.into_boxed_slice()))
            }
            Repr::Large(hash) => (!hash.is_empty()).then(|| Value::Object(Object::Hash(hash))),
        }
    }
}

/// Adds a field that is not there: behind those with an equal deadline, which keeps the order that it came in.
fn push_small(
    kind: Kind,
    blob: &mut Vec<u8>,
    last_ms: &mut Option<i64>,
    pair: [&Encoded<'_>; 2],
    deadline_ms: Option<i64>,
) {
    let mut scratch = Scratch::new();
    if kind == Kind::HashPacked {
        small::push(&mut scratch, pair);
        return blob.extend_from_slice(&scratch);
    }
    let deadline = small::encoded_deadline(deadline_ms);
    small::push(&mut scratch, [pair[0], pair[1], &deadline]);
    let is_last = match (deadline_ms, *last_ms) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(deadline_ms), Some(last_ms)) => deadline_ms >= last_ms,
    };
    if is_last {
        *last_ms = deadline_ms;
        return blob.extend_from_slice(&scratch);
    }
    let at = Small::of(kind, blob).position(deadline_ms);
    blob.splice(at..at, scratch);
}
