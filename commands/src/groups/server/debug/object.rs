//! DEBUG OBJECT.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

pub(super) fn describe(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let key = words.key()?;
    let _fast = words.take_token("FAST");
    let slot = ctx.keys.find_untouched(&key).ok_or(Error::NoSuchKey)?;
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
