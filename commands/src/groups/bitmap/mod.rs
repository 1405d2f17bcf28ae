//! Strings as arrays of bits; bit 0 is the highest of the first byte.

mod bit;
mod bitcount;
mod bitfield;
mod bitop;
mod bitpos;
mod popcount;
mod range;

use keyspace::change::Event;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType, Command};

pub(crate) const COMMANDS: &[&Command] = &[
    &bitcount::BITCOUNT,
    &bitfield::BITFIELD,
    &bitfield::BITFIELD_RO,
    &bitop::BITOP,
    &bitpos::BITPOS,
    &bit::GETBIT,
    &bit::SETBIT,
];

const KEY: ArgDoc = ArgDoc::new("key", ArgType::Key).key_spec(0);

const SETBIT_EVENT: Event = super::string::string_event("setbit");

/// A place in the longest string that there may be; behind `#` places are counted in steps of `step` bits.
fn bit_offset(ctx: &Ctx, word: &[u8], step: Option<u32>) -> Result<usize> {
    let (word, step) = match (word, step) {
        ([b'#', index @ ..], Some(step)) => (index, i64::from(step)),
        _ => (word, 1),
    };
    let offset = base::number::parse_i64(word).and_then(|offset| offset.checked_mul(step));
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset
        .filter(|offset| offset / 8 < ctx.node.string_len_max())
        .and_then(|offset| usize::try_from(offset).ok())
        .ok_or(Error::Plain("ERR bit offset is not an integer or out of range"))
}
