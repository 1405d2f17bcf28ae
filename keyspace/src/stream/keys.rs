//! Streams in the locked view of keys.
#![allow(unsafe_code)]

use super::Stream;
use crate::db::Value;
use crate::dict::Slot;
use crate::entry::Kind;
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;

impl Keys<'_> {
    /// The stream at a key, read.
    #[inline]
    pub fn stream(&mut self, key: &Key) -> Result<Option<&Stream>, WrongType> {
        let slot = self.find(key);
        slot.map(|slot| self.stream_at(key, slot)).transpose()
    }

    /// The stream at a key, in a shared view.
    pub fn peek_stream(&self, key: &Key) -> Result<Option<&Stream>, WrongType> {
        self.peek(key).map(|slot| self.stream_at(key, slot)).transpose()
    }

    fn stream_at(&self, key: &Key, slot: Slot) -> Result<&Stream, WrongType> {
        let db = self.db(key.hash).ok_or(WrongType)?;
        if db.entry(slot).kind() != Kind::Stream {
            return Err(WrongType);
        }
        // SAFETY: the kind was just checked.
        Ok(unsafe { db.object(slot) })
    }

    fn stream_at_mut(&mut self, key: &Key, slot: Slot) -> Result<&mut Stream, WrongType> {
        let db = self.db_mut(key.hash);
        if db.entry(slot).kind() != Kind::Stream {
            return Err(WrongType);
        }
        // SAFETY: the kind was just checked.
        Ok(unsafe { db.object_mut(slot) })
    }

    /// The stream at a key, for changes. Records none: the caller names the events.
    #[inline]
    pub fn stream_mut(&mut self, key: &Key) -> Result<Option<&mut Stream>, WrongType> {
        let slot = self.find_for_write(key);
        slot.map(|slot| self.stream_at_mut(key, slot)).transpose()
    }

    /// As [`Keys::stream_mut`], of a command that counts as a read (XREADGROUP).
    #[inline]
    pub fn stream_mut_read(&mut self, key: &Key) -> Result<Option<&mut Stream>, WrongType> {
        let slot = self.find(key);
        slot.map(|slot| self.stream_at_mut(key, slot)).transpose()
    }

    /// As [`Keys::stream_mut`], for a second look: the access clock stays.
    pub fn stream_mut_untouched(&mut self, key: &Key) -> Result<Option<&mut Stream>, WrongType> {
        let slot = self.find_untouched(key);
        slot.map(|slot| self.stream_at_mut(key, slot)).transpose()
    }

    /// As [`Keys::stream_mut`]; a new one where there is none.
    #[inline]
    pub fn stream_or_new(&mut self, key: &Key) -> Result<&mut Stream, WrongType> {
        let slot = match self.find_for_write(key) {
            Some(slot) => slot,
            None => {
                self.put(key, Value::Object(Object::Stream(Box::default())), None);
                self.find_untouched(key).ok_or(WrongType)?
            }
        };
        self.stream_at_mut(key, slot)
    }
}
