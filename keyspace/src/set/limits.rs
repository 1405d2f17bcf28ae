//! Which form a set takes, by the rules of Redis.
//!
//! A set starts in the form that its first member and the number of members announced with it call for, and
//! moves to a larger form when a member does not fit. It never moves back, except where a command builds
//! the set anew.

use crate::{intset, string};

/// The settings that shape a set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `set-max-intset-entries`
    pub intset_entries_max: usize,
    /// `set-max-listpack-entries`
    pub listpack_entries_max: usize,
    /// `set-max-listpack-value`
    pub listpack_value_len_max: usize,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Self {
        Self { intset_entries_max: 512, listpack_entries_max: 128, listpack_value_len_max: 64 }
    }
}

/// A set's form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Ints,
    Packed,
    Large,
}

/// Blobs stay below this whatever the settings say: an entry's lengths have 32 bits.
const BLOB_LEN_MAX: usize = 1 << 30;

impl Limits {
    /// The form of a new set whose first member is `first` when `expected` members are announced.
    pub(super) fn first_form(&self, first: &[u8], expected: usize) -> Form {
        if expected <= self.ints_max() && string::as_int(first).is_some() {
            Form::Ints
        } else if expected <= self.listpack_entries_max {
            Form::Packed
        } else {
            Form::Large
        }
    }

    /// Whether a set of `form` becomes large because `expected` more members are announced, new or not.
    pub(super) fn outgrown(&self, form: Form, expected: usize) -> bool {
        match form {
            Form::Ints => expected > self.ints_max(),
            Form::Packed => expected > self.listpack_entries_max,
            Form::Large => false,
        }
    }

    /// How many members a set of integers may have.
    pub(super) fn ints_max(&self) -> usize {
        self.intset_entries_max.min(BLOB_LEN_MAX / 8)
    }

    /// Whether `count` packed members in `blob_len` bytes may take one more of `len` bytes.
    pub(super) fn packed_admits(&self, count: usize, blob_len: usize, len: usize) -> bool {
        count < self.listpack_entries_max && len <= self.listpack_value_len_max && blob_len + len < BLOB_LEN_MAX
    }

    /// Whether a set of integers may become a packed one to take a member of `len` bytes.
    pub(super) fn ints_may_pack(&self, ints: &[u8], len: usize) -> bool {
        let count = intset::len(ints);
        let digits = |index| intset::get(ints, index).map_or(0, base::number::digits);
        let widest = digits(0).max(digits(count.saturating_sub(1)));
        // Each integer takes at most 9 bytes when packed.
        widest <= self.listpack_value_len_max && self.packed_admits(count, count.saturating_mul(9), len)
    }
}
