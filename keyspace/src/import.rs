//! Values that come in whole: from a snapshot, RESTORE, another server.
//!
//! A value is built apart from the keyspace ([`crate::list::NewList`], [`crate::set::NewSet`],
//! [`crate::zset::NewZset`], [`crate::hash::NewHash`]), takes its form by the same limits as one that commands fill,
//! and is put in with one look-up.

use smallvec::SmallVec;

use crate::db::{Db, Value};
use crate::entry::Kind;
use crate::{hash, list, set, string, zset};

/// The settings that shape collections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of hashes.
    pub hash: hash::Limits,
    /// Of lists.
    pub list: list::Limits,
    /// Of sets.
    pub set: set::Limits,
    /// Of sorted sets.
    pub zset: zset::Limits,
}

/// A value that no key holds yet.
pub enum Fresh<'a> {
    /// A string's bytes, whatever form will suit them.
    Text(&'a [u8]),
    /// The number that a string spells.
    Int(i64),
    /// Any other.
    Value(Value),
}

impl Fresh<'_> {
    /// The value by itself.
    pub fn into_value(self) -> Value {
        match self {
            Self::Text(bytes) => Value::text(bytes),
            Self::Int(number) => Value::Inline(Kind::Int, Box::new(number.to_ne_bytes())),
            Self::Value(value) => value,
        }
    }
}

impl Db {
    /// Prepares a table without keys for about so many.
    pub fn expect(&mut self, keys: usize) {
        self.dict_mut().expect(keys);
    }

    /// Adds a key with its value; false, and nothing is changed, when the key is there.
    #[inline]
    pub fn load(&mut self, hash: u64, key: &[u8], fresh: Fresh<'_>, deadline_ms: Option<i64>, clock: u32) -> bool {
        if self.find(hash, key).is_some() {
            return false;
        }
        match fresh {
            Fresh::Text(bytes) => match string::as_int(bytes) {
                Some(number) => self.insert(hash, key, Kind::Int, &number.to_ne_bytes(), deadline_ms, clock),
                None if bytes.len() < string::SHARED_LEN_MIN => {
                    self.insert(hash, key, Kind::Str, bytes, deadline_ms, clock)
                }
                None => self.insert_value(hash, key, Value::text(bytes), deadline_ms, clock),
            },
            Fresh::Int(number) => self.insert(hash, key, Kind::Int, &number.to_ne_bytes(), deadline_ms, clock),
            Fresh::Value(value) => self.insert_value(hash, key, value, deadline_ms, clock),
        };
        true
    }
}

/// Bits for each member that is expected: one search in vain among 16 members.
const BITS_EACH: usize = 32;
const BITS_MAX: usize = 1 << 22;

/// Says of most new members of a small collection that they are new, without a search.
pub(crate) struct Seen {
    bits: SmallVec<[u64; 32]>,
}

impl Seen {
    pub(crate) fn new(expected: usize) -> Self {
        let bits = expected.saturating_mul(BITS_EACH).clamp(2048, BITS_MAX).next_power_of_two();
        Self { bits: SmallVec::from_elem(0, bits / 64) }
    }

    /// Notes a member by its hash; false when it is surely new.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        let at = (hash >> 6) as usize & (self.bits.len() - 1);
        let bit = 1 << (hash & 63);
        let was_set = self.bits[at] & bit != 0;
        self.bits[at] |= bit;
        was_set
    }
}
