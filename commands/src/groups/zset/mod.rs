//! Sorted sets.

mod algebra;
mod bounds;
mod bzpop;
mod query;
mod zadd;
mod zcard;
mod zcount;
mod zdiff;
mod zinter;
mod zpop;
mod zrandmember;
mod zrange;
mod zrank;
mod zrem;
mod zremrange;
mod zscan;
mod zscore;
mod zunion;

use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::packed::Element;
use keyspace::zset::Limits;
use resp::Writer;

use crate::ctx::Ctx;
use crate::node::Node;
use crate::spec::Command;

pub(super) use algebra::store;
pub(super) use zadd::ZADD_EVENT;

pub(crate) const COMMANDS: &[&Command] = &[
    &bzpop::BZMPOP,
    &bzpop::BZPOPMAX,
    &bzpop::BZPOPMIN,
    &zadd::ZADD,
    &zcard::ZCARD,
    &zcount::ZCOUNT,
    &zdiff::ZDIFF,
    &zdiff::ZDIFFSTORE,
    &zadd::ZINCRBY,
    &zinter::ZINTER,
    &zinter::ZINTERCARD,
    &zinter::ZINTERSTORE,
    &zcount::ZLEXCOUNT,
    &zpop::ZMPOP,
    &zscore::ZMSCORE,
    &zpop::ZPOPMAX,
    &zpop::ZPOPMIN,
    &zrandmember::ZRANDMEMBER,
    &zrange::ZRANGE,
    &zrange::ZRANGEBYLEX,
    &zrange::ZRANGEBYSCORE,
    &zrange::ZRANGESTORE,
    &zrank::ZRANK,
    &zrem::ZREM,
    &zremrange::ZREMRANGEBYLEX,
    &zremrange::ZREMRANGEBYRANK,
    &zremrange::ZREMRANGEBYSCORE,
    &zrange::ZREVRANGE,
    &zrange::ZREVRANGEBYLEX,
    &zrange::ZREVRANGEBYSCORE,
    &zrank::ZREVRANK,
    &zscan::ZSCAN,
    &zscore::ZSCORE,
    &zunion::ZUNION,
    &zunion::ZUNIONSTORE,
];

/// An event of the sorted sets' class.
pub(super) const fn zset_event(name: &'static str) -> Event {
    Event::new(Classes::ZSET, name)
}

/// The settings that shape sorted sets.
pub(super) fn limits(node: &Node) -> Limits {
    Limits {
        entries_max: node.settings.zset_max_listpack_entries(),
        value_len_max: node.settings.zset_max_listpack_value(),
    }
}

/// Records that `count` members of a sorted set were modified, and whether the last one went, and the key with it.
pub(super) fn modified(ctx: &mut Ctx, key: &Key, event: Event, count: usize, is_gone: bool) {
    ctx.keys.changed(key, event);
    // Each member counts as a change of its own.
    ctx.keys.tally.dirty += count as u64 - 1;
    if is_gone {
        ctx.keys.event(key, Event::DEL);
    }
}

/// Writes a member.
#[inline]
pub(super) fn write_member(out: &mut Writer, member: Element<'_>) {
    match member {
        Element::Bytes(bytes) => out.bulk(bytes),
        Element::Int(int) => out.bulk_int(int),
    }
}

/// Writes the header of `count` members, with scores or without: RESP3 has a pair for each, RESP2 a flat list.
fn write_header(out: &mut Writer, count: usize, with_scores: bool) {
    let is_flat = with_scores && out.proto() == resp::Proto::Resp2;
    out.array(if is_flat { count * 2 } else { count });
}

/// Writes a member below such a header.
#[inline]
fn write_entry(out: &mut Writer, member: Element<'_>, score: f64, with_scores: bool) {
    if !with_scores {
        return write_member(out, member);
    }
    if out.proto() == resp::Proto::Resp3 {
        out.array(2);
    }
    write_member(out, member);
    out.double(score);
}
