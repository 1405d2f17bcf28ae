//! Hashes, with and without deadlines of fields.

use keyspace::db::Value;
use keyspace::hash::{Limits, NewHash};
use keyspace::packed::Element;

use super::super::format::{FIELD_DEADLINE_MAX, kind};
use super::super::input::{Input, Malformed, Result};
use super::listpack::Listpack;
use super::ziplist::{Ziplist, zipmap};
use super::{Context, Decoded, TWICE};

const ODD: Malformed = Malformed("a hash with a field without value");
const BAD_DEADLINE: Malformed = Malformed("a hash field whose deadline is none");

pub(super) fn decode<'a>(kind: u8, input: &mut Input<'_>, context: Context<'_>) -> Result<Decoded<'a>> {
    let value = match kind {
        kind::HASH => plain(input, context)?,
        kind::HASH_ZIPMAP => {
            let bytes = input.string()?;
            let pairs = zipmap(&bytes)?;
            let elements = pairs.iter().flat_map(|&(field, value)| [Element::Bytes(field), Element::Bytes(value)]);
            packed(2 * pairs.len(), elements, context.limits.hash, context)?
        }
        kind::HASH_ZIPLIST => {
            let bytes = input.string()?;
            let row = Ziplist::new(&bytes)?;
            packed(row.len, row.iter(), context.limits.hash, context)?
        }
        kind::HASH_LISTPACK => {
            let bytes = input.string()?;
            let row = Listpack::new(&bytes)?;
            packed(row.len, row.iter(), as_packed(context), context)?
        }
        kind::HASH_DEADLINES_VALKEY if context.is_valkey => return with_valkey_deadlines(input, context),
        kind::HASH_DEADLINES | kind::HASH_DEADLINES_PRE_GA => return with_deadlines(kind, input, context),
        _ => {
            if kind == kind::HASH_LISTPACK_DEADLINES {
                // The earliest deadline stands in the row as well.
                input.i64_le()?;
            }
            return packed_with_deadlines(&input.string()?, context);
        }
    };
    Ok(Decoded::of(value))
}

/// What was packed elsewhere stays so, however long its fields are.
fn as_packed(context: Context<'_>) -> Limits {
    Limits { value_len_max: usize::MAX, ..context.limits.hash }
}

fn plain(input: &mut Input<'_>, context: Context<'_>) -> Result<Option<Value>> {
    let count = input.count(2)?;
    let mut hash = NewHash::new(count, context.seed, context.limits.hash);
    for _ in 0..count {
        let (field, value) = (input.string()?, input.string()?);
        if !hash.push(Element::Bytes(&field), Element::Bytes(&value), None) {
            return Err(TWICE);
        }
    }
    Ok(hash.into_value())
}

/// Fields and values in turn.
fn packed<'a>(
    len: usize,
    mut elements: impl Iterator<Item = Element<'a>>,
    limits: Limits,
    context: Context<'_>,
) -> Result<Option<Value>> {
    if !len.is_multiple_of(2) {
        return Err(ODD);
    }
    let mut hash = NewHash::new(len / 2, context.seed, limits);
    while let (Some(field), Some(value)) = (elements.next(), elements.next()) {
        if !hash.push(field, value, None) {
            return Err(TWICE);
        }
    }
    Ok(hash.into_value())
}

/// Adds a field. One whose deadline has passed comes in too, as in Redis: a log that follows the file may have taken
/// its deadline away in time, and its end is to be counted and told.
fn push(hash: &mut NewHash, field: Element<'_>, value: Element<'_>, deadline_ms: Option<i64>) -> Result<()> {
    if deadline_ms.is_some_and(|at| !(1..=FIELD_DEADLINE_MAX).contains(&at)) {
        return Err(BAD_DEADLINE);
    }
    if hash.push(field, value, deadline_ms) { Ok(()) } else { Err(TWICE) }
}

fn with_deadlines<'a>(kind: u8, input: &mut Input<'_>, context: Context<'_>) -> Result<Decoded<'a>> {
    let earliest = if kind == kind::HASH_DEADLINES { input.i64_le()? } else { 1 };
    let count = input.count(3)?;
    let mut hash = NewHash::new(count, context.seed, context.limits.hash);
    for _ in 0..count {
        let deadline_ms = match input.number()? {
            0 => None,
            // Counted from the earliest one, which is 1.
            later => {
                Some(i64::try_from(later).ok().and_then(|later| earliest.checked_add(later - 1)).ok_or(BAD_DEADLINE)?)
            }
        };
        let (field, value) = (input.string()?, input.string()?);
        push(&mut hash, Element::Bytes(&field), Element::Bytes(&value), deadline_ms)?;
    }
    Ok(Decoded::of(hash.into_value()))
}

/// Each field with its deadline behind it, -1 for none.
fn with_valkey_deadlines<'a>(input: &mut Input<'_>, context: Context<'_>) -> Result<Decoded<'a>> {
    let count = input.count(10)?;
    let mut hash = NewHash::new(count, context.seed, context.limits.hash);
    for _ in 0..count {
        let (field, value, deadline_ms) = (input.string()?, input.string()?, input.i64_le()?);
        let deadline_ms = (deadline_ms != -1).then_some(deadline_ms);
        push(&mut hash, Element::Bytes(&field), Element::Bytes(&value), deadline_ms)?;
    }
    Ok(Decoded::of(hash.into_value()))
}

/// Fields, values and deadlines in turn, the earliest deadline first and those without (0) last.
fn packed_with_deadlines<'a>(bytes: &[u8], context: Context<'_>) -> Result<Decoded<'a>> {
    let row = Listpack::new(bytes)?;
    if !row.len.is_multiple_of(3) {
        return Err(ODD);
    }
    let mut hash = NewHash::new(row.len / 3, context.seed, as_packed(context));
    hash.admit_deadlines();
    let (mut elements, mut last) = (row.iter(), 1);
    while let (Some(field), Some(value), Some(deadline)) = (elements.next(), elements.next(), elements.next()) {
        let Element::Int(deadline_ms) = deadline else { return Err(BAD_DEADLINE) };
        let is_ordered = last != 0 && deadline_ms >= last || deadline_ms == 0;
        if !is_ordered {
            return Err(Malformed("a hash whose fields are not in the order of their deadlines"));
        }
        last = deadline_ms;
        push(&mut hash, field, value, (deadline_ms != 0).then_some(deadline_ms))?;
    }
    Ok(Decoded::of(hash.into_value()))
}
