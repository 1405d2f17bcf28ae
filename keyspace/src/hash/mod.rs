//! Hashes: fields with values, each field with a deadline of its own where it was given one.
//!
//! A small hash is a blob inside its entry (`small`), a large one a table with a slab (`large`). It grows from
//! one to the other by [`Limits`] and never back, as in Redis. Commands see neither: they read through
//! [`HashRef`] and write through [`HashMut`].
//!
//! # Invariants
//! - No stored hash is empty: the key goes with its last field.
//! - A field whose deadline has passed is invisible at once; its bytes go when it is written to or by
//!   [`crate::keys::Keys::expire_fields`].
//! - Every hash with field deadlines stands in its table's [`schedule`] under the earliest of them.

mod build;
mod edit;
mod keys;
mod large;
mod record;
pub(crate) mod schedule;
mod small;
#[cfg(test)]
mod tests;
mod view;

pub use build::NewHash;
pub use edit::HashMut;
pub use keys::ExpiredFields;
pub use large::Hash;
pub use view::{Field, HashRef};

/// Up to where a hash stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `hash-max-listpack-entries`
    pub entries_max: usize,
    /// `hash-max-listpack-value`, for fields and values alike.
    pub value_len_max: usize,
}

impl Limits {
    fn admit(self, field: &[u8], value: &[u8]) -> bool {
        field.len().max(value.len()) <= self.value_len_max
    }
}

/// What a write does to a field's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// The field no longer expires (HSET).
    Clear,
    /// It expires when it did before (HINCRBY, KEEPTTL).
    Keep,
    /// It expires at this time, unix milliseconds.
    At(i64),
}

impl Deadline {
    /// The field's new deadline; `old` is the one it has.
    fn after(self, old: Option<i64>) -> Option<i64> {
        match self {
            Self::Clear => None,
            Self::Keep => old,
            Self::At(deadline_ms) => Some(storable(deadline_ms)),
        }
    }
}

/// 0 means "none" where deadlines are stored; what is that long past may as well be 1.
fn storable(deadline_ms: i64) -> i64 {
    deadline_ms.max(1)
}

/// Whether a deadline has passed.
fn has_passed(deadline_ms: Option<i64>, unix_ms: i64) -> bool {
    deadline_ms.is_some_and(|at| at <= unix_ms)
}

/// What a write found at its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No such field.
    Nothing,
    /// A field whose deadline has passed: nothing, as far as clients know.
    Expired,
    /// A field.
    Live,
}

impl Found {
    fn with_deadline(deadline_ms: Option<i64>, unix_ms: i64) -> Self {
        if has_passed(deadline_ms, unix_ms) { Self::Expired } else { Self::Live }
    }
}
