//! Values whatever their type: copies of them, and the elements of collections that have an order.
//!
//! Invariant: an object is read as the type that its entry's kind says.
#![allow(unsafe_code)]

use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::{Kind, Type};
use crate::hash::Hash;
use crate::list::List;
use crate::object::Object;
use crate::packed::Element;
use crate::set::{Set, SetRef};
use crate::stream::Stream;
use crate::warm::Stub;
use crate::zset::{SortedSet, ZsetRef};

impl Db {
    /// A copy of the value at a slot. A large string is shared until one of the two is edited.
    pub fn copy_value(&self, slot: Slot) -> Value {
        let entry = self.entry(slot);
        // SAFETY: each kind is the one of the type asked for.
        Value::Object(unsafe {
            match entry.kind() {
                Kind::StrShared => Object::Text(self.shared_text(slot)),
                Kind::Hash => Object::Hash(Box::new(self.object::<Hash>(slot).clone())),
                Kind::List => Object::List(Box::new(self.object::<List>(slot).clone())),
                Kind::Set => Object::Set(Box::new(self.object::<Set>(slot).clone())),
                Kind::Zset => Object::Zset(Box::new(self.object::<SortedSet>(slot).clone())),
                Kind::Stream => Object::Stream(Box::new(self.object::<Stream>(slot).clone())),
                kind if kind.is_warm() => Object::Warm(Stub::of_word(entry.word())),
                kind => return Value::Inline(kind, entry.value().into()),
            }
        })
    }

    /// The number of elements of a list, a set or a sorted set; None for other values, and those not in memory.
    pub fn element_count(&self, slot: Slot) -> Option<usize> {
        let entry = self.entry(slot);
        if entry.kind().is_warm() {
            return None;
        }
        match entry.kind().type_of() {
            // SAFETY: `List` is the only kind of this type.
            Type::List => Some(unsafe { self.object::<List>(slot) }.len()),
            Type::Set => SetRef::of(entry).map(|set| set.len()),
            Type::Zset => ZsetRef::of(entry).map(|set| set.len()),
            Type::String | Type::Hash | Type::Stream => None,
        }
    }

    /// Visits the elements of a list, a set or a sorted set (in that order), until `visit` says no; false when the
    /// value is none of these.
    pub fn for_each_element(&self, slot: Slot, mut visit: impl FnMut(Element<'_>) -> bool) -> bool {
        let entry = self.entry(slot);
        match entry.kind() {
            // SAFETY: the kind is the one of `List`.
            Kind::List => drop(unsafe { self.object::<List>(slot) }.iter().all(visit)),
            Kind::ZsetPacked | Kind::Zset => {
                let Some(set) = ZsetRef::of(entry) else { return false };
                set.all(|member, _| visit(member));
            }
            _ if entry.kind().type_of() == Type::Set => {
                let Some(set) = SetRef::of(entry) else { return false };
                let _ = set.try_for_each(|member| {
                    if visit(member) { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
                });
            }
            _ => return false,
        }
        true
    }
}
