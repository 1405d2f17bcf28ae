//! DEBUG OBJECT and LISTPACK.

use settings::LogLevel;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

pub(super) fn describe(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let key = words.key()?;
    let _fast = words.take_token("FAST");
    // It is for looking at what is stored, also when its time is over.
    let slot = ctx.keys.find_stored(&key).ok_or(Error::NoSuchKey)?;
    let (now_seconds, db) = ((ctx.now_ms() / 1000) as u32 & 0x00FF_FFFF, ctx.keys.db(key.hash));
    let Some(db) = db else { return Err(Error::NoSuchKey) };
    let entry = db.entry(slot);
    let line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.value().as_ptr(),
        db.encoding(slot),
        entry.value().len() + db.value_bytes(slot),
        entry.clock(),
        now_seconds.wrapping_sub(entry.clock()) & 0x00FF_FFFF,
    );
    ctx.out.simple(&line);
    Ok(())
}

/// Larger values are shown up to here.
const SHOWN_MAX: usize = 4096;

pub(super) fn list_packed(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let key = words.key()?;
    let slot = ctx.keys.find_untouched(&key).ok_or(Error::NoSuchKey)?;
    let Some(db) = ctx.keys.db(key.hash) else { return Err(Error::NoSuchKey) };
    let encoding = db.encoding(slot);
    if !matches!(encoding, "listpack" | "listpackex") {
        return Err(Error::Plain("ERR Not a listpack encoded object."));
    }
    let value = db.entry(slot).value();
    let (len, shown) = (value.len(), value[..value.len().min(SHOWN_MAX)].escape_ascii());
    let text = format!("DEBUG LISTPACK {}: {encoding} of {len} bytes: {shown}", key.bytes.escape_ascii());
    ctx.node.host().log(LogLevel::Notice, &text);
    ctx.out.simple("Listpack structure printed to the log");
    Ok(())
}
