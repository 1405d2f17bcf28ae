//! Values as whoever writes them out sees them: snapshots, DUMP, the feed of a replica.
//!
//! # Invariants
//! - A [`View`] copies nothing and shows what is stored: hash fields whose deadline has passed too, so that counts
//!   told before the elements hold.
//! - An object is read as the type that its entry's kind says.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::{Entry, EntryMut, Kind, Shape, Type};
use crate::hash::{Field, HashRef};
use crate::keys::{Access, decayed};
use crate::list::List;
use crate::packed::Element;
use crate::set::SetRef;
use crate::stream::Stream;
use crate::zset::ZsetRef;

/// A value in its place.
#[derive(Clone, Copy)]
pub enum View<'a> {
    /// A string's bytes.
    Text(&'a [u8]),
    /// The number that a string spells.
    Int(i64),
    /// A list.
    List(&'a List),
    /// A set.
    Set(SetRef<'a>),
    /// A sorted set.
    Zset(ZsetRef<'a>),
    /// A hash, with the fields whose deadline has passed.
    Hash(HashRef<'a>),
    /// A stream; its blocks and groups are its parts ([`crate::stream`] says how they are read and made).
    Stream(&'a Stream),
}

/// What is known of a key beside its value.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The database.
    pub db: usize,
    /// The key.
    pub key: &'a [u8],
    /// When it expires, unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// How it was used, as the eviction policy counts it.
    pub usage: Usage,
}

/// How a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// No policy counts it.
    Untold,
    /// Nobody asked for it for so long (LRU).
    IdleSeconds(u32),
    /// The logarithmic counter (LFU).
    Frequency(u8),
}

impl Usage {
    /// What an entry's clock says, read by the clock that wrote it; `now_seconds` is the wall clock.
    pub fn of_clock(clock: u32, access: Access, now_seconds: u32) -> Self {
        match access {
            Access::Lru(_) => Self::IdleSeconds(now_seconds.wrapping_sub(clock) & 0x00FF_FFFF),
            Access::Lfu { minutes, decay_minutes, .. } => Self::Frequency(decayed(clock, minutes, decay_minutes) as u8),
            Access::Untouched { .. } => Self::Untold,
        }
    }
}

/// The outline of a collection that is written out part by part.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    /// Its type: any but string.
    pub kind: Type,
    /// How many parts follow.
    pub len: usize,
    /// The earliest deadline of a hash's fields.
    pub earliest_deadline_ms: Option<i64>,
}

/// A part of a collection.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// An element of a list, head first, or a member of a set.
    Element(Element<'a>),
    /// A member of a sorted set, in any order.
    Scored(Element<'a>, f64),
    /// A field of a hash.
    Field(Field<'a>),
}

/// What takes keys with their values.
pub trait Sink {
    /// Why it cannot take more.
    type Error;

    /// Takes a key with its whole value.
    fn entry(&mut self, head: Head<'_>, value: View<'_>) -> Result<(), Self::Error>;

    /// Takes a key whose value follows in [`Sink::part`]s, exactly as many as the outline says, before any other key.
    fn begin(&mut self, head: Head<'_>, outline: Outline) -> Result<(), Self::Error>;

    /// Takes the next part.
    fn part(&mut self, part: Part<'_>) -> Result<(), Self::Error>;
}

impl<'a> View<'a> {
    /// The value of an entry.
    #[inline]
    pub fn of(entry: Entry<'a>) -> Self {
        match entry.kind() {
            Kind::Int => Self::Int(entry.word() as i64),
            Kind::Str | Kind::StrRaw => Self::Text(entry.value()),
            // SAFETY: the word is the address of a `Vec` in an Arc that the entry owns one count of.
            Kind::StrShared => Self::Text(unsafe { object::<Vec<u8>>(entry) }),
            // SAFETY: the kind is the one of `List`.
            Kind::List => Self::List(unsafe { object(entry) }),
            // SAFETY: the kind is the one of `Stream`.
            Kind::Stream => Self::Stream(unsafe { object(entry) }),
            kind => match kind.type_of() {
                Type::Hash => HashRef::of(entry, i64::MIN).map(Self::Hash).ok(),
                Type::Set => SetRef::of(entry).map(Self::Set),
                Type::Zset => ZsetRef::of(entry).map(Self::Zset),
                Type::String | Type::List | Type::Stream => None,
            }
            .expect("the kinds of a type are read as that type"),
        }
    }

    /// What stands before the parts; None for a string, which has none, and a stream, which goes as a whole.
    pub fn outline(&self) -> Option<Outline> {
        let (kind, len, earliest_deadline_ms) = match self {
            Self::Text(_) | Self::Int(_) | Self::Stream(_) => return None,
            Self::List(list) => (Type::List, list.len(), None),
            Self::Set(set) => (Type::Set, set.len(), None),
            Self::Zset(set) => (Type::Zset, set.len(), None),
            Self::Hash(hash) => (Type::Hash, hash.stored_len(), hash.earliest_deadline_ms()),
        };
        Some(Outline { kind, len, earliest_deadline_ms })
    }

    /// Visits the parts of a collection.
    pub fn for_each_part(&self, mut visit: impl FnMut(Part<'a>)) {
        match *self {
            Self::Text(_) | Self::Int(_) | Self::Stream(_) => {}
            Self::List(list) => list.iter().for_each(|element| visit(Part::Element(element))),
            Self::Set(set) => set.for_each(|member| visit(Part::Element(member))),
            Self::Zset(set) => set.for_each(|member, score| visit(Part::Scored(member, score))),
            Self::Hash(hash) => hash.for_each(|field| visit(Part::Field(field))),
        }
    }
}

/// # Safety
/// The entry's kind is the one of `T`.
unsafe fn object<T>(entry: Entry<'_>) -> &T {
    // SAFETY: by the caller's promise the word is the address of a `T` that the entry owns, and both live unchanged
    // for the entry's lifetime.
    unsafe { &*std::ptr::with_exposed_provenance(entry.word() as usize) }
}

impl Value {
    /// Looks at a value that no key holds; one that is not in memory cannot be looked at.
    pub fn with_view<T>(&self, look: impl FnOnce(View<'_>) -> T) -> T {
        let word;
        let (kind, bytes): (Kind, &[u8]) = match self {
            Self::Inline(kind, bytes) => (*kind, bytes),
            Self::Object(object) => {
                word = object.word().to_ne_bytes();
                (object.kind(), &word)
            }
        };
        let shape = Shape { key_len: 0, value_len: bytes.len(), has_deadline: false };
        let mut record = vec![0u64; shape.size().div_ceil(8)];
        // SAFETY: the record has room for the shape and is read while it lives; a word in it is that of an object
        // which `self` keeps alive and unchanged.
        unsafe {
            let place = NonNull::from(&mut record[..]).cast();
            let entry = EntryMut::at(place);
            entry.write_head(kind, shape, 0, 0, &[]);
            entry.value_mut().copy_from_slice(bytes);
            look(View::of(Entry::at(place)))
        }
    }
}

impl Db {
    /// The value at a slot.
    pub fn view(&self, slot: Slot) -> View<'_> {
        View::of(self.entry(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Tally;
    use crate::db::Value;
    use crate::hash::Limits;
    use crate::keys::{Keys, Now};
    use crate::set::{self, NewSet};
    use crate::shard::Keyspace;

    fn parts(keys: &Keys<'_>, name: &[u8]) -> Vec<String> {
        let key = keys.key(name);
        let slot = keys.peek(&key).expect("it is there");
        let view = keys.db(key.hash).expect("its table is there").view(slot);
        let mut parts = Vec::new();
        view.for_each_part(|part| parts.push(format!("{part:?}")));
        assert_eq!(view.outline().map_or(0, |outline| outline.len), parts.len());
        parts
    }

    #[test]
    fn a_view_shows_what_is_stored() {
        let (space, mut tally) = (Keyspace::new(1, 1, 7), Tally::default());
        let now = Now { unix_ms: 1000, access: Access::Lru(1) };
        let mut keys = Keys::lock_all(&space, 0, now, &mut tally);
        for (name, text) in [(&b"int"[..], &b"12"[..]), (b"text", b"012"), (b"long", &[7; 20_000])] {
            let key = keys.key(name);
            keys.put(&key, Value::text(text), None);
            let slot = keys.peek(&key).expect("it is there");
            let view = keys.db(key.hash).expect("its table is there").view(slot);
            assert!(view.outline().is_none());
            match view {
                View::Int(number) => assert_eq!(number, 12),
                View::Text(bytes) => assert_eq!(bytes, text),
                _ => panic!("a string"),
            }
        }
        let mut set = NewSet::new(1, set::Limits::default());
        set.insert(Element::Int(3));
        let key = keys.key(b"set");
        keys.store_set(&key, set);
        assert_eq!(parts(&keys, b"set"), ["Element(Int(3))"]);
        for entries_max in [0, 9] {
            let key = keys.key(b"hash");
            keys.remove(&key);
            let limits = Limits { entries_max, value_len_max: 9 };
            let mut hash = keys.hash_for_write(&key, limits).expect("it is none");
            hash.set(b"f", b"v", crate::hash::Deadline::At(1001));
            keys.now.unix_ms = 2000;
            let name = r#"Field(Field { name: Bytes([102]), value: Bytes([118]), deadline_ms: Some(1001) })"#;
            assert_eq!(parts(&keys, b"hash"), [name], "expired, and stored");
            keys.now.unix_ms = 1000;
        }
    }

    #[test]
    fn a_clock_is_read_by_the_clock_that_wrote_it() {
        let lfu = Access::Lfu { minutes: 10, log_factor: 10, decay_minutes: 1, random: 0 };
        assert_eq!(Usage::of_clock(9 << 8 | 7, lfu, 0), Usage::Frequency(6));
        assert_eq!(Usage::of_clock(0x00FF_FFFF, Access::Lru(0), 1), Usage::IdleSeconds(2));
    }
}
