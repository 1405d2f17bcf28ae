//! GET.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Answers the string at a key.
#[command("GET", since = "1.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO | ACCESS)))]
pub(crate) fn get(ctx: &mut Ctx, key: Key) -> Result<()> {
    match ctx.keys.string(&key)? {
        Some(text) => reply::text(ctx.out, text),
        None => ctx.out.null(),
    }
    Ok(())
}
