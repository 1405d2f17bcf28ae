//! A set as it is stored, for reading.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::large::{self, BATCH_LEN_MIN, Batch, Set};
use super::limits::Form;
use super::small::Packed;
use crate::entry::{Entry, Kind};
use crate::keys::{Key, Keys, WrongType};
use crate::packed::{Element, IntText};
use crate::{intset, string};

/// A set, whatever its form.
#[derive(Clone, Copy)]
pub struct SetRef<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    Ints(&'a [u8]),
    Packed(Packed<'a>),
    Large(&'a Set),
}

/// The sets of a command's keys; None for a key that is not there.
pub type SetRefs<'a> = SmallVec<[Option<SetRef<'a>>; 8]>;

impl<'a> SetRef<'a> {
    /// The set of an entry; None when it holds another type.
    #[inline]
    pub fn of(entry: Entry<'a>) -> Option<Self> {
        match entry.kind() {
            Kind::SetInts => Some(Self::ints(entry.value())),
            Kind::SetPacked => Some(Self::packed(entry.value())),
            Kind::Set => Some(Self::from(large::of(entry))),
            _ => None,
        }
    }

    pub(super) fn ints(blob: &'a [u8]) -> Self {
        Self(Repr::Ints(blob))
    }

    pub(super) fn packed(blob: &'a [u8]) -> Self {
        Self(Repr::Packed(Packed::new(blob)))
    }

    pub(super) fn form(&self) -> Form {
        match self.0 {
            Repr::Ints(_) => Form::Ints,
            Repr::Packed(_) => Form::Packed,
            Repr::Large(_) => Form::Large,
        }
    }

    /// The name that OBJECT ENCODING gives.
    pub fn encoding(&self) -> &'static str {
        match self.0 {
            Repr::Ints(_) => "intset",
            Repr::Packed(_) => "listpack",
            Repr::Large(_) => "hashtable",
        }
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::Ints(blob) => intset::len(blob),
            Repr::Packed(packed) => packed.count,
            Repr::Large(set) => set.len(),
        }
    }

    /// Whether there is no member; never so for a set in the keyspace.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is in the set.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match self.0 {
            Repr::Ints(blob) => string::as_int(member).is_some_and(|int| intset::contains(blob, int)),
            Repr::Packed(packed) => packed.find(member).is_some(),
            Repr::Large(set) => set.contains(member),
        }
    }

    /// Whether a member of another set is in this one.
    #[inline]
    pub fn contains_element(&self, member: Element<'_>) -> bool {
        match (self.0, member) {
            (Repr::Ints(blob), Element::Int(int)) => intset::contains(blob, int),
            _ => self.contains(member.as_bytes(&mut IntText::default())),
        }
    }

    /// Whether lookups are better done many at a time.
    pub(super) fn prefers_batches(&self) -> bool {
        matches!(self.0, Repr::Large(set) if set.len() >= BATCH_LEN_MIN)
    }

    /// Keeps those of some members that are in this set, or those that are not.
    pub(super) fn retain_in(&self, members: &mut Batch<'_>, is_in: bool) {
        match self.0 {
            Repr::Large(set) => set.retain_in(members, is_in),
            _ => members.retain(|member| self.contains_element(*member) == is_in),
        }
    }

    /// A set of integers as it is stored, see [`crate::intset`]; None for any other.
    pub fn as_intset(&self) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Ints(blob) => Some(blob),
            _ => None,
        }
    }

    /// Visits every member.
    pub fn for_each(&self, mut visit: impl FnMut(Element<'a>)) {
        match self.0 {
            Repr::Ints(blob) => intset::iter(blob).for_each(|int| visit(Element::Int(int))),
            Repr::Packed(packed) => packed.iter().for_each(|(element, _)| visit(element)),
            Repr::Large(set) => set.for_each(|member| visit(Element::Bytes(member))),
        }
    }

    /// Visits members until `visit` breaks.
    pub fn try_for_each(&self, mut visit: impl FnMut(Element<'a>) -> ControlFlow<()>) -> ControlFlow<()> {
        match self.0 {
            Repr::Ints(blob) => intset::iter(blob).try_for_each(|int| visit(Element::Int(int))),
            Repr::Packed(packed) => packed.iter().try_for_each(|(element, _)| visit(element)),
            Repr::Large(set) => set.try_for_each(|member| visit(Element::Bytes(member))),
        }
    }

    /// Visits at least `count` members, if there are, from `cursor` on (0 begins), and answers the next cursor,
    /// 0 at the end. A small set is visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'a>)) -> u64 {
        let Repr::Large(set) = self.0 else {
            self.for_each(visit);
            return 0;
        };
        let (mut cursor, mut visited) = (cursor, 0);
        // In a table that was thinned out, empty buckets end a call too.
        for _ in 0..count.saturating_mul(10).max(1) {
            cursor = set.scan(cursor, |member| {
                visited += 1;
                visit(Element::Bytes(member));
            });
            if cursor == 0 || visited >= count {
                break;
            }
        }
        cursor
    }

    /// A member chosen uniformly; `below(n)` gives random numbers below n.
    pub fn random(&self, mut below: impl FnMut(u64) -> u64) -> Option<Element<'a>> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        match self.0 {
            Repr::Ints(blob) => intset::get(blob, below(len as u64) as usize).map(Element::Int),
            Repr::Packed(packed) => packed.get(below(len as u64) as usize).map(|(element, _)| element),
            Repr::Large(set) => set.random(below).map(Element::Bytes),
        }
    }

    /// Visits `count` members chosen independently, so that some may come more than once.
    pub fn random_many(&self, count: usize, mut below: impl FnMut(u64) -> u64, mut visit: impl FnMut(Element<'a>)) {
        let Repr::Packed(packed) = self.0 else {
            return (0..count).filter_map(|_| self.random(&mut below)).for_each(visit);
        };
        // One walk instead of one for each choice.
        let members: SmallVec<[Element<'a>; 128]> = packed.iter().map(|(element, _)| element).collect();
        for _ in 0..if members.is_empty() { 0 } else { count } {
            visit(members[below(members.len() as u64) as usize]);
        }
    }

    /// Visits `count` different members chosen uniformly, or all when there are no more.
    pub fn sample(&self, count: usize, mut below: impl FnMut(u64) -> u64, mut visit: impl FnMut(Element<'a>)) {
        let len = self.len();
        match self.0 {
            Repr::Large(set) if count < len / 3 => set.draw(count, below, |member| visit(Element::Bytes(member))),
            _ => {
                let mut selection = Selection::new(len, count);
                self.for_each(|element| {
                    if selection.takes_next(&mut below) {
                        visit(element);
                    }
                });
            }
        }
    }

    /// Bytes outside the entry.
    pub fn heap_bytes(&self) -> usize {
        match self.0 {
            Repr::Large(set) => set.memory_usage(),
            _ => 0,
        }
    }
}

impl<'a> From<&'a Set> for SetRef<'a> {
    fn from(set: &'a Set) -> Self {
        Self(Repr::Large(set))
    }
}

/// A choice of `wanted` out of the `left` things to come, all choices equally likely (Knuth's algorithm S).
pub(super) struct Selection {
    left: usize,
    wanted: usize,
}

impl Selection {
    pub(super) fn new(left: usize, wanted: usize) -> Self {
        Self { left, wanted }
    }

    /// Whether the next thing is taken; asked once for each.
    pub(super) fn takes_next(&mut self, below: &mut impl FnMut(u64) -> u64) -> bool {
        let takes = self.wanted >= self.left || self.wanted > 0 && below(self.left as u64) < self.wanted as u64;
        self.left = self.left.saturating_sub(1);
        self.wanted -= usize::from(takes && self.wanted > 0);
        takes
    }
}

impl Keys<'_> {
    /// The set at a key, read.
    pub fn set(&mut self, key: &Key) -> Result<Option<SetRef<'_>>, WrongType> {
        match self.find(key) {
            Some(slot) => SetRef::of(self.entry(key, slot)).map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    /// The set at a key, in a shared view.
    pub fn peek_set(&self, key: &Key) -> Result<Option<SetRef<'_>>, WrongType> {
        match self.peek(key) {
            Some(slot) => SetRef::of(self.entry(key, slot)).map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    /// The sets at some keys, read; the first key of another type ends it.
    pub fn sets(&mut self, keys: &[Key]) -> Result<SetRefs<'_>, WrongType> {
        for key in keys {
            if let Some(slot) = self.find(key)
                && SetRef::of(self.entry(key, slot)).is_none()
            {
                return Err(WrongType);
            }
        }
        // A second lookup, because finding one key may have removed another that expired.
        keys.iter().map(|key| self.peek_set(key)).collect()
    }
}
