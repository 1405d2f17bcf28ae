//! MSET.

use commands_macros::command;
use keyspace::keys::Key;

use super::SET_EVENT;
use crate::args::{Many, Pair};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

/// A value to be stored.
type Value<'a> = &'a [u8];

/// Sets several keys at once; nobody sees some of them set and others not.
#[command(
    "MSET",
    since = "1.0.1",
    complexity = "O(N) where N is the number of keys to set.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::range(1, -1, 2, OW | UPDATE)),
    tips("request_policy:multi_shard", "response_policy:all_succeeded")
)]
pub(crate) fn mset(ctx: &mut Ctx, data: Many<Pair<Key, Value>>) -> Result<Done> {
    if !data.words().len().is_multiple_of(2) {
        return Err(Error::Arity);
    }
    for pair in data.iter() {
        let Pair(key, value) = pair?;
        ctx.keys.set_string(&key, value, None);
        ctx.keys.changed(&key, SET_EVENT);
    }
    Ok(Done)
}
