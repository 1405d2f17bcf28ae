//! DEBUG POPULATE.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// More would not come from a test, but from a slip.
const COUNT_MAX: i64 = 1 << 32;
const SIZE_MAX: i64 = 512 << 20;

pub(super) fn populate(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let number = |word: &[u8], max: i64| {
        let number = base::number::parse_i64(word).filter(|number| (0..=max).contains(number));
        number.ok_or(Error::Plain("ERR value is out of range, must be positive"))
    };
    let count = number(words.word()?, COUNT_MAX)?;
    let prefix = if words.is_empty() { &b"key"[..] } else { words.word()? };
    let size = if words.is_empty() { None } else { Some(number(words.word()?, SIZE_MAX)? as usize) };
    for index in 0..count {
        let name = [prefix, format!(":{index}").as_bytes()].concat();
        let key = ctx.keys.key(&name);
        if ctx.keys.exists(&key) {
            continue;
        }
        let mut value = format!("value:{index}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        ctx.keys.set_string(&key, &value, None);
    }
    ctx.out.ok();
    Ok(())
}
