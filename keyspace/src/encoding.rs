//! How a value is stored, under the names that OBJECT ENCODING gives.
//!
//! Invariant: an object is read as the type that its entry's kind says.
#![allow(unsafe_code)]

use crate::db::Db;
use crate::dict::Slot;
use crate::entry::Kind;
use crate::hash::HashRef;
use crate::list::List;
use crate::set::SetRef;

/// The longest string that Redis keeps in one allocation with its object, and calls embedded.
const EMBSTR_LEN_MAX: usize = 44;

impl Db {
    /// The encoding of the value at a slot.
    pub fn encoding(&self, slot: Slot) -> &'static str {
        let entry = self.entry(slot);
        match entry.kind() {
            Kind::Int => "int",
            Kind::Str if entry.value().len() <= EMBSTR_LEN_MAX => "embstr",
            Kind::Str | Kind::StrRaw | Kind::StrShared => "raw",
            Kind::HashPacked | Kind::HashPackedEx | Kind::Hash => {
                HashRef::of(entry, 0).map_or("hashtable", |hash| hash.encoding())
            }
            // SAFETY: the kind is the one of `List`.
            Kind::List => unsafe { self.object::<List>(slot) }.encoding(),
            Kind::SetInts | Kind::SetPacked | Kind::Set => SetRef::of(entry).map_or("hashtable", |set| set.encoding()),
            Kind::ZsetPacked => "listpack",
            Kind::Zset => "skiplist",
            Kind::Stream => "stream",
            // Nobody asks before the value is in memory: its form is told by it alone.
            Kind::WarmString | Kind::WarmHash | Kind::WarmList | Kind::WarmSet | Kind::WarmZset | Kind::WarmStream => {
                "warm"
            }
        }
    }
}
