//! Intersection, union and difference over the sets of several keys.
//!
//! An absent key is an empty set. The ways through follow Redis's, because clients see them: in the order of
//! members, and in the form that a stored result has.

use std::cmp::Reverse;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::build::NewSet;
use super::large::{BATCH, Batch};
use super::limits::{Form, Limits};
use super::read::SetRef;
use crate::packed::Element;

type Present<'a> = SmallVec<[SetRef<'a>; 8]>;

/// Visits the members that all sets have.
pub fn inter(sets: &[Option<SetRef<'_>>], visit: impl FnMut(Element<'_>)) {
    if let Some((first, others)) = smallest_first(sets) {
        filter(first, &others, true, visit);
    }
}

/// How many members all sets have, counted up to `limit` (0: without one).
pub fn inter_card(sets: &[Option<SetRef<'_>>], limit: usize) -> usize {
    let Some((first, others)) = smallest_first(sets) else { return 0 };
    let mut count = 0;
    if limit == 0 {
        filter(first, &others, true, |_| count += 1);
        return count;
    }
    let _ = first.try_for_each(|member| {
        count += usize::from(others.iter().all(|other| other.contains_element(member)));
        if count == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    count
}

/// Visits the members of `first` that are in all of `others`, or those that are in none.
fn filter(first: SetRef<'_>, others: &[SetRef<'_>], is_in: bool, mut visit: impl FnMut(Element<'_>)) {
    if !others.iter().any(SetRef::prefers_batches) {
        return first.for_each(|member| {
            if others.iter().all(|other| other.contains_element(member) == is_in) {
                visit(member);
            }
        });
    }
    let mut batch = Batch::new();
    let mut flush = |batch: &mut Batch<'_>| {
        for other in others {
            other.retain_in(batch, is_in);
        }
        batch.drain(..).for_each(&mut visit);
    };
    first.for_each(|member| {
        batch.push(member);
        if batch.len() == BATCH {
            flush(&mut batch);
        }
    });
    flush(&mut batch);
}

/// The set of the members that all sets have.
pub fn inter_into(sets: &[Option<SetRef<'_>>], seed: u64, limits: Limits) -> NewSet {
    let start = match smallest_first(sets) {
        Some((first, _)) if first.form() != Form::Ints => Form::Packed,
        _ => Form::Ints,
    };
    let mut result = NewSet::start(start, seed, limits);
    inter(sets, |member| {
        result.insert(member);
    });
    result.prefer_ints();
    result
}

/// The smallest set and the others, ascending; None when a set is empty, and so the intersection.
fn smallest_first<'a>(sets: &[Option<SetRef<'a>>]) -> Option<(SetRef<'a>, Present<'a>)> {
    let mut others: Present<'a> = sets.iter().copied().collect::<Option<_>>()?;
    others.sort_by_key(SetRef::len);
    if others.is_empty() {
        return None;
    }
    let first = others.remove(0);
    Some((first, others))
}

/// Visits the members that any set has, each once.
pub fn union(sets: &[Option<SetRef<'_>>], limits: Limits, mut visit: impl FnMut(Element<'_>)) {
    let present: Present<'_> = sets.iter().flatten().copied().collect();
    let copies = present.iter().map(SetRef::len).sum::<usize>();
    let lookups = present.iter().enumerate().map(|(index, set)| index.saturating_mul(set.len())).sum::<usize>();
    if is_all_ints(&present) || lookups > copies.saturating_mul(2) {
        return union_into(sets, passing_seed(), limits).for_each(visit);
    }
    // For a few sets, asking those before is cheaper than a copy of all members.
    for (index, set) in present.iter().enumerate() {
        filter(*set, &present[..index], false, &mut visit);
    }
}

/// The set of the members that any set has.
pub fn union_into(sets: &[Option<SetRef<'_>>], seed: u64, limits: Limits) -> NewSet {
    let mut result = NewSet::new(seed, limits);
    for set in sets.iter().flatten() {
        set.for_each(|member| {
            result.insert(member);
        });
    }
    result
}

/// Visits the members of the first set that no other has.
pub fn diff(sets: &[Option<SetRef<'_>>], limits: Limits, visit: impl FnMut(Element<'_>)) {
    match difference(sets) {
        Difference::Empty => {}
        Difference::Lookups(first, others) => filter(first, &others, false, visit),
        Difference::Removals(first, others) => removals(first, &others, passing_seed(), limits).for_each(visit),
    }
}

/// The set of the members of the first set that no other has.
pub fn diff_into(sets: &[Option<SetRef<'_>>], seed: u64, limits: Limits) -> NewSet {
    match difference(sets) {
        Difference::Removals(first, others) => removals(first, &others, seed, limits),
        _ => {
            let mut result = NewSet::new(seed, limits);
            diff(sets, limits, |member| {
                result.insert(member);
            });
            result
        }
    }
}

/// A seed for a set that lives for one command only.
fn passing_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The cheaper way to a difference.
enum Difference<'a> {
    Empty,
    /// Look each member up in the other sets, the largest first: it is the likeliest to have it.
    Lookups(SetRef<'a>, Present<'a>),
    /// Copy the first set and remove the others' members from the copy.
    Removals(SetRef<'a>, Present<'a>),
}

fn difference<'a>(sets: &[Option<SetRef<'a>>]) -> Difference<'a> {
    let Some((Some(first), others)) = sets.split_first() else { return Difference::Empty };
    let mut others: Present<'a> = others.iter().flatten().copied().collect();
    let lookups = first.len().saturating_mul(others.len() + 1);
    let removals = others.iter().map(SetRef::len).sum::<usize>() + first.len();
    // A lookup ends at the first set that has the member, so it counts half.
    if lookups / 2 <= removals {
        others.sort_by_key(|set| Reverse(set.len()));
        Difference::Lookups(*first, others)
    } else {
        Difference::Removals(*first, others)
    }
}

fn removals(first: SetRef<'_>, others: &[SetRef<'_>], seed: u64, limits: Limits) -> NewSet {
    let mut result = NewSet::new(seed, limits);
    first.for_each(|member| {
        result.insert(member);
    });
    for other in others {
        if result.is_empty() {
            break;
        }
        other.for_each(|member| {
            result.remove(member);
        });
    }
    result
}

fn is_all_ints(sets: &[SetRef<'_>]) -> bool {
    sets.iter().all(|set| set.form() == Form::Ints)
}
