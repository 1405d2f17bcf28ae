//! Changes of strings in place: counters, appended bytes, single bits.
//!
//! # Invariants
//! - An edit moves only bytes that must move: a large string grows by reserves that make appending amortised, and
//!   is copied only while replies still refer to it.
//! - An edited string is raw, even where its bytes spell a number.

use std::sync::Arc;

use super::{SHARED_LEN_MIN, StringBytes, as_int, len_of};
use crate::db::Value;
use crate::dict::Slot;
use crate::entry::{Kind, Type};
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;

/// Where short strings get the zero bytes that they grow by.
static ZEROS: [u8; SHARED_LEN_MIN] = [0; SHARED_LEN_MIN];

/// Up to this length a string that grows doubles its reserve; from there on an eighth is added.
const DOUBLING_LEN_MAX: usize = 1 << 20;

/// A string that was found for an edit.
#[derive(Clone, Copy, Debug)]
pub struct FoundString {
    /// Its entry.
    pub slot: Slot,
    /// Its length in bytes.
    pub len: usize,
}

/// Why a number cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// The key holds no string.
    WrongType,
    /// The string is no integer.
    NotAnInteger,
    /// The sum is past the limits.
    Overflow,
}

impl Keys<'_> {
    /// Adds to the integer at a key (0 when absent), keeps its deadline and answers the sum. Records nothing.
    #[inline]
    pub fn add_int(&mut self, key: &Key, delta: i64) -> Result<i64, AddError> {
        let Some(slot) = self.find_for_write(key) else {
            self.insert_inline(key, Kind::Int, &delta.to_ne_bytes(), None);
            return Ok(delta);
        };
        let db = self.db_mut(key.hash);
        let entry = db.entry(slot);
        if entry.kind() == Kind::Int {
            let sum = (entry.word() as i64).checked_add(delta).ok_or(AddError::Overflow)?;
            db.value_mut(slot).copy_from_slice(&sum.to_ne_bytes());
            return Ok(sum);
        }
        let number = match entry.kind() {
            Kind::Str | Kind::StrRaw => as_int(entry.value()).ok_or(AddError::NotAnInteger)?,
            Kind::StrShared => return Err(AddError::NotAnInteger),
            _ => return Err(AddError::WrongType),
        };
        let sum = number.checked_add(delta).ok_or(AddError::Overflow)?;
        let deadline_ms = entry.deadline_ms();
        db.put(slot, Kind::Int, &sum.to_ne_bytes(), deadline_ms);
        Ok(sum)
    }

    /// Finds a string for an edit.
    #[inline]
    pub fn find_string(&mut self, key: &Key) -> Result<Option<FoundString>, WrongType> {
        let Some(slot) = self.find_for_write(key) else { return Ok(None) };
        let len = len_of(self, key, slot)?;
        Ok(Some(FoundString { slot, len }))
    }

    /// Appends to a string that was found, or makes it, and answers its length. Records nothing.
    pub fn append_string(&mut self, key: &Key, found: Option<FoundString>, suffix: &[u8]) -> usize {
        let Some(FoundString { slot, len }) = found else {
            self.set_string(key, suffix, None);
            return suffix.len();
        };
        let total = len + suffix.len();
        self.spell_int(key, slot);
        if total < SHARED_LEN_MIN {
            self.db_mut(key.hash).splice(slot, Kind::StrRaw, len..len, suffix);
        } else {
            self.shared_string_mut(key, slot, total).extend_from_slice(suffix);
        }
        total
    }

    /// The bytes of a string that was found, or is made now, for an edit: at least `len_min` of them, the new ones
    /// zero. Records nothing.
    pub fn string_mut(&mut self, key: &Key, found: Option<FoundString>, len_min: usize) -> &mut [u8] {
        let slot = match found {
            Some(found) => found.slot,
            None => self.insert_inline(key, Kind::StrRaw, b"", None),
        };
        self.spell_int(key, slot);
        let len = found.map_or(0, |found| found.len);
        if len.max(len_min) >= SHARED_LEN_MIN {
            return grow(self.shared_string_mut(key, slot, len_min.min(len * 2)), len_min);
        }
        let db = self.db_mut(key.hash);
        if len < len_min {
            db.splice(slot, Kind::StrRaw, len..len, &ZEROS[..len_min - len]);
        } else {
            db.set_kind(slot, Kind::StrRaw);
        }
        db.value_mut(slot)
    }

    /// Puts other bytes in the place of a string that was found, whose deadline stays, or makes it. Records nothing.
    pub fn replace_string(&mut self, key: &Key, found: Option<FoundString>, value: &[u8]) {
        let Some(FoundString { slot, .. }) = found else { return self.set_raw(key, value.to_vec()) };
        let deadline_ms = self.entry(key, slot).deadline_ms();
        if value.len() < SHARED_LEN_MIN {
            self.db_mut(key.hash).put(slot, Kind::StrRaw, value, deadline_ms);
        } else {
            self.put(key, Value::raw_text(value.to_vec(), Kind::StrRaw), deadline_ms);
        }
    }

    /// Turns an integer into its digits.
    fn spell_int(&mut self, key: &Key, slot: Slot) {
        let entry = self.entry(key, slot);
        debug_assert_eq!(entry.kind().type_of(), Type::String);
        if entry.kind() == Kind::Int {
            let (digits, deadline_ms) = (StringBytes::of_int(entry.word() as i64), entry.deadline_ms());
            self.db_mut(key.hash).put(slot, Kind::StrRaw, &digits, deadline_ms);
        }
    }

    /// The bytes of a large string, or of one that is about to become large, with room for `len_min`.
    fn shared_string_mut(&mut self, key: &Key, slot: Slot, len_min: usize) -> &mut Vec<u8> {
        let db = self.db_mut(key.hash);
        let entry = db.entry(slot);
        if entry.kind() != Kind::StrShared {
            let mut text = Vec::with_capacity(len_min.max(entry.value().len()));
            text.extend_from_slice(entry.value());
            db.become_object(slot, Object::Text(Arc::new(text)));
        }
        let text = db.shared_text_mut(slot);
        if text.capacity() < len_min {
            let len = text.len();
            let reserve = if len < DOUBLING_LEN_MAX { len } else { len / 8 };
            text.reserve_exact(len_min.max(len + reserve) - len);
        }
        text
    }
}

/// Makes a string at least `len_min` long.
fn grow(text: &mut Vec<u8>, len_min: usize) -> &mut [u8] {
    if text.capacity() < len_min {
        // Much zeroed memory comes from the system as it is, and nobody touches it here.
        let mut grown = vec![0; len_min];
        grown[..text.len()].copy_from_slice(text);
        *text = grown;
    } else if text.len() < len_min {
        text.resize(len_min, 0);
    }
    text
}
