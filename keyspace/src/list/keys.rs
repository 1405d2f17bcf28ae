//! Lists in the locked view of keys; a list's key comes into being with its first element and goes with its last.
//!
//! # Invariants
//! - A key of kind `List` holds a list that is not empty, except inside one call of [`ListMut`].
#![allow(unsafe_code)]

use super::{End, Limits, List, Popped, Side};
use crate::db::Value;
use crate::dict::Slot;
use crate::entry::{Kind, Type};
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;
use crate::packed::Element;

impl Keys<'_> {
    /// The list at a key, read.
    #[inline]
    pub fn list(&mut self, key: &Key) -> Result<Option<&List>, WrongType> {
        let slot = self.find(key);
        slot.map(|slot| self.list_at(key, slot)).transpose()
    }

    /// The list at a key, in a shared view.
    pub fn peek_list(&self, key: &Key) -> Result<Option<&List>, WrongType> {
        self.peek(key).map(|slot| self.list_at(key, slot)).transpose()
    }

    #[inline]
    fn list_at(&self, key: &Key, slot: Slot) -> Result<&List, WrongType> {
        let db = self.db(key.hash).ok_or(WrongType)?;
        if db.entry(slot).kind() != Kind::List {
            return Err(WrongType);
        }
        // SAFETY: the kind was just checked.
        Ok(unsafe { db.object(slot) })
    }
}

impl<'k> Keys<'k> {
    /// The list at a key, which may be absent, for changes.
    #[inline]
    pub fn list_for_write<'a>(&'a mut self, key: &Key<'a>, limits: Limits) -> Result<ListMut<'a, 'k>, WrongType> {
        let slot = self.find_for_write(key);
        if let Some(slot) = slot
            && self.entry(key, slot).kind().type_of() != Type::List
        {
            return Err(WrongType);
        }
        Ok(ListMut { keys: self, key: *key, slot, limits })
    }
}

/// See the module's head. Records no changes: the caller names the events.
pub struct ListMut<'a, 'k> {
    keys: &'a mut Keys<'k>,
    key: Key<'a>,
    slot: Option<Slot>,
    limits: Limits,
}

impl ListMut<'_, '_> {
    /// The number of elements.
    #[inline]
    pub fn len(&mut self) -> usize {
        self.get_mut().map_or(0, |list| list.len())
    }

    /// Whether there is no element, and so no key (any more).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.slot.is_none()
    }

    #[inline]
    fn get_mut(&mut self) -> Option<&mut List> {
        let slot = self.slot?;
        // SAFETY: the kind was checked when the view was made, and only this view changes the key.
        Some(unsafe { self.keys.db_mut(self.key.hash).object_mut(slot) })
    }

    /// Adds elements at one end, one after the other; the key comes with the first. Answers the length.
    #[inline]
    pub fn extend<'v, I>(&mut self, end: End, values: I) -> usize
    where
        I: IntoIterator<Item = &'v [u8], IntoIter: Clone + ExactSizeIterator>,
    {
        let (values, limits) = (values.into_iter(), self.limits);
        let Some(list) = self.get_mut() else {
            return if values.len() == 0 { 0 } else { self.create(end, values) };
        };
        match (values.len(), values.clone().next()) {
            (1, Some(value)) => list.push(end, value, limits),
            _ => list.extend(end, values, limits),
        }
        list.len()
    }

    #[cold]
    fn create<'v>(&mut self, end: End, values: impl Iterator<Item = &'v [u8]> + Clone) -> usize {
        let mut list = List::new();
        list.extend(end, values, self.limits);
        let len = list.len();
        self.keys.put(&self.key, Value::Object(Object::List(Box::new(list))), None);
        self.slot = self.keys.find_untouched(&self.key);
        len
    }

    /// Takes the element at one end out after `read` has seen it in place.
    #[inline]
    pub fn pop_with<R>(&mut self, end: End, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let limits = self.limits;
        let list = self.get_mut()?;
        let answer = list.pop_with(end, limits, read);
        if list.is_empty() {
            self.remove_key();
        }
        answer
    }

    /// Takes the element at one end out.
    pub fn pop(&mut self, end: End) -> Option<Popped> {
        let limits = self.limits;
        let list = self.get_mut()?;
        let popped = list.pop(end, limits);
        if list.is_empty() {
            self.remove_key();
        }
        popped
    }

    /// Moves the element at one end to another end of the same list, and answers it.
    pub fn rotate(&mut self, from: End, to: End) -> Option<Popped> {
        let limits = self.limits;
        let list = self.get_mut()?;
        let moved = list.pop(from, limits)?;
        list.push(to, &moved, limits);
        Some(moved)
    }

    /// See [`List::set`].
    pub fn set(&mut self, index: i64, value: &[u8]) -> bool {
        let limits = self.limits;
        self.get_mut().is_some_and(|list| list.set(index, value, limits))
    }

    /// See [`List::insert`].
    pub fn insert(&mut self, side: Side, pivot: &[u8], value: &[u8]) -> bool {
        let limits = self.limits;
        self.get_mut().is_some_and(|list| list.insert(side, pivot, value, limits))
    }

    /// See [`List::remove`].
    pub fn remove(&mut self, count: i64, value: &[u8]) -> usize {
        let limits = self.limits;
        let Some(list) = self.get_mut() else { return 0 };
        let removed = list.remove(count, value, limits);
        if list.is_empty() {
            self.remove_key();
        }
        removed
    }

    /// See [`List::trim`]. Answers how many elements went.
    pub fn trim(&mut self, start: i64, stop: i64) -> usize {
        let limits = self.limits;
        let Some(list) = self.get_mut() else { return 0 };
        let before = list.len();
        list.trim(start, stop, limits);
        let after = list.len();
        if after == 0 {
            self.remove_key();
        }
        before - after
    }

    #[cold]
    fn remove_key(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.keys.db_mut(self.key.hash).remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Tally;
    use crate::keys::{Access, Now};
    use crate::shard::Keyspace;

    #[test]
    fn a_key_lives_from_its_first_element_to_its_last() {
        let (space, mut tally) = (Keyspace::new(4, 1, 7), Tally::default());
        let now = Now { unix_ms: 1000, access: Access::Lru(0) };
        let mut keys = Keys::lock_all(&space, 0, now, &mut tally);
        let (l, s) = (keys.key(b"l"), keys.key(b"s"));
        let limits = Limits::default();
        let mut list = keys.list_for_write(&l, limits).unwrap();
        assert_eq!(list.extend(End::Back, std::iter::empty()), 0);
        assert!(list.is_empty());
        let values: [&[u8]; 3] = [b"a", b"b", b"7"];
        assert_eq!(list.extend(End::Back, values), 3);
        assert_eq!(list.rotate(End::Front, End::Back).as_deref(), Some(&b"a"[..]));
        assert_eq!(list.trim(1, -1), 1);
        assert_eq!(list.pop_with(End::Front, |element| matches!(element, Element::Int(7))), Some(true));
        assert_eq!((list.len(), list.rotate(End::Front, End::Front).is_some()), (1, true));
        assert_eq!(list.remove(0, b"a"), 1);
        assert!(list.is_empty() && list.pop(End::Back).is_none());
        assert!(!keys.exists(&l));
        keys.set_string(&s, b"v", None);
        assert!(keys.list_for_write(&s, limits).is_err());
        assert_eq!(keys.list(&s).err(), Some(WrongType));
        assert!(keys.list(&l).unwrap().is_none());
    }
}
