//! Sorted sets: the large form, a B+tree beside a hash table, and the small one, a packed blob.
//!
//! Both forms speak of ranges as ranges of ranks: a range by score or by member is first turned
//! into ranks, so that counting needs no walk and an offset into the range no steps.

pub mod algebra;
mod bounds;
mod build;
mod capture;
#[cfg(test)]
mod key_tests;
mod large;
mod limits;
mod members;
mod packed;
mod read;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use bounds::{LexBound, ScoreBound};
pub use build::NewZset;
pub use limits::Limits;
use members::Store;
pub use read::ZsetRef;
use tree::{AfterScore, BeforeScore, ByMember, Entry, LEAF_LEN, Members, Tree};
pub use write::ZsetMut;

use crate::object::Object;
use crate::snapshot::CaptureSlot;

/// How many records a walk asks for ahead of the one that it answers.
const AHEAD: usize = 8;
/// Removing more than this, and most of the set, is done by keeping the rest.
const REBUILD_MIN: usize = 4096;

/// What putting a member did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Put {
    /// The member is new.
    Added,
    /// The member had this other score.
    Updated(f64),
    /// The member had this score already.
    Same,
    /// The caller decided against it.
    Declined,
}

/// A large sorted set. Scores are never NaN: the caller refuses them.
pub struct SortedSet {
    tree: Tree,
    store: Store,
    capture: CaptureSlot,
}

impl SortedSet {
    /// An empty set, hashing its members with `seed`.
    pub fn new(seed: u64) -> Self {
        Self { tree: Tree::new(), store: Store::new(seed), capture: None }
    }

    /// The set that a packed blob holds.
    pub fn from_packed(blob: &[u8], seed: u64) -> Self {
        let mut set = Self::new(seed);
        let mut text = crate::packed::IntText::default();
        for (member, score) in packed::iter(blob) {
            set.put(member.as_bytes(&mut text), score);
        }
        set
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a member or gives it another score.
    pub fn put(&mut self, member: &[u8], score: f64) -> Put {
        // The leaf for the score and the member's record are far from each other: wait for both at
        // once.
        self.tree.prefetch(score);
        self.put_with(member, |_| Some(score))
    }

    /// Adds or updates a member with one lookup: `decide` sees the score that it has and answers the
    /// one it shall have, or none to leave things alone.
    pub fn put_with(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Put {
        let hash = self.store.hash(member);
        if let Some((slot, handle)) = self.store.find(hash, member) {
            if self.capture.is_some() {
                self.keep(Some(slot), handle);
            }
            return self.tree.update(&mut self.store, handle, |old| decide(Some(old)));
        }
        let Some(score) = decide(None) else { return Put::Declined };
        let handle = self.store.insert(hash, member);
        self.tree.insert(&mut self.store, score, handle);
        Put::Added
    }

    /// As `put_with`, and zeros keep the sign that `join` gives them.
    fn merge(&mut self, member: &[u8], join: impl Fn(Option<f64>) -> f64) {
        let mut signed_zero = None;
        self.put_with(member, |old| {
            let score = join(old);
            let is_resigned = old == Some(score) && old.is_some_and(|old| old.to_bits() != score.to_bits());
            signed_zero = is_resigned.then_some(score);
            Some(score)
        });
        if let Some(score) = signed_zero {
            // Equal scores change nothing in place.
            self.remove(member);
            self.put(member, score);
        }
    }

    /// Removes a member and answers the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (slot, handle) = self.store.find(self.store.hash(member), member)?;
        if self.capture.is_some() {
            self.keep(Some(slot), handle);
        }
        let score = self.tree.remove(&mut self.store, handle);
        self.store.remove(Some(slot), handle);
        Some(score)
    }

    /// Removes the members of a range of ranks; answers how many there were.
    pub fn remove_range(&mut self, ranks: Range<usize>) -> usize {
        let ranks = ranks.start..ranks.end.min(self.len());
        let kept = self.len() - ranks.len();
        if ranks.len() > REBUILD_MIN && kept < ranks.len() / 2 {
            // Few stay: they move out, and the rest is freed where nobody waits for it.
            let mut rest = Self::new(self.store.seed());
            let stay = self.range(0..ranks.start).chain(self.range(ranks.end..self.len()));
            for (member, score) in stay {
                rest.put(member, score);
            }
            Object::Zset(Box::new(std::mem::replace(self, rest))).discard();
            return ranks.len();
        }
        let mut left = ranks.len();
        while left > 0 {
            if self.capture.is_some() {
                self.keep_range(ranks.start..ranks.start + left.min(LEAF_LEN));
            }
            // What a leaf holds of the range goes in one step.
            let gone = self.tree.remove_run(&mut self.store, ranks.start, left);
            for &handle in &gone {
                self.store.prefetch(handle);
            }
            for &handle in &gone {
                self.store.remove(None, handle);
            }
            left -= gone.len();
        }
        ranks.len()
    }

    /// Removes the first member; `take` sees it and makes the answer.
    pub fn pop_first<T>(&mut self, take: impl FnOnce(&[u8], f64) -> T) -> Option<T> {
        if self.capture.is_some() {
            self.keep_range(0..1);
        }
        let entry = self.tree.pop_first(&mut self.store)?;
        Some(self.finish_pop(entry, take))
    }

    /// Removes the last member; `take` sees it and makes the answer.
    pub fn pop_last<T>(&mut self, take: impl FnOnce(&[u8], f64) -> T) -> Option<T> {
        if self.capture.is_some() {
            self.keep_range(self.len().saturating_sub(1)..self.len());
        }
        let entry = self.tree.pop_last(&mut self.store)?;
        Some(self.finish_pop(entry, take))
    }

    fn finish_pop<T>(&mut self, entry: Entry, take: impl FnOnce(&[u8], f64) -> T) -> T {
        let answer = take(self.store.member(entry.handle), entry.score);
        self.store.remove(None, entry.handle);
        answer
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let (_, handle) = self.store.find(self.store.hash(member), member)?;
        Some(self.tree.score(&self.store, handle))
    }

    /// How many members stand before a member (after it, when `reverse`), and its score.
    pub fn rank(&self, member: &[u8], reverse: bool) -> Option<(usize, f64)> {
        let (_, handle) = self.store.find(self.store.hash(member), member)?;
        let (rank, score) = self.tree.rank(&self.store, handle);
        Some((if reverse { self.len() - 1 - rank } else { rank }, score))
    }

    /// The member of a rank: with a random rank, a member chosen uniformly.
    pub fn by_rank(&self, rank: usize) -> Option<(&[u8], f64)> {
        let entry = self.tree.select(rank)?;
        Some((self.store.member(entry.handle), entry.score))
    }

    /// The ranks of the members with scores between two bounds.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let (start, end) = (self.edge(min.value, min.exclusive), self.edge(max.value, !max.exclusive));
        start..end.max(start)
    }

    /// How many members stand before a score, or through it.
    fn edge(&self, score: f64, through: bool) -> usize {
        if through { self.tree.rank_of(&AfterScore(score)) } else { self.tree.rank_of(&BeforeScore(score)) }
    }

    /// The ranks of the members between two bounds, in a set whose scores are all equal. With
    /// different scores the answer is some range, as it is in Redis.
    pub fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        if LexBound::excludes_all(min, max) {
            return 0..0;
        }
        let (start, end) = (self.lex_edge(min, true), self.lex_edge(max, false));
        start..end.max(start)
    }

    fn lex_edge(&self, bound: LexBound<'_>, is_min: bool) -> usize {
        let (member, after) = match bound {
            LexBound::Min => return 0,
            LexBound::Max => return self.len(),
            LexBound::Inclusive(member) => (member, !is_min),
            LexBound::Exclusive(member) => (member, is_min),
        };
        self.tree.rank_of(&ByMember { member, after, members: &self.store })
    }

    /// Members and scores of a range of ranks, in order; `.rev()` walks from its end.
    pub fn range(&self, ranks: Range<usize>) -> Walk<'_> {
        Walk { entries: self.tree.range(ranks), store: &self.store }
    }

    /// Members and scores in order.
    pub fn iter(&self) -> Walk<'_> {
        self.range(0..self.len())
    }

    /// Visits some members from `cursor` on (0 begins) and answers the next cursor, 0 at the end.
    /// Every member that is present from the first call to the last is visited at least once.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(&'a [u8], f64)) -> u64 {
        self.store.scan(cursor, |handle| {
            visit(self.store.member(handle), self.tree.score(&self.store, handle));
        })
    }

    /// Bytes that the set occupies.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.tree.allocated_bytes() + self.store.memory_usage()
    }
}

/// The copy is as compact as a set that was filled in order.
impl Clone for SortedSet {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.store.seed());
        for (member, score) in self.iter() {
            copy.put(member, score);
        }
        copy
    }
}

/// Members and scores of a [`SortedSet`] in order, from either end.
#[derive(Clone)]
pub struct Walk<'a> {
    entries: tree::Iter<'a>,
    store: &'a Store,
}

impl<'a> Walk<'a> {
    fn answer(&self, entry: Entry) -> (&'a [u8], f64) {
        (self.store.member(entry.handle), entry.score)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        if let Some(handle) = self.entries.ahead(AHEAD) {
            self.store.prefetch(handle);
        }
        Some(self.answer(entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        let entry = self.entries.nth(n)?;
        Some(self.answer(entry))
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next_back()?;
        if let Some(handle) = self.entries.behind(AHEAD) {
            self.store.prefetch(handle);
        }
        Some(self.answer(entry))
    }
}

impl ExactSizeIterator for Walk<'_> {}
