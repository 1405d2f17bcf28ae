//! Streams: blocks of entries, counters, groups.

use keyspace::packed::Element;
use keyspace::stream::{BlockView, Group, Id, Stream};

use super::super::format::Version;
use super::super::output::{Row, Texts, push_number};

const OWN_FIELDS: i64 = 0;
const SAME_FIELDS: i64 = 2;
/// What stands where a number that nobody knows should stand.
const UNKNOWN: u64 = u64::MAX;

fn push_id(id: Id, out: &mut Vec<u8>) {
    push_number(id.ms, out);
    push_number(id.seq, out);
}

/// In 16 bytes, the high ones first.
fn push_raw_id(id: Id, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.ms.to_be_bytes());
    out.extend_from_slice(&id.seq.to_be_bytes());
}

pub(super) fn push(stream: &Stream, version: Version, texts: &mut Texts, row: &mut Row, out: &mut Vec<u8>) {
    let log = &stream.log;
    push_number(log.block_count() as u64, out);
    for block in log.blocks() {
        push_number(16, out);
        push_raw_id(block.id(), out);
        fill(row, block);
        texts.push_opaque(row.finish(), out);
    }
    push_number(log.len(), out);
    push_id(log.last_id, out);
    push_id(log.first_id(), out);
    push_id(log.max_deleted_id, out);
    push_number(log.entries_added, out);
    push_number(stream.groups().len() as u64, out);
    for (name, group) in stream.groups() {
        texts.push(name, out);
        push_group(group, version, texts, out);
    }
}

/// A block as a row. Entries that were removed are gone here, so none is counted.
fn fill(row: &mut Row, block: BlockView<'_>) {
    row.start();
    let names: Vec<Element<'_>> = block.names().collect();
    for number in [block.len(), 0, names.len()] {
        row.push(Element::Int(number as i64));
    }
    names.iter().for_each(|name| row.push(*name));
    row.push(Element::Int(0));
    for entry in block.entries() {
        let (id, fields) = (entry.id(), entry.fields());
        let count = fields.len();
        let has_same =
            count == names.len() && fields.clone().zip(&names).all(|((field, _), name)| is_same(field, *name));
        row.push(Element::Int(if has_same { SAME_FIELDS } else { OWN_FIELDS }));
        row.push(Element::Int(id.ms.wrapping_sub(block.id().ms) as i64));
        row.push(Element::Int(id.seq.wrapping_sub(block.id().seq) as i64));
        if !has_same {
            row.push(Element::Int(count as i64));
        }
        for (field, value) in fields {
            if !has_same {
                row.push(field);
            }
            row.push(value);
        }
        row.push(Element::Int(if has_same { count + 3 } else { 2 * count + 4 } as i64));
    }
}

fn is_same(a: Element<'_>, b: Element<'_>) -> bool {
    match (a, b) {
        (Element::Int(a), Element::Int(b)) => a == b,
        (Element::Bytes(a), Element::Bytes(b)) => a == b,
        _ => false,
    }
}

fn push_group(group: &Group, version: Version, texts: &mut Texts, out: &mut Vec<u8>) {
    push_id(group.last_id, out);
    push_number(group.entries_read.map_or(UNKNOWN, |read| read as u64), out);
    push_number(group.pending_count() as u64, out);
    for (id, pending) in group.pending_in(Id::ZERO, Id::MAX) {
        push_raw_id(*id, out);
        out.extend_from_slice(&pending.delivered_ms.to_le_bytes());
        push_number(pending.deliveries, out);
    }
    push_number(group.consumers().len() as u64, out);
    for consumer in group.consumers() {
        texts.push(consumer.name(), out);
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        if version >= Version::V11 {
            out.extend_from_slice(&consumer.active_ms.unwrap_or(-1).to_le_bytes());
        }
        push_number(consumer.pending_count() as u64, out);
        consumer.pending_from(Id::ZERO).for_each(|id| push_raw_id(id, out));
    }
}
