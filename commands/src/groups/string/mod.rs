//! Strings.

mod append;
mod compare;
mod get;
mod getex;
mod getrange;
mod incr;
mod lcs;
mod mget;
mod mset;
mod msetex;
mod set;
mod setex;
mod setrange;
mod strlen;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &append::APPEND,
    &incr::DECR,
    &incr::DECRBY,
    &compare::DELEX,
    &compare::DELIFEQ,
    &compare::DIGEST,
    &get::GET,
    &get::GETDEL,
    &getex::GETEX,
    &getrange::GETRANGE,
    &set::GETSET,
    &incr::INCR,
    &incr::INCRBY,
    &incr::INCRBYFLOAT,
    &lcs::LCS,
    &mget::MGET,
    &mset::MSET,
    &msetex::MSETEX,
    &mset::MSETNX,
    &setex::PSETEX,
    &set::SET,
    &setex::SETEX,
    &set::SETNX,
    &setrange::SETRANGE,
    &strlen::STRLEN,
    &getrange::SUBSTR,
];

/// The event of each write.
pub(crate) const SET_EVENT: keyspace::change::Event = string_event("set");

/// An event of the string class.
pub(crate) const fn string_event(name: &'static str) -> keyspace::change::Event {
    keyspace::change::Event::new(keyspace::change::Classes::STRING, name)
}

/// Refuses a string that would become longer than a client may send.
fn check_len(ctx: &Ctx, len: usize, more: usize) -> Result<()> {
    let total = len.checked_add(more).and_then(|total| u64::try_from(total).ok());
    match total {
        Some(total) if total <= ctx.node.string_len_max() => Ok(()),
        _ => Err(Error::Plain("ERR string exceeds maximum allowed size (proto-max-bulk-len)")),
    }
}
