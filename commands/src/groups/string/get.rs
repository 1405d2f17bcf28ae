//! GET and GETDEL.

use commands_macros::command;
use keyspace::change::Event;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::Result;
use crate::reply;

/// Answers the string at a key.
#[command("GET", since = "1.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO | ACCESS)))]
pub(crate) fn get(ctx: &mut Ctx, key: Key) -> Result<()> {
    reply_string(ctx, &key).map(drop)
}

/// Answers the string at a key and removes the key.
#[command("GETDEL", since = "6.2.0", complexity = "O(1)", flags(WRITE | FAST), keys(KeySpec::one(1, RW | ACCESS | DELETE)))]
pub(crate) fn getdel(ctx: &mut Ctx, key: Key) -> Result<()> {
    if reply_string(ctx, &key)? && ctx.keys.remove(&key) {
        ctx.keys.changed(&key, Event::DEL);
        effect!(ctx, "DEL", key.bytes);
    }
    Ok(())
}

/// Writes the string at a key, or a null, as the reply; whether there is one.
#[inline(always)]
pub(super) fn reply_string(ctx: &mut Ctx, key: &Key) -> Result<bool> {
    let found = ctx.keys.string(key)?;
    let exists = found.is_some();
    match found {
        Some(text) => reply::text(ctx.out, text),
        None => ctx.out.null(),
    }
    Ok(exists)
}
