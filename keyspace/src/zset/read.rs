//! A sorted set as it is stored, for reading.

use std::ops::Range;

use smallvec::SmallVec;

use super::{LexBound, ScoreBound, SortedSet, large, packed};
use crate::entry::{Entry, Kind};
use crate::keys::{Key, Keys, WrongType};
use crate::packed::Element;

/// A sorted set, whatever its form.
#[derive(Clone, Copy)]
pub struct ZsetRef<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    Packed(&'a [u8]),
    Large(&'a SortedSet),
}

impl<'a> ZsetRef<'a> {
    /// The sorted set of an entry; None when it holds another type.
    #[inline]
    pub fn of(entry: Entry<'a>) -> Option<Self> {
        match entry.kind() {
            Kind::ZsetPacked => Some(Self(Repr::Packed(entry.value()))),
            Kind::Zset => Some(Self(Repr::Large(large::of(entry)))),
            _ => None,
        }
    }

    /// The name that OBJECT ENCODING gives.
    pub fn encoding(&self) -> &'static str {
        match self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Large(_) => "skiplist",
        }
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::Packed(blob) => packed::len(blob),
            Repr::Large(set) => set.len(),
        }
    }

    /// Whether there is no member; never so for a sorted set in the keyspace.
    pub fn is_empty(&self) -> bool {
        match self.0 {
            Repr::Packed(blob) => blob.is_empty(),
            Repr::Large(set) => set.is_empty(),
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.0 {
            Repr::Packed(blob) => packed::score(blob, member),
            Repr::Large(set) => set.score(member),
        }
    }

    /// How many members stand before a member (after it, when `reverse`), and its score.
    pub fn rank(&self, member: &[u8], reverse: bool) -> Option<(usize, f64)> {
        match self.0 {
            Repr::Packed(blob) => packed::rank(blob, member, reverse),
            Repr::Large(set) => set.rank(member, reverse),
        }
    }

    /// The ranks of the members with scores between two bounds.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        match self.0 {
            Repr::Packed(blob) => packed::ranks_by_score(blob, min, max),
            Repr::Large(set) => set.ranks_by_score(min, max),
        }
    }

    /// The ranks of the members between two bounds, in a set whose scores are all equal; some range in others.
    pub fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        match self.0 {
            Repr::Packed(blob) => packed::ranks_by_lex(blob, min, max),
            Repr::Large(set) => set.ranks_by_lex(min, max),
        }
    }

    /// Visits the members of a range of ranks with their scores, the last one first when `reverse`.
    #[inline]
    pub fn for_each_in(&self, ranks: Range<usize>, reverse: bool, mut visit: impl FnMut(Element<'a>, f64)) {
        match (self.0, reverse) {
            (Repr::Packed(blob), false) => packed::range(blob, ranks).for_each(|(member, score)| visit(member, score)),
            (Repr::Packed(blob), true) => {
                packed::range_back(blob, ranks).for_each(|(member, score)| visit(member, score));
            }
            (Repr::Large(set), false) => {
                set.range(ranks).for_each(|(member, score)| visit(Element::Bytes(member), score));
            }
            (Repr::Large(set), true) => {
                set.range(ranks).rev().for_each(|(member, score)| visit(Element::Bytes(member), score));
            }
        }
    }

    /// Visits all members with their scores, in order.
    pub fn for_each(&self, visit: impl FnMut(Element<'a>, f64)) {
        self.for_each_in(0..usize::MAX, false, visit);
    }

    /// Visits members in order until `visit` says no.
    pub fn all(&self, mut visit: impl FnMut(Element<'a>, f64) -> bool) -> bool {
        match self.0 {
            Repr::Packed(blob) => packed::iter(blob).all(|(member, score)| visit(member, score)),
            Repr::Large(set) => set.iter().all(|(member, score)| visit(Element::Bytes(member), score)),
        }
    }

    /// Visits at least `count` members, if there are, from `cursor` on (0 begins), and answers the next cursor,
    /// 0 at the end. A small set is visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'a>, f64)) -> u64 {
        let Repr::Large(set) = self.0 else {
            self.for_each(visit);
            return 0;
        };
        let (mut cursor, mut visited) = (cursor, 0);
        // In a table that was thinned out, empty buckets end a call too.
        for _ in 0..count.saturating_mul(10).max(1) {
            cursor = set.scan(cursor, |member, score| {
                visited += 1;
                visit(Element::Bytes(member), score);
            });
            if cursor == 0 || visited >= count {
                break;
            }
        }
        cursor
    }

    /// Visits `count` members chosen independently, so that some may come more than once; `below(n)` gives random
    /// numbers below n.
    pub fn random_many(
        &self,
        count: usize,
        mut below: impl FnMut(u64) -> u64,
        mut visit: impl FnMut(Element<'a>, f64),
    ) {
        match self.0 {
            Repr::Large(set) => {
                let ranks = (0..count).map(|_| below(set.len() as u64) as usize);
                let members = ranks.filter_map(|rank| set.by_rank(rank));
                members.for_each(|(member, score)| visit(Element::Bytes(member), score));
            }
            Repr::Packed(blob) if count == 1 => {
                let rank = below(packed::len(blob) as u64) as usize;
                packed::by_rank(blob, rank).into_iter().for_each(|(member, score)| visit(member, score));
            }
            Repr::Packed(blob) => {
                // One walk instead of one for each choice.
                let members: SmallVec<[(Element<'a>, f64); 128]> = packed::iter(blob).collect();
                for _ in 0..if members.is_empty() { 0 } else { count } {
                    let (member, score) = members[below(members.len() as u64) as usize];
                    visit(member, score);
                }
            }
        }
    }

    /// Visits `count` different members chosen uniformly, or all when there are no more.
    pub fn sample(&self, count: usize, mut below: impl FnMut(u64) -> u64, mut visit: impl FnMut(Element<'a>, f64)) {
        /// Below this part of the set, drawing ranks beats a walk over everything.
        const FEW: usize = 8;
        let (mut left, mut wanted) = (self.len(), count);
        match self.0 {
            Repr::Large(set) if count < left / FEW => {
                for rank in distinct_below(left as u64, count, below) {
                    if let Some((member, score)) = set.by_rank(rank as usize) {
                        visit(Element::Bytes(member), score);
                    }
                }
            }
            // Each member is taken with the chance that makes all choices equally likely (Knuth's algorithm S).
            _ => drop(self.all(|member, score| {
                if wanted >= left || below(left as u64) < wanted as u64 {
                    wanted -= 1;
                    visit(member, score);
                }
                left -= 1;
                wanted > 0
            })),
        }
    }

    /// Bytes outside the entry.
    pub fn heap_bytes(&self) -> usize {
        match self.0 {
            Repr::Packed(_) => 0,
            Repr::Large(set) => set.memory_usage(),
        }
    }

    /// The large form, when it is that: for copies.
    pub fn as_large(&self) -> Option<&'a SortedSet> {
        match self.0 {
            Repr::Packed(_) => None,
            Repr::Large(set) => Some(set),
        }
    }
}

/// `count` different numbers below `end`, of which there must be more than that (Floyd's algorithm).
fn distinct_below(end: u64, count: usize, mut below: impl FnMut(u64) -> u64) -> impl Iterator<Item = u64> {
    let mut taken = std::collections::HashSet::with_capacity(count);
    (end - count as u64..end).map(move |last| {
        let number = below(last + 1);
        if taken.insert(number) {
            return number;
        }
        taken.insert(last);
        last
    })
}

impl Keys<'_> {
    /// The sorted set at a key, read.
    #[inline]
    pub fn zset(&mut self, key: &Key) -> Result<Option<ZsetRef<'_>>, WrongType> {
        match self.find(key) {
            Some(slot) => ZsetRef::of(self.entry(key, slot)).map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    /// The sorted set at a key, in a shared view.
    pub fn peek_zset(&self, key: &Key) -> Result<Option<ZsetRef<'_>>, WrongType> {
        match self.peek(key) {
            Some(slot) => ZsetRef::of(self.entry(key, slot)).map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }
}
