//! A sorted set on its way into the keyspace: loading, RESTORE.

use std::cmp::Ordering;

use super::{Limits, Put, SortedSet, packed};
use crate::db::Value;
use crate::entry::Kind;
use crate::import::Seen;
use crate::object::Object;
use crate::packed::{Element, IntText};

/// A sorted set that no key holds yet; it takes its form by the same rules as one that does.
pub struct NewZset {
    repr: Repr,
    seen: Seen,
    seed: u64,
    limits: Limits,
}

enum Repr {
    /// A blob in order, the number of members, and where the last one begins.
    Packed(Vec<u8>, usize, usize),
    Large(Box<SortedSet>),
}

impl NewZset {
    /// An empty set that expects so many members. `seed` should differ from key to key: the key's hash is it.
    pub fn new(expected: usize, seed: u64, limits: Limits) -> Self {
        let repr = if limits.packs(expected, 0) {
            Repr::Packed(Vec::new(), 0, 0)
        } else {
            Repr::Large(Box::new(SortedSet::new(seed)))
        };
        Self { repr, seen: Seen::new(expected), seed, limits }
    }

    /// Adds a member, whose score is not NaN; false when it was there.
    pub fn push(&mut self, member: Element<'_>, score: f64) -> bool {
        let mut text = IntText::default();
        let member = member.as_bytes(&mut text);
        if let Repr::Packed(blob, count, last) = &mut self.repr {
            let is_small = *count < self.limits.entries_max && self.limits.packs(1, member.len());
            let is_behind = blob.is_empty() || packed::compare_at(blob, *last, score, member) == Some(Ordering::Less);
            if is_small && is_behind && blob.len() < 1 << 29 {
                if self.seen.insert(crate::dict::hash(self.seed, member)) && packed::score(blob, member).is_some() {
                    return false;
                }
                *last = blob.len();
                *count += 1;
                packed::push(blob, member, score);
                return true;
            }
            self.repr = Repr::Large(Box::new(SortedSet::from_packed(blob, self.seed)));
        }
        match &mut self.repr {
            // A second score would move the member: the first put tells whether it was there.
            Repr::Large(set) => set.put_with(member, |old| old.is_none().then_some(score)) == Put::Added,
            Repr::Packed(..) => false,
        }
    }

    /// The set as a value; None when it is empty, for which there is no value.
    pub fn into_value(self) -> Option<Value> {
        match self.repr {
            Repr::Packed(_, 0, _) => None,
            Repr::Packed(blob, ..) => Some(Value::Inline(Kind::ZsetPacked, blob.into_boxed_slice())),
            Repr::Large(set) if !self.limits.packs(set.len(), 0) => Some(Value::Object(Object::Zset(set))),
            Repr::Large(set) => set.into_value(self.limits),
        }
    }
}
