//! What a search compares with: a full key, a score, a member.

use super::{Handle, Members};

/// A place in the order, between two keys.
pub(crate) trait Probe {
    /// How many of these ascending keys stand before the place.
    fn partition(&self, scores: &[f64], handles: &[Handle]) -> usize;
}

/// Before the key (score, member). Members are read only among equal scores.
pub(super) struct BeforeKey<'a, M> {
    pub(super) score: f64,
    pub(super) member: &'a [u8],
    pub(super) members: &'a M,
}

impl<M: Members> Probe for BeforeKey<'_, M> {
    fn partition(&self, scores: &[f64], handles: &[Handle]) -> usize {
        let ties = scores.partition_point(|&score| score < self.score);
        if scores.get(ties).is_none_or(|&score| score > self.score) {
            return ties;
        }
        let past = ties + scores[ties..].partition_point(|&score| score <= self.score);
        ties + handles[ties..past].partition_point(|&handle| self.members.member(handle) < self.member)
    }
}

/// Before all entries of a score.
pub(crate) struct BeforeScore(pub(crate) f64);

impl Probe for BeforeScore {
    fn partition(&self, scores: &[f64], _: &[Handle]) -> usize {
        scores.partition_point(|&score| score < self.0)
    }
}

/// After all entries of a score.
pub(crate) struct AfterScore(pub(crate) f64);

impl Probe for AfterScore {
    fn partition(&self, scores: &[f64], _: &[Handle]) -> usize {
        scores.partition_point(|&score| score <= self.0)
    }
}

/// Before or after a member, in a tree whose scores are all equal.
pub(crate) struct ByMember<'a, M> {
    pub(crate) member: &'a [u8],
    pub(crate) after: bool,
    pub(crate) members: &'a M,
}

impl<M: Members> Probe for ByMember<'_, M> {
    fn partition(&self, _: &[f64], handles: &[Handle]) -> usize {
        handles.partition_point(|&handle| {
            let member = self.members.member(handle);
            member < self.member || (self.after && member == self.member)
        })
    }
}
