//! Lists.

mod edit;
mod lpos;
mod mpop;
mod pop;
mod push;
mod read;
mod relocate;

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::Args;
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::list::{End, Limits};
use keyspace::packed::Element;
use resp::Writer;

use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::spec::{ArgDoc, ArgType, Command};

pub(crate) const COMMANDS: &[&Command] = &[
    &relocate::BLMOVE,
    &mpop::BLMPOP,
    &pop::BLPOP,
    &pop::BRPOP,
    &relocate::BRPOPLPUSH,
    &read::LINDEX,
    &edit::LINSERT,
    &read::LLEN,
    &relocate::LMOVE,
    &mpop::LMPOP,
    &pop::LPOP,
    &lpos::LPOS,
    &push::LPUSH,
    &push::LPUSHX,
    &read::LRANGE,
    &edit::LREM,
    &edit::LSET,
    &edit::LTRIM,
    &pop::RPOP,
    &relocate::RPOPLPUSH,
    &push::RPUSH,
    &push::RPUSHX,
];

/// An event of the list class.
const fn list_event(name: &'static str) -> Event {
    Event::new(Classes::LIST, name)
}

fn pushed(end: End) -> Event {
    list_event(if end == End::Front { "lpush" } else { "rpush" })
}

fn popped(end: End) -> Event {
    list_event(if end == End::Front { "lpop" } else { "rpop" })
}

/// What shapes lists.
#[inline]
pub(crate) fn limits(node: &Node) -> Limits {
    Limits { fill: node.settings.list_max_listpack_size(), packed_threshold: node.list_packed_threshold.load(Relaxed) }
}

/// Writes an element as a bulk.
#[inline]
fn write_element(out: &mut Writer, element: Element<'_>) {
    match element {
        Element::Bytes(bytes) => out.bulk(bytes),
        Element::Int(int) => out.bulk_int(int),
    }
}

/// Records one change that counts as `weight` of them in `rdb_changes_since_last_save`, and the key's going.
#[inline]
fn changed(ctx: &mut Ctx, key: &Key, event: Event, weight: usize, gone: bool) {
    ctx.keys.changed_by(key, event, weight);
    if gone {
        ctx.keys.event(key, Event::DEL);
    }
}

/// An end as commands name it.
#[derive(Args, Clone, Copy)]
enum Place {
    Left,
    Right,
}

impl Place {
    fn end(self) -> End {
        match self {
            Self::Left => End::Front,
            Self::Right => End::Back,
        }
    }
}

/// An integer that is read only once the key is known to hold a list.
#[derive(Clone, Copy)]
struct LateInt<'a>(&'a [u8]);

impl<'a> Arg<'a> for LateInt<'a> {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        args.word().map(Self)
    }
}

impl LateInt<'_> {
    fn get(self) -> Result<i64> {
        base::number::parse_i64(self.0).ok_or(Error::NotAnInteger)
    }
}

/// An integer that is not the smallest one, so that it has a magnitude.
#[derive(Clone, Copy)]
struct SignedInt(i64);

impl<'a> Arg<'a> for SignedInt {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        match i64::take(args)? {
            i64::MIN => Err(Error::Plain(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            )),
            value => Ok(Self(value)),
        }
    }
}
