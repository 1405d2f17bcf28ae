//! Hashes in the locked view of keys, and the expiry of their fields.

use super::{HashMut, HashRef, Limits};
use crate::entry::Type;
use crate::keys::{Key, Keys, WrongType};

/// Fields of one hash that expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredFields {
    /// The key.
    pub key: Box<[u8]>,
    /// The names of the fields.
    pub fields: Vec<Box<[u8]>>,
    /// Whether they were the last ones, so that the key went too.
    pub gone: bool,
}

impl Keys<'_> {
    /// The hash at a key, read.
    #[inline]
    pub fn hash(&mut self, key: &Key) -> Result<Option<HashRef<'_>>, WrongType> {
        let slot = self.find(key);
        let unix_ms = self.now.unix_ms;
        slot.map(|slot| HashRef::of(self.entry(key, slot), unix_ms)).transpose()
    }

    /// The hash at a key, in a shared view.
    pub fn peek_hash(&self, key: &Key) -> Result<Option<HashRef<'_>>, WrongType> {
        self.peek(key).map(|slot| HashRef::of(self.entry(key, slot), self.now.unix_ms)).transpose()
    }
}

impl<'k> Keys<'k> {
    /// The hash at a key for writing; a key that is absent comes with the first field.
    #[inline]
    pub fn hash_for_write<'a>(&'a mut self, key: &Key<'a>, limits: Limits) -> Result<HashMut<'a, 'k>, WrongType> {
        let slot = self.find_for_write(key);
        if let Some(slot) = slot
            && self.entry(key, slot).kind().type_of() != Type::Hash
        {
            return Err(WrongType);
        }
        Ok(HashMut::new(self, *key, slot, limits))
    }

    /// Removes up to `fields_max` fields whose deadline has passed from the hashes of the one locked shard, those
    /// due longest first. Records no event: the caller names them, for each key in the answer.
    pub fn expire_fields(&mut self, fields_max: usize) -> Vec<ExpiredFields> {
        let (mut answer, mut left, unix_ms) = (Vec::new(), fields_max, self.now.unix_ms);
        while left > 0 {
            let Some(db) = self.table_mut() else { break };
            let Some(slot) = db.due_hash(unix_ms) else { break };
            let bytes: Box<[u8]> = db.entry(slot).key().into();
            let key = Key { bytes: &bytes, hash: slot.hash() };
            // The key itself may have expired, which finding it brings to an end.
            let Some(slot) = self.find_untouched(&key) else { continue };
            let mut fields: Vec<Box<[u8]>> = Vec::new();
            // Expiry makes nothing larger: no limit comes into play.
            let mut hash = HashMut::new(self, key, Some(slot), Limits { entries_max: 0, value_len_max: 0 });
            hash.expire(left, |field| fields.push(field.into()));
            let gone = hash.is_gone();
            left -= fields.len();
            answer.push(ExpiredFields { key: bytes, fields, gone });
        }
        answer
    }
}
