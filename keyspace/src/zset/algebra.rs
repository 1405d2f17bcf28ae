//! Union, intersection and difference over the sorted sets, or plain sets, of several keys.
//!
//! An absent key is an empty set. Sources are taken in Redis's order, the smallest first, because sums of floating
//! point numbers depend on it.

use smallvec::SmallVec;

use super::{SortedSet, ZsetRef};
use crate::keys::{Key, Keys, WrongType};
use crate::packed::{Element, IntText};
use crate::set::SetRef;

/// A set whose members have scores; those of a plain set all have 1.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// A sorted set.
    Zset(ZsetRef<'a>),
    /// A plain one.
    Set(SetRef<'a>),
}

/// The sources of a command's keys, in the order of the keys; None for a key that is not there.
pub type Sources<'a> = SmallVec<[Option<Source<'a>>; 8]>;

impl<'a> Source<'a> {
    /// The number of members.
    pub fn len(&self) -> usize {
        match self {
            Self::Zset(set) => set.len(),
            Self::Set(set) => set.len(),
        }
    }

    /// Whether there is no member; never so for a value in the keyspace.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Zset(set) => set.score(member),
            Self::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Visits members with their scores until `visit` says no.
    fn all(&self, mut visit: impl FnMut(Element<'a>, f64) -> bool) -> bool {
        match self {
            Self::Zset(set) => set.all(visit),
            Self::Set(set) => set
                .try_for_each(|member| {
                    if visit(member, 1.0) {
                        std::ops::ControlFlow::Continue(())
                    } else {
                        std::ops::ControlFlow::Break(())
                    }
                })
                .is_continue(),
        }
    }

    fn for_each(&self, mut visit: impl FnMut(Element<'a>, f64)) {
        self.all(|member, score| {
            visit(member, score);
            true
        });
    }
}

impl Keys<'_> {
    /// The sorted sets and sets at some keys, read; the first key of another type ends it.
    pub fn zset_sources<'b>(&mut self, keys: impl Iterator<Item = Key<'b>> + Clone) -> Result<Sources<'_>, WrongType> {
        for key in keys.clone() {
            if let Some(slot) = self.find(&key) {
                self.source_at(&key, slot)?;
            }
        }
        // A second lookup, because finding one key may have removed another that expired.
        keys.map(|key| self.peek(&key).map(|slot| self.source_at(&key, slot)).transpose()).collect()
    }

    fn source_at(&self, key: &Key, slot: crate::dict::Slot) -> Result<Source<'_>, WrongType> {
        let entry = self.entry(key, slot);
        let zset = ZsetRef::of(entry).map(Source::Zset);
        zset.or_else(|| SetRef::of(entry).map(Source::Set)).ok_or(WrongType)
    }
}

/// How the scores of one member become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Aggregate {
    /// Their sum; infinities of both signs make 0.
    #[default]
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Aggregate {
    fn join(self, score: f64, other: f64) -> f64 {
        match self {
            Self::Sum => or_zero(score + other),
            // A NaN (an infinity with weight 0) is neither less nor greater.
            Self::Min => {
                if other < score {
                    other
                } else {
                    score
                }
            }
            Self::Max => {
                if other > score {
                    other
                } else {
                    score
                }
            }
        }
    }
}

fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The present sources with their weights, the smallest first; and whether a key was absent.
fn smallest_first<'a>(sources: &[Option<Source<'a>>], weights: &[f64]) -> (SmallVec<[(Source<'a>, f64); 8]>, bool) {
    let weights = weights.iter().copied().chain(std::iter::repeat(1.0));
    let mut present: SmallVec<[(Source<'a>, f64); 8]> =
        sources.iter().zip(weights).filter_map(|(source, weight)| Some(((*source)?, weight))).collect();
    present.sort_by_key(|(source, _)| source.len());
    let is_any_absent = present.len() < sources.len();
    (present, is_any_absent)
}

/// The members that any source has; weights may be fewer than sources (then they are 1). `seed` should differ from
/// key to key.
pub fn union(sources: &[Option<Source<'_>>], weights: &[f64], aggregate: Aggregate, seed: u64) -> SortedSet {
    let mut result = SortedSet::new(seed);
    for (source, weight) in smallest_first(sources, weights).0 {
        source.for_each(|member, score| {
            let score = or_zero(weight * score);
            result.merge(member.as_bytes(&mut IntText::default()), |old| match old {
                Some(old) => aggregate.join(old, score),
                None => score,
            });
        });
    }
    result
}

/// The members that all sources have; weights as for [`union`].
pub fn inter(sources: &[Option<Source<'_>>], weights: &[f64], aggregate: Aggregate, seed: u64) -> SortedSet {
    let mut result = SortedSet::new(seed);
    let (present, is_any_absent) = smallest_first(sources, weights);
    let Some(((first, first_weight), others)) = present.split_first().filter(|_| !is_any_absent) else { return result };
    first.for_each(|member, score| {
        let mut text = IntText::default();
        let member = member.as_bytes(&mut text);
        let mut score = or_zero(first_weight * score);
        for (other, weight) in others {
            let Some(found) = other.score(member) else { return };
            score = aggregate.join(score, weight * found);
        }
        result.put(member, score);
    });
    result
}

/// How many members all sources have, counted up to `limit` (0: without one).
pub fn inter_card(sources: &[Option<Source<'_>>], limit: usize) -> usize {
    let (present, is_any_absent) = smallest_first(sources, &[]);
    let Some(((first, _), others)) = present.split_first().filter(|_| !is_any_absent) else { return 0 };
    let mut count = 0;
    first.all(|member, _| {
        let mut text = IntText::default();
        let member = member.as_bytes(&mut text);
        count += usize::from(others.iter().all(|(other, _)| other.score(member).is_some()));
        limit == 0 || count < limit
    });
    count
}

/// The members of the first source that no other has, with their scores there.
pub fn diff(sources: &[Option<Source<'_>>], seed: u64) -> SortedSet {
    let mut result = SortedSet::new(seed);
    let Some((Some(first), others)) = sources.split_first() else { return result };
    let mut others: SmallVec<[Source<'_>; 8]> = others.iter().flatten().copied().collect();
    let lookups = first.len().saturating_mul(others.len());
    let removals = first.len() + others.iter().map(Source::len).sum::<usize>();
    // The likeliest to have a member comes first.
    others.sort_by_key(|other| std::cmp::Reverse(other.len()));
    let by_lookup = lookups / 2 <= removals;
    first.for_each(|member, score| {
        let mut text = IntText::default();
        let member = member.as_bytes(&mut text);
        if !by_lookup || others.iter().all(|other| other.score(member).is_none()) {
            result.put(member, score);
        }
    });
    if !by_lookup {
        for other in others {
            other.for_each(|member, _| {
                result.remove(member.as_bytes(&mut IntText::default()));
            });
        }
    }
    result
}
