//! Strings: inline bytes, integers as 8 bytes, and large ones shared with the replies that carry them.

use std::sync::Arc;

use crate::db::Value;
use crate::dict::Slot;
use crate::entry::{Entry, Kind, Type};
use crate::keys::{Key, Keys, WrongType};
use crate::object::Object;

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

    /// Runs `use_bytes` on its bytes.
    pub fn with_bytes<T>(&self, use_bytes: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Bytes(bytes) => use_bytes(bytes),
            Self::Shared(text) => use_bytes(text),
            Self::Int(number) => {
                let mut digits = Vec::with_capacity(20);
                base::number::push_i64(&mut digits, *number);
                use_bytes(&digits)
            }
        }
    }

    /// A copy of its bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
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
    #[inline]
    pub fn string(&mut self, key: &Key) -> Result<Option<Text<'_>>, WrongType> {
        match self.find(key) {
            Some(slot) => text_of(self, key, slot).map(Some),
            None => Ok(None),
        }
    }

    /// The string at a key, looked up on behalf of a write.
    pub fn string_for_write(&mut self, key: &Key) -> Result<Option<Text<'_>>, WrongType> {
        match self.find_for_write(key) {
            Some(slot) => text_of(self, key, slot).map(Some),
            None => Ok(None),
        }
    }

    /// The string at a key, in a shared view.
    pub fn peek_string(&self, key: &Key) -> Result<Option<Text<'_>>, WrongType> {
        self.peek(key).map(|slot| text_of(self, key, slot)).transpose()
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

    /// Puts a number at a key, whatever was there. Records nothing.
    #[inline]
    pub fn set_int(&mut self, key: &Key, number: i64, deadline_ms: Option<i64>) {
        self.set_inline(key, Kind::Int, &number.to_ne_bytes(), deadline_ms);
    }

    fn set_inline(&mut self, key: &Key, kind: Kind, value: &[u8], deadline_ms: Option<i64>) {
        let access = self.now.access;
        match self.find_for_write(key) {
            Some(slot) => drop(self.db_mut(key.hash).put(slot, kind, value, deadline_ms)),
            None => {
                let clock = access.initial();
                self.db_mut(key.hash).insert(key.hash, key.bytes, kind, value, deadline_ms, clock);
                self.created(key);
            }
        }
    }

    /// Edits the bytes of the string at a key (made empty when absent) and keeps its deadline. Redis calls the
    /// result raw. Records nothing.
    pub fn edit_string(&mut self, key: &Key, edit: impl FnOnce(&mut Vec<u8>)) -> Result<usize, WrongType> {
        let Some(slot) = self.find_for_write(key) else {
            let mut bytes = Vec::new();
            edit(&mut bytes);
            let len = bytes.len();
            self.put(key, Value::raw_text(bytes, Kind::StrRaw), None);
            return Ok(len);
        };
        let entry = self.entry(key, slot);
        let deadline_ms = entry.deadline_ms();
        if entry.kind().type_of() != Type::String {
            return Err(WrongType);
        }
        if entry.kind() == Kind::StrShared {
            let text = self.db_mut(key.hash).shared_text_mut(slot);
            edit(text);
            return Ok(text.len());
        }
        let mut bytes = text_of(self, key, slot)?.to_vec();
        edit(&mut bytes);
        let len = bytes.len();
        self.db_mut(key.hash).put_value(slot, Value::raw_text(bytes, Kind::StrRaw), deadline_ms);
        Ok(len)
    }

    /// Overwrites bytes of a long enough inline string in place; false when it is not one. Records nothing.
    pub fn poke_string(&mut self, key: &Key, at: usize, bytes: &[u8]) -> Result<bool, WrongType> {
        let Some(slot) = self.find_for_write(key) else { return Ok(false) };
        let entry = self.entry(key, slot);
        let (kind, len) = (entry.kind(), entry.value().len());
        if kind.type_of() != Type::String {
            return Err(WrongType);
        }
        if !matches!(kind, Kind::Str | Kind::StrRaw) || at + bytes.len() > len {
            return Ok(false);
        }
        let db = self.db_mut(key.hash);
        db.value_mut(slot)[at..at + bytes.len()].copy_from_slice(bytes);
        db.set_kind(slot, Kind::StrRaw);
        Ok(true)
    }
}
