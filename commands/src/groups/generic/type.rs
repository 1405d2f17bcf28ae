//! TYPE.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::Simple;

/// Answers the type of the value at a key.
#[command("TYPE", since = "1.0.0", complexity = "O(1)", flags(READONLY | FAST), keys(KeySpec::one(1, RO | VALUELESS)))]
pub(crate) fn r#type(ctx: &mut Ctx, key: Key) -> Result<Simple> {
    let slot = ctx.keys.find_unclocked(&key);
    Ok(Simple(slot.map_or("none", |slot| ctx.keys.entry(&key, slot).kind().type_of().name())))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn names_the_type() {
        check("> SET k v\nOK\n> TYPE k\nstring\n> TYPE nokey\nnone");
    }
}
