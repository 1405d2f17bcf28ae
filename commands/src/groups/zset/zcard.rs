//! ZCARD.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers how many members a sorted set has.
#[command("ZCARD", since = "1.2.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO)))]
pub(crate) fn zcard(ctx: &mut Ctx, key: Key) -> Result<usize> {
    Ok(ctx.keys.zset(&key)?.map_or(0, |set| set.len()))
}
