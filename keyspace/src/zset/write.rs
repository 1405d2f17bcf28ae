//! A key's sorted set for changes; the key comes into being with its first member and goes with its last.

use std::ops::Range;

use super::packed::{self, Plan};
use super::read::ZsetRef;
use super::{Limits, Put, SortedSet, large};
use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::Kind;
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;
use crate::packed::Element;

/// See the module's head. Records no changes: the caller names the events.
pub struct ZsetMut<'a, 'k> {
    keys: &'a mut Keys<'k>,
    key: Key<'a>,
    slot: Option<Slot>,
    limits: Limits,
    /// Members announced before the first one.
    expected: usize,
}

impl<'k> Keys<'k> {
    /// The sorted set at a key, which may be absent, for changes.
    #[inline]
    pub fn zset_for_write<'a>(&'a mut self, key: &Key<'a>, limits: Limits) -> Result<ZsetMut<'a, 'k>, WrongType> {
        let slot = self.find_for_write(key);
        if let Some(slot) = slot
            && !matches!(self.entry(key, slot).kind(), Kind::ZsetPacked | Kind::Zset)
        {
            return Err(WrongType);
        }
        Ok(ZsetMut { keys: self, key: *key, slot, limits, expected: 1 })
    }

    /// Puts a sorted set at a key, whatever was there, without a deadline; an empty one removes the key. Answers
    /// whether a key was removed so. Records nothing.
    pub fn store_zset(&mut self, key: &Key, set: SortedSet, limits: Limits) -> bool {
        match set.into_value(limits) {
            Some(value) => {
                self.put(key, value, None);
                false
            }
            None => self.remove(key),
        }
    }
}

impl SortedSet {
    /// The set as a value, packed where the limits allow; None when it is empty, for which there is no value.
    pub fn into_value(self, limits: Limits) -> Option<Value> {
        if self.is_empty() {
            return None;
        }
        let is_small = limits.packs(self.len(), 0)
            && limits.packs(self.len(), self.iter().map(|(member, _)| member.len()).max().unwrap_or(0));
        if !is_small {
            return Some(Value::Object(Object::Zset(Box::new(self))));
        }
        let mut blob = Vec::new();
        self.iter().for_each(|(member, score)| packed::push(&mut blob, member, score));
        Some(Value::Inline(Kind::ZsetPacked, blob.into_boxed_slice()))
    }
}

impl ZsetMut<'_, '_> {
    /// The sorted set as it is now; None when there is none (any more).
    #[inline]
    pub fn as_ref(&self) -> Option<ZsetRef<'_>> {
        ZsetRef::of(self.keys.entry(&self.key, self.slot?))
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.as_ref().map_or(0, |set| set.len())
    }

    /// Whether there is no member, and so no key.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.slot.is_none()
    }

    /// Announces `count` members, new or not, about to be put: the set may take its large form at once.
    #[inline]
    pub fn announce(&mut self, count: usize) {
        self.expected = count;
        if count > self.limits.entries_max {
            self.become_large();
        }
    }

    fn db(&mut self) -> &mut Db {
        self.keys.db_mut(self.key.hash)
    }

    /// Adds a member or gives it another score.
    #[inline]
    pub fn put(&mut self, member: &[u8], score: f64) -> Put {
        match self.large() {
            Some(set) => set.put(member, score),
            None => self.put_small(member, |_| Some(score)),
        }
    }

    /// Adds or updates a member with one lookup: `decide` sees the score that it has and answers the one it shall
    /// have, or none to leave things alone.
    pub fn put_with(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Put {
        match self.large() {
            Some(set) => set.put_with(member, decide),
            None => self.put_small(member, decide),
        }
    }

    #[inline]
    fn large(&mut self) -> Option<&mut SortedSet> {
        let slot = self.slot?;
        let is_large = self.keys.entry(&self.key, slot).kind() == Kind::Zset;
        is_large.then(|| large::of_mut(self.db(), slot))
    }

    fn put_small(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Put {
        let Some(slot) = self.slot else {
            let Some(score) = decide(None) else { return Put::Declined };
            self.create(member, score);
            return Put::Added;
        };
        let blob = self.keys.entry(&self.key, slot).value();
        let plan = match Plan::new(blob, member, decide) {
            Ok(plan) => plan,
            Err(put) => return put,
        };
        if plan.put == Put::Added && !self.limits.packed_admits(blob, member.len()) {
            self.become_large();
            return self.put(member, plan.score);
        }
        let edit = plan.edit(blob, member);
        self.db().splice(slot, Kind::ZsetPacked, edit.range, &edit.bytes);
        plan.put
    }

    fn create(&mut self, member: &[u8], score: f64) {
        let (key, clock) = (self.key, self.keys.now.access.initial());
        let slot = if self.limits.packs(self.expected, member.len()) {
            let blob = packed::encoded(member, score);
            self.db().insert(key.hash, key.bytes, Kind::ZsetPacked, &blob, None, clock)
        } else {
            let mut set = Box::new(SortedSet::new(key.hash));
            set.put(member, score);
            self.db().insert_value(key.hash, key.bytes, Value::Object(Object::Zset(set)), None, clock)
        };
        self.slot = Some(slot);
        self.keys.created(&key);
    }

    fn become_large(&mut self) {
        let Some(slot) = self.slot else { return };
        let entry = self.keys.entry(&self.key, slot);
        if entry.kind() == Kind::ZsetPacked {
            let set = SortedSet::from_packed(entry.value(), self.key.hash);
            self.db().become_object(slot, Object::Zset(Box::new(set)));
        }
    }

    /// Takes a member out and answers the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let slot = self.slot?;
        if let Some(set) = self.large() {
            let score = set.remove(member)?;
            if set.is_empty() {
                self.remove_key(slot);
            }
            return Some(score);
        }
        let (score, range) = packed::locate(self.keys.entry(&self.key, slot).value(), member)?;
        self.cut(slot, range);
        Some(score)
    }

    /// Takes the first member out (the last, when `reverse`), after showing it to `take`; false when there is none.
    pub fn pop(&mut self, reverse: bool, take: impl FnOnce(Element<'_>, f64)) -> bool {
        let Some(slot) = self.slot else { return false };
        if let Some(set) = self.large() {
            let take = |member: &[u8], score| take(Element::Bytes(member), score);
            let popped = if reverse { set.pop_last(take) } else { set.pop_first(take) };
            if set.is_empty() {
                self.remove_key(slot);
            }
            return popped.is_some();
        }
        let blob = self.keys.entry(&self.key, slot).value();
        let rank = if reverse { packed::len(blob).saturating_sub(1) } else { 0 };
        if let Some((member, score)) = packed::by_rank(blob, rank) {
            take(member, score);
        }
        let range = packed::extent(blob, rank..rank + 1);
        self.cut(slot, range);
        true
    }

    /// Takes the members of a range of ranks out and answers how many there were.
    pub fn remove_range(&mut self, ranks: Range<usize>) -> usize {
        let (Some(slot), false) = (self.slot, ranks.is_empty()) else { return 0 };
        if let Some(set) = self.large() {
            if ranks.start == 0 && ranks.end >= set.len() {
                let len = set.len();
                self.remove_key(slot);
                return len;
            }
            return set.remove_range(ranks);
        }
        let blob = self.keys.entry(&self.key, slot).value();
        let range = packed::extent(blob, ranks);
        let count = packed::len(&blob[range.clone()]);
        self.cut(slot, range);
        count
    }

    /// Cuts members out of a packed set.
    fn cut(&mut self, slot: Slot, range: Range<usize>) {
        if range.len() == self.keys.entry(&self.key, slot).value().len() {
            self.remove_key(slot);
        } else {
            self.db().splice(slot, Kind::ZsetPacked, range, &[]);
        }
    }

    fn remove_key(&mut self, slot: Slot) {
        self.db().remove(slot);
        self.slot = None;
    }
}
