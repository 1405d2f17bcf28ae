//! The ends of a range by score or by member.

use std::cmp::Ordering;

/// One end of a range of scores; `value` is not NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    /// The score at this end.
    pub value: f64,
    /// Whether the score itself is outside of the range.
    pub exclusive: bool,
}

impl ScoreBound {
    /// A bound that belongs to its range.
    pub const fn inclusive(value: f64) -> Self {
        Self { value, exclusive: false }
    }

    /// A bound that stands just outside of its range.
    pub const fn exclusive(value: f64) -> Self {
        Self { value, exclusive: true }
    }

    /// Whether a score is in the range that begins here.
    pub fn admits_from_below(self, score: f64) -> bool {
        score > self.value || (!self.exclusive && score == self.value)
    }

    /// Whether a score is in the range that ends here.
    pub fn admits_from_above(self, score: f64) -> bool {
        score < self.value || (!self.exclusive && score == self.value)
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member.
    Min,
    /// After every member.
    Max,
    /// This member, inside of the range.
    Inclusive(&'a [u8]),
    /// This member, just outside of the range.
    Exclusive(&'a [u8]),
}

impl LexBound<'_> {
    /// Whether a member is in the range that begins here.
    pub fn admits_from_below(self, member: &[u8]) -> bool {
        match self {
            Self::Min => true,
            Self::Max => false,
            Self::Inclusive(bound) => member >= bound,
            Self::Exclusive(bound) => member > bound,
        }
    }

    /// Whether a member is in the range that ends here.
    pub fn admits_from_above(self, member: &[u8]) -> bool {
        match self {
            Self::Min => false,
            Self::Max => true,
            Self::Inclusive(bound) => member <= bound,
            Self::Exclusive(bound) => member < bound,
        }
    }

    /// Whether no member can stand between these two ends.
    pub fn excludes_all(min: LexBound<'_>, max: LexBound<'_>) -> bool {
        match (min, max) {
            (LexBound::Max, _) | (_, LexBound::Min) => true,
            (LexBound::Min, _) | (_, LexBound::Max) => false,
            (LexBound::Inclusive(low), LexBound::Inclusive(high)) => low > high,
            (
                LexBound::Inclusive(low) | LexBound::Exclusive(low),
                LexBound::Inclusive(high) | LexBound::Exclusive(high),
            ) => low.cmp(high) != Ordering::Less,
        }
    }
}
