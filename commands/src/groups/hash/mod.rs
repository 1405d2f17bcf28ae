//! Hashes.
//!
//! A field whose deadline has passed is invisible; it goes when a command comes upon it (`expired`), or by the
//! expiry cycle.

mod deadline;
mod expired;
mod fields;
mod hdel;
mod hexpire;
mod hget;
mod hgetall;
mod hgetdel;
mod hgetex;
mod hincrby;
mod hlen;
mod hmget;
mod hpersist;
mod hrandfield;
mod hscan;
mod hset;
mod hsetex;
mod httl;

use keyspace::change::{Classes, Event};
use keyspace::hash::Limits;

use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, Command};

pub(crate) const COMMANDS: &[&Command] = &[
    &hdel::HDEL,
    &hget::HEXISTS,
    &hexpire::HEXPIRE,
    &hexpire::HEXPIREAT,
    &httl::HEXPIRETIME,
    &hget::HGET,
    &hgetall::HGETALL,
    &hgetdel::HGETDEL,
    &hgetex::HGETEX,
    &hincrby::HINCRBY,
    &hincrby::HINCRBYFLOAT,
    &hgetall::HKEYS,
    &hlen::HLEN,
    &hmget::HMGET,
    &hset::HMSET,
    &hpersist::HPERSIST,
    &hexpire::HPEXPIRE,
    &hexpire::HPEXPIREAT,
    &httl::HPEXPIRETIME,
    &httl::HPTTL,
    &hrandfield::HRANDFIELD,
    &hscan::HSCAN,
    &hset::HSET,
    &hsetex::HSETEX,
    &hset::HSETNX,
    &hget::HSTRLEN,
    &httl::HTTL,
    &hgetall::HVALS,
];

const SET_EVENT: Event = hash_event("hset");
const DELETE_EVENT: Event = hash_event("hdel");
const EXPIRE_EVENT: Event = hash_event("hexpire");
const PERSIST_EVENT: Event = hash_event("hpersist");

/// An event of the hash class.
const fn hash_event(name: &'static str) -> Event {
    Event::new(Classes::HASH, name)
}

/// Up to where a hash stays small now.
#[inline]
fn limits(ctx: &Ctx<'_>) -> Limits {
    let settings = &ctx.node.settings;
    Limits { entries_max: settings.hash_max_listpack_entries(), value_len_max: settings.hash_max_listpack_value() }
}

/// A field's name.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a>(&'a [u8]);

impl<'a> Arg<'a> for Field<'a> {
    const DOC: ArgDoc = <&[u8]>::DOC.named("field");

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        args.word().map(Self)
    }
}
