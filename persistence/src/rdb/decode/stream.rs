//! Streams: blocks of entries, counters, groups.

use std::borrow::Cow;

use keyspace::db::Value;
use keyspace::object::Object;
use keyspace::packed::Element;
use keyspace::stream::{self, Builder, Counters, Group, GroupBuilder, Id, Stream};

use super::super::format::kind;
use super::super::input::{Input, Malformed, Result};
use super::listpack::Listpack;

const BAD_BLOCK: Malformed = Malformed("Stream listpack integrity check failed.");
const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

impl From<stream::Malformed> for Malformed {
    fn from(why: stream::Malformed) -> Self {
        Self(why.0)
    }
}

pub(super) fn decode(kind: u8, input: &mut Input<'_>) -> Result<Value> {
    let mut builder = Builder::default();
    for _ in 0..input.count(2)? {
        let (own, bytes) = (input.string()?, input.string()?);
        let own = own.as_ref().try_into().map_err(|_| Malformed("a stream block whose id has another length"))?;
        push_block(&mut builder, id_of(own), &bytes)?;
    }
    let len = input.number()?;
    if len != builder.len() {
        return Err(Malformed("a stream with another number of entries than announced"));
    }
    let last_id = id(input)?;
    let counters = if kind == kind::STREAM_1 {
        Counters { last_id, max_deleted_id: Id::ZERO, entries_added: len }
    } else {
        // The first id is the first entry's.
        id(input)?;
        Counters { last_id, max_deleted_id: id(input)?, entries_added: input.number()? }
    };
    let mut stream = builder.finish(counters)?;
    for _ in 0..input.count(4)? {
        let name = input.string()?;
        let group = group(kind, input, &stream)?;
        if !stream.add_group(&name, group) {
            return Err(Malformed("a stream with two groups of one name"));
        }
    }
    Ok(Value::Object(Object::Stream(Box::new(stream))))
}

fn id(input: &mut Input<'_>) -> Result<Id> {
    Ok(Id::new(input.number()?, input.number()?))
}

/// An id in 16 bytes, the high ones first.
fn id_of(bytes: &[u8; 16]) -> Id {
    let number = u128::from_be_bytes(*bytes);
    Id::new((number >> 64) as u64, number as u64)
}

fn int<'a>(elements: &mut impl Iterator<Item = Element<'a>>) -> Result<i64> {
    match elements.next() {
        Some(Element::Int(int)) => Ok(int),
        _ => Err(BAD_BLOCK),
    }
}

fn count<'a>(elements: &mut impl Iterator<Item = Element<'a>>) -> Result<usize> {
    usize::try_from(int(elements)?).map_err(|_| BAD_BLOCK)
}

/// A block: how many entries live and how many were removed, the first one's field names, the entries.
fn push_block(builder: &mut Builder, own: Id, bytes: &[u8]) -> Result<()> {
    let row = Listpack::new(bytes).map_err(|_| BAD_BLOCK)?;
    let elements = &mut row.iter();
    let (live, deleted, fields) = (count(elements)?, count(elements)?, count(elements)?);
    if live.max(deleted).max(fields) > row.len {
        return Err(BAD_BLOCK);
    }
    let names: Vec<Cow<'_, [u8]>> = elements.by_ref().take(fields).map(|name| name.as_cow()).collect();
    if int(elements)? != 0 {
        return Err(BAD_BLOCK);
    }
    builder.block(own, names.iter().map(AsRef::as_ref), deleted as u32)?;
    let (mut live_left, mut deleted_left) = (live, deleted);
    for _ in 0..live + deleted {
        let flags = int(elements)?;
        let left = if flags & DELETED == 0 { &mut live_left } else { &mut deleted_left };
        *left = left.checked_sub(1).ok_or(BAD_BLOCK)?;
        push_entry(builder, own, flags, &names, elements, row.len)?;
    }
    if elements.next().is_some() { Err(BAD_BLOCK) } else { Ok(()) }
}

fn push_entry<'a>(
    builder: &mut Builder,
    own: Id,
    flags: i64,
    names: &[Cow<'_, [u8]>],
    elements: &mut impl Iterator<Item = Element<'a>>,
    len_max: usize,
) -> Result<()> {
    let (later_ms, later_seq) = (int(elements)?, int(elements)?);
    // Differences wrap around: an entry's number may be below the block's.
    let id = Id::new(own.ms.wrapping_add(later_ms as u64), own.seq.wrapping_add(later_seq as u64));
    let has_same_fields = flags & SAME_FIELDS != 0;
    let fields = if has_same_fields { names.len() } else { count(elements)? };
    if fields > len_max {
        return Err(BAD_BLOCK);
    }
    let mut words: Vec<Cow<'_, [u8]>> = Vec::with_capacity(2 * fields);
    let mut own_names = has_same_fields.then(|| names.iter());
    for _ in 0..fields {
        words.push(match own_names.as_mut().map(Iterator::next) {
            Some(name) => Cow::Borrowed(name.ok_or(BAD_BLOCK)?),
            None => elements.next().ok_or(BAD_BLOCK)?.as_cow(),
        });
        words.push(elements.next().ok_or(BAD_BLOCK)?.as_cow());
    }
    let parts = if has_same_fields { fields + 3 } else { 2 * fields + 4 };
    if int(elements)? != parts as i64 {
        return Err(BAD_BLOCK);
    }
    if flags & DELETED == 0 {
        builder.entry(id, words.iter().map(AsRef::as_ref))?;
    }
    Ok(())
}

fn group(kind: u8, input: &mut Input<'_>, stream: &Stream) -> Result<Group> {
    let last_id = id(input)?;
    let entries_read = match kind {
        kind::STREAM_1 => stream.log.entries_up_to(last_id),
        // -1: nobody knows.
        _ => Some(input.number()? as i64).filter(|read| *read >= 0),
    };
    let mut builder = GroupBuilder::new(last_id, entries_read);
    let pending = input.count(25)?;
    for _ in 0..pending {
        let (id, delivered_ms) = (id_of(&input.array()?), input.i64_le()?);
        builder.pending(id, delivered_ms, input.number()?)?;
    }
    let mut assigned = 0;
    for _ in 0..input.count(10)? {
        let (name, seen_ms) = (input.string()?, input.i64_le()?);
        let active_ms = match kind {
            kind::STREAM_3 => Some(input.i64_le()?).filter(|active_ms| *active_ms != -1),
            _ => Some(seen_ms),
        };
        let mut ids = Vec::new();
        for _ in 0..input.count(16)? {
            ids.push(id_of(&input.array()?));
        }
        assigned += ids.len();
        builder.consumer(&name, seen_ms, active_ms, ids.into_iter())?;
    }
    // Each has a consumer, as `finish` checks; so none has two.
    if assigned != pending {
        return Err(Malformed("an entry pending for two consumers"));
    }
    Ok(builder.finish()?)
}
