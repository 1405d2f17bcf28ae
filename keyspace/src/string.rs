//! Strings: inline bytes, integers as 8 bytes, and large ones shared with the replies that carry them.

mod edit;
#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;

pub use edit::{AddError, FoundString};

use crate::db::Value;
use crate::dict::Slot;
use crate::entry::{Entry, Kind};
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;
use crate::packed::IntText;

/// Strings from this length on have an allocation of their own, and replies refer to it instead of copying.
pub const SHARED_LEN_MIN: usize = 16 * 1024;

/// A string as it is stored.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// The number it spells.
    Int(i64),
    /// Its bytes, shared.
    Shared(Arc<Vec<u8>>),
}

impl Text<'_> {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Int(number) => base::number::digits(*number),
            Self::Shared(text) => text.len(),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A string's bytes, where they are; those of an integer are spelled out.
#[derive(Clone, Debug)]
pub enum StringBytes<'a> {
    /// As they are stored.
    Stored(&'a [u8]),
    /// A number's digits, and how many bytes they are.
    Digits([u8; DIGITS_MAX], u8),
}

/// The longest integer.
const DIGITS_MAX: usize = 20;

impl StringBytes<'_> {
    fn of_int(number: i64) -> Self {
        let (mut text, mut digits) = (IntText::default(), [0; DIGITS_MAX]);
        let spelled = text.spell(number);
        digits[..spelled.len()].copy_from_slice(spelled);
        Self::Digits(digits, spelled.len() as u8)
    }
}

impl Deref for StringBytes<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Stored(bytes) => bytes,
            Self::Digits(digits, len) => &digits[..usize::from(*len)],
        }
    }
}

/// The number that a value spells in canonical form, the form that is stored as an integer.
#[inline]
pub fn as_int(value: &[u8]) -> Option<i64> {
    if value.len() > 20 { None } else { base::number::parse_i64(value) }
}

impl Value {
    /// A string value in its best form.
    pub fn text(bytes: &[u8]) -> Self {
        match as_int(bytes) {
            Some(number) => Self::Inline(Kind::Int, Box::new(number.to_ne_bytes())),
            None => Self::raw_text(bytes.to_vec(), Kind::Str),
        }
    }

    fn raw_text(bytes: Vec<u8>, kind: Kind) -> Self {
        if bytes.len() < SHARED_LEN_MIN {
            Self::Inline(kind, bytes.into_boxed_slice())
        } else {
            Self::Object(Object::Text(Arc::new(bytes)))
        }
    }
}

fn bytes_of<'a>(keys: &'a Keys, key: &Key, slot: Slot) -> Result<StringBytes<'a>, WrongType> {
    let entry: Entry<'a> = keys.entry(key, slot);
    match entry.kind() {
        Kind::Str | Kind::StrRaw => Ok(StringBytes::Stored(entry.value())),
        Kind::Int => Ok(StringBytes::of_int(entry.word() as i64)),
        Kind::StrShared => {
            Ok(StringBytes::Stored(keys.db(key.hash).expect("a slot's table exists").shared_bytes(slot)))
        }
        _ => Err(WrongType),
    }
}

fn len_of(keys: &Keys, key: &Key, slot: Slot) -> Result<usize, WrongType> {
    let entry = keys.entry(key, slot);
    match entry.kind() {
        Kind::Str | Kind::StrRaw => Ok(entry.value().len()),
        Kind::Int => Ok(base::number::digits(entry.word() as i64)),
        _ => bytes_of(keys, key, slot).map(|bytes| bytes.len()),
    }
}

#[inline(always)]
fn text_of<'a>(keys: &'a Keys, key: &Key, slot: Slot) -> Result<Text<'a>, WrongType> {
    let entry: Entry<'a> = keys.entry(key, slot);
    match entry.kind() {
        Kind::Str | Kind::StrRaw => Ok(Text::Bytes(entry.value())),
        Kind::Int => Ok(Text::Int(entry.word() as i64)),
        Kind::StrShared => Ok(Text::Shared(keys.db(key.hash).expect("a slot's table exists").shared_text(slot))),
        _ => Err(WrongType),
    }
}

impl Keys<'_> {
    /// The string at a key, read.
    #[inline(always)]
    pub fn string(&mut self, key: &Key) -> Result<Option<Text<'_>>, WrongType> {
        match self.find_here(key) {
            Some(slot) => text_of(self, key, slot).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of the string at a key, read.
    #[inline]
    pub fn string_bytes(&mut self, key: &Key) -> Result<Option<StringBytes<'_>>, WrongType> {
        match self.find(key) {
            Some(slot) => bytes_of(self, key, slot).map(Some),
            None => Ok(None),
        }
    }

    /// The length of the string at a key, read.
    pub fn string_len(&mut self, key: &Key) -> Result<Option<usize>, WrongType> {
        match self.find(key) {
            Some(slot) => len_of(self, key, slot).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of the string at a slot of a key.
    pub fn string_at(&self, key: &Key, slot: Slot) -> Result<StringBytes<'_>, WrongType> {
        bytes_of(self, key, slot)
    }

    /// The bytes of the string at a key, in a shared view.
    pub fn peek_string_bytes(&self, key: &Key) -> Result<Option<StringBytes<'_>>, WrongType> {
        self.peek(key).map(|slot| bytes_of(self, key, slot)).transpose()
    }

    /// Puts a string at a key, whatever was there. Records nothing.
    #[inline]
    pub fn set_string(&mut self, key: &Key, value: &[u8], deadline_ms: Option<i64>) {
        if value.len() >= SHARED_LEN_MIN {
            return self.put(key, Value::Object(Object::Text(Arc::new(value.to_vec()))), deadline_ms);
        }
        match as_int(value) {
            Some(number) => self.set_inline(key, Kind::Int, &number.to_ne_bytes(), deadline_ms),
            None => self.set_inline(key, Kind::Str, value, deadline_ms),
        }
    }

    /// Puts a text at a key that is not to be stored as a number even where it spells one. Records nothing.
    pub fn set_text(&mut self, key: &Key, value: &[u8], deadline_ms: Option<i64>) {
        if value.len() >= SHARED_LEN_MIN {
            return self.set_string(key, value, deadline_ms);
        }
        self.set_inline(key, Kind::Str, value, deadline_ms);
    }

    /// Puts bytes that a command computed at a key, whatever was there, without deadline. Records nothing.
    pub fn set_raw(&mut self, key: &Key, value: Vec<u8>) {
        self.put(key, Value::raw_text(value, Kind::StrRaw), None);
    }

    fn set_inline(&mut self, key: &Key, kind: Kind, value: &[u8], deadline_ms: Option<i64>) {
        match self.find_for_write(key) {
            Some(slot) => drop(self.db_mut(key.hash).put(slot, kind, value, deadline_ms)),
            None => drop(self.insert_inline(key, kind, value, deadline_ms)),
        }
    }

    /// Puts an inline string at a key that is not there.
    #[inline]
    fn insert_inline(&mut self, key: &Key, kind: Kind, value: &[u8], deadline_ms: Option<i64>) -> Slot {
        let clock = self.now.access.initial();
        let slot = self.db_mut(key.hash).insert(key.hash, key.bytes, kind, value, deadline_ms, clock);
        self.created(key);
        slot
    }
}
