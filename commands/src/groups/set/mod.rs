//! Sets.

mod algebra;
mod members;
mod sadd;
mod scan;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod store;

use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::packed::Element;
use keyspace::set::Limits;
use resp::Writer;

use crate::ctx::Ctx;
use crate::node::Node;
use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &sadd::SADD,
    &members::SCARD,
    &algebra::SDIFF,
    &store::SDIFFSTORE,
    &algebra::SINTER,
    &algebra::SINTERCARD,
    &store::SINTERSTORE,
    &members::SISMEMBER,
    &members::SMEMBERS,
    &members::SMISMEMBER,
    &smove::SMOVE,
    &spop::SPOP,
    &srandmember::SRANDMEMBER,
    &srem::SREM,
    &scan::SSCAN,
    &algebra::SUNION,
    &store::SUNIONSTORE,
];

/// The events that more than one command of the group gives.
const SADD_EVENT: Event = set_event("sadd");
const SREM_EVENT: Event = set_event("srem");

/// An event of the set class.
const fn set_event(name: &'static str) -> Event {
    Event::new(Classes::SET, name)
}

/// The settings that shape a set.
#[inline]
fn limits(node: &Node) -> Limits {
    Limits {
        intset_entries_max: node.settings.set_max_intset_entries(),
        listpack_entries_max: node.settings.set_max_listpack_entries(),
        listpack_value_len_max: node.settings.set_max_listpack_value(),
    }
}

/// Records one event for `members` members that came or went; each counts as a change.
#[inline]
fn changed_by(ctx: &mut Ctx, key: &Key, event: Event, members: usize) {
    ctx.keys.changed(key, event);
    ctx.keys.tally.dirty += members.saturating_sub(1) as u64;
}

/// Writes a member as a bulk.
#[inline]
fn write_member(out: &mut Writer, member: Element<'_>) {
    match member {
        Element::Bytes(bytes) => out.bulk(bytes),
        Element::Int(int) => out.bulk_int(int),
    }
}
