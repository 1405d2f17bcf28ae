//! Streams.

mod ack;
mod add;
mod claim;
mod delete;
mod effect;
mod group;
mod id;
mod info;
mod pending;
mod range;
mod read;
mod setid;
mod trim;

use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::stream::{Entry, Id, IdText, Limits};
use resp::Writer;

use crate::error::Error;
use crate::node::Node;
use crate::reply;
use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &ack::XACK,
    &ack::XACKDEL,
    &add::XADD,
    &claim::XAUTOCLAIM,
    &claim::XCLAIM,
    &delete::XDEL,
    &delete::XDELEX,
    &group::XGROUP,
    &info::XINFO,
    &range::XLEN,
    &pending::XPENDING,
    &range::XRANGE,
    &read::XREAD,
    &read::XREADGROUP,
    &range::XREVRANGE,
    &setid::XSETID,
    &trim::XTRIM,
];

/// An event of the stream class.
const fn stream_event(name: &'static str) -> Event {
    Event::new(Classes::STREAM, name)
}

/// What bounds the blocks of streams.
#[inline]
fn limits(node: &Node) -> Limits {
    Limits { node_bytes: node.settings.stream_node_max_bytes(), node_entries: node.settings.stream_node_max_entries() }
}

#[inline]
fn write_id(out: &mut Writer, id: Id) {
    out.bulk(IdText::default().spell(id));
}

/// An id and its fields with their values.
#[inline]
fn write_entry(out: &mut Writer, entry: &Entry<'_>) {
    out.array(2);
    write_id(out, entry.id());
    let fields = entry.fields();
    out.array(fields.len() * 2);
    for (name, value) in fields {
        reply::element(out, name);
        reply::element(out, value);
    }
}

/// The error of a command that needs a group.
fn no_group(key: &Key, group: &[u8]) -> Error {
    let text = String::from_utf8_lossy;
    Error::text(format!("NOGROUP No such key '{}' or consumer group '{}'", text(key.bytes), text(group)))
}

/// As `no_group`, of the commands that look for the key first.
fn no_group_of_key(key: &Key, group: &[u8]) -> Error {
    let text = String::from_utf8_lossy;
    Error::text(format!("NOGROUP No such consumer group '{}' for key name '{}'", text(group), text(key.bytes)))
}
