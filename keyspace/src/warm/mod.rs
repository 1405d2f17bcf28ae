//! Values that are not in memory: an entry whose value moved to a file keeps key, deadline and access clock, and in
//! the value's place a [`Stub`].
//!
//! [`Db::cool`] takes a value out of its entry at once, as a memory move; from then on it belongs to the index
//! (`index.rs`), which knows for each stub whether the value waits in memory to be written or where in a file it is.
//! Who writes and reads the files (`persistence::tier`) never needs a shard's lock, and files are tidied without
//! touching an entry.
//!
//! # Invariants
//! - The kind of an entry is warm exactly when its value is the word of a stub, of which it owns one count.
//! - Hashes with fields that expire stay in memory: their schedule needs the fields.
#![allow(unsafe_code)]

mod index;
#[cfg(test)]
mod tests;

use std::mem::ManuallyDrop;

pub use index::{
    Backing, Borrowed, Held, STUB_BYTES, Segment, Spot, Stub, Ticket, borrow, give_back, held_bytes, locate, relocate,
    settle, stubs,
};

use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::{Entry, Kind, Type};
use crate::object::Object;
use crate::shard::Keyspace;

/// Bytes that a value must free to be worth a place in a file: its stub takes some of them itself.
const SAVING_MIN: usize = 64;

/// Reads a value that is not in memory, however long that takes, or says why it cannot.
pub type Reader = Box<dyn Fn(Ticket) -> Result<Value, String> + Send + Sync>;

impl Keyspace {
    /// Says how values that are not in memory are read where nothing is locked (snapshots), once.
    pub fn set_warm_reader(&self, reader: Reader) {
        let _ = self.warm_reader.set(reader);
    }

    /// Reads a value that is not in memory; the caller holds no lock that others wait for.
    pub fn read_warm(&self, ticket: Ticket) -> Result<Value, String> {
        self.warm_reader.get().map_or_else(|| Err("nobody can read it".into()), |reader| reader(ticket))
    }
}

impl Kind {
    /// Whether the value is in a file, or on its way there.
    #[inline]
    pub fn is_warm(self) -> bool {
        self as u8 >= Self::WarmString as u8
    }

    /// The kind of an entry whose value of this kind moved.
    pub(crate) fn cooled(self) -> Self {
        match self.type_of() {
            Type::String => Self::WarmString,
            Type::Hash => Self::WarmHash,
            Type::List => Self::WarmList,
            Type::Set => Self::WarmSet,
            Type::Zset => Self::WarmZset,
            Type::Stream => Self::WarmStream,
        }
    }
}

impl Value {
    /// How it is stored.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Inline(kind, _) => *kind,
            Self::Object(object) => object.kind(),
        }
    }
}

impl Entry<'_> {
    /// What the entry has in its value's place, where that is not in memory.
    #[inline]
    pub fn ticket(self) -> Option<Ticket> {
        self.kind().is_warm().then(|| Ticket::of_word(self.word()))
    }

    /// Whether moving the value to a file would be worth it, at a first look.
    #[inline]
    pub fn is_coolable(self) -> bool {
        let kind = self.kind();
        !kind.is_warm() && (kind.is_object() || self.value_len() >= SAVING_MIN)
    }
}

impl Db {
    /// Takes the value at a slot out of its entry, to be written to a file. None where it stays.
    pub fn cool(&mut self, slot: Slot) -> Option<Ticket> {
        if self.entry(slot).is_coolable() { self.cool_any(slot) } else { None }
    }

    /// As `cool`, for values that are hardly worth it, too.
    pub fn cool_any(&mut self, slot: Slot) -> Option<Ticket> {
        let entry = self.entry(slot);
        let kind = entry.kind();
        if kind.is_warm() || self.field_deadline_ms(slot).is_some() {
            return None;
        }
        let before = self.entry_bytes(slot) + self.value_bytes(slot);
        let value = if kind.is_object() {
            // SAFETY: unless it is forgotten again, the entry gets another word below.
            let object = ManuallyDrop::new(unsafe { Object::from_word(kind, entry.word()) });
            if object.gathering().is_some() {
                return None;
            }
            self.keep(slot);
            // A capture that began to gather it just now keeps it here.
            if object.gathering().is_some() {
                return None;
            }
            Value::Object(ManuallyDrop::into_inner(object))
        } else {
            self.keep(slot);
            Value::Inline(kind, self.entry(slot).value().into())
        };
        let deadline_ms = self.entry(slot).deadline_ms();
        let stub = Stub::hold(value, before);
        let ticket = stub.ticket();
        self.put_word(slot, kind.cooled(), stub.into_word(), deadline_ms);
        Some(ticket)
    }

    /// As `cool`, for some values from a random place on, at most `wanted` of them.
    pub fn cool_some(&mut self, random: u64, wanted: usize) -> Vec<Ticket> {
        let mut found: Vec<Box<[u8]>> = Vec::new();
        self.dict().sample(random, self.dict().buckets(), |record, _| {
            let entry = self.entry_of(record);
            if entry.is_coolable() {
                found.push(entry.key().into());
            }
            found.len() >= wanted
        });
        let mut moved = Vec::new();
        for key in found {
            // Moving one may have moved the others' records.
            if let Some(slot) = self.find(self.dict().hash(&key), &key) {
                moved.extend(self.cool(slot));
            }
        }
        moved
    }

    /// Gives an entry its value back for good.
    pub fn warm(&mut self, slot: Slot, value: Value) {
        if self.entry(slot).kind().is_warm() {
            let deadline_ms = self.entry(slot).deadline_ms();
            self.put_value(slot, value, deadline_ms);
        }
    }

    /// Gives an entry its value back until [`Db::cool_again`], to which the stub belongs.
    ///
    /// # Panics
    /// When its value is in memory.
    pub fn warm_for_now(&mut self, slot: Slot, value: Value) -> Stub {
        assert!(self.entry(slot).kind().is_warm(), "a value that is not in memory");
        self.keep(slot);
        // SAFETY: the entry gets another word next.
        let stub = unsafe { Stub::from_word(self.entry(slot).word()) };
        self.overwrite(slot, value);
        stub
    }

    /// Ends [`Db::warm_for_now`]: the value, which nobody changed, goes and the stub comes back.
    pub fn cool_again(&mut self, slot: Slot, stub: Stub) {
        let kind = self.entry(slot).kind();
        if kind.is_warm() || kind.cooled() != stub.kind().cooled() {
            return;
        }
        let deadline_ms = self.entry(slot).deadline_ms();
        self.keep(slot);
        self.drop_object(slot);
        self.put_word(slot, stub.kind().cooled(), stub.into_word(), deadline_ms);
    }

    /// The value at a slot if it is still in memory though it was to move, and nobody else needs it.
    pub fn take_held(&mut self, slot: Slot) -> Option<Value> {
        self.entry(slot).ticket()?.take_held()
    }
}
