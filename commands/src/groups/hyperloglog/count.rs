//! PFCOUNT.

use commands_macros::command;
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::string::FoundString;

use super::merge::merge_all;
use super::{estimate, object};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// That an estimate was kept is a change of the key, and none that subscribers hear of.
const KEPT_EVENT: Event = Event::new(Classes(0), "pfcount");

/// Answers an estimate of how many different elements were added to the HyperLogLogs at some keys, taken together.
#[command(
    "PFCOUNT",
    since = "2.8.9",
    complexity = "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.",
    flags(READONLY | MAY_REPLICATE),
    keys(KeySpec::range(1, -1, 1, RW | ACCESS).notes("RW because it may change the internal representation of the key, and propagate to replicas"))
)]
pub(crate) fn pfcount(ctx: &mut Ctx, key: Many<Key>) -> Result<i64> {
    let mut keys = key.words().keys();
    if let (Some(key), None) = (keys.next(), keys.next()) {
        return count_one(ctx, &key);
    }
    let (registers, _) = merge_all(ctx, key.words().keys())?;
    Ok(estimate::of_registers(&registers) as i64)
}

fn count_one(ctx: &mut Ctx, key: &Key) -> Result<i64> {
    let Some(slot) = ctx.keys.find(key) else { return Ok(0) };
    let hll = ctx.keys.string_at(key, slot)?;
    let encoding = object::encoding(&hll)?;
    if let Some(estimate) = object::cached_estimate(&hll) {
        return Ok(estimate as i64);
    }
    let (estimate, len) = (estimate::of(&hll, encoding)?, hll.len());
    object::cache_estimate(ctx.keys.string_mut(key, Some(FoundString { slot, len }), 0), estimate);
    ctx.keys.changed(key, KEPT_EVENT);
    // A command that only reads leaves no effect by itself.
    ctx.say_own_words();
    Ok(estimate as i64)
}
