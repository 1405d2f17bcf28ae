//! The range that BITCOUNT and BITPOS take, and the bits that it means.

use std::ops::Range;

use commands_macros::Args;

use crate::args::{Arg, Args, OneOf};
use crate::error::{Error, Result};
use crate::spec::ArgDoc;

/// What the places of a range count.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    Byte,
    Bit,
}

/// The unit's node in COMMAND DOCS.
pub(super) const UNIT: ArgDoc = ArgDoc::one_of("unit", <Unit as OneOf>::DOCS).since("7.0.0").optional();

impl Unit {
    /// Reads the unit at the end of a range, where one stands.
    pub(super) fn take(args: &mut Args) -> Result<Self> {
        if args.is_empty() {
            return Ok(Self::Byte);
        }
        Unit::take_if(args)?.ok_or(Error::Syntax)
    }
}

/// First and last place, negative ones from the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) unit: Unit,
}

impl Places {
    /// All of a string.
    pub(super) const ALL: Self = Self { first: 0, last: -1, unit: Unit::Byte };

    /// The bits that are meant in a string of `len` bytes.
    pub(super) fn bits(self, len: usize) -> Range<usize> {
        let unit_bits = if self.unit == Unit::Bit { 1 } else { 8 };
        // A string is shorter than 2^60 bytes.
        let total = (len * 8 / unit_bits) as i64;
        let from_start = |at: i64| if at < 0 { at.saturating_add(total).max(0) } else { at };
        let (first, last) = (from_start(self.first), from_start(self.last).min(total - 1));
        if first > last {
            return 0..0;
        }
        first as usize * unit_bits..(last as usize + 1) * unit_bits
    }
}

/// Reads an integer of a range.
pub(super) fn place(args: &mut Args) -> Result<i64> {
    <i64 as Arg>::take(args)
}
