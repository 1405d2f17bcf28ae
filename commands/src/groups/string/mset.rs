//! MSET and MSETNX.

use commands_macros::command;
use keyspace::keys::Key;

use super::SET_EVENT;
use crate::args::{Many, Pair, Value};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

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
    whole_pairs(&data)?;
    set_all(ctx, &data)?;
    Ok(Done)
}

/// Sets several keys at once, unless one of them is there already; answers whether it did.
#[command(
    "MSETNX",
    since = "1.0.1",
    complexity = "O(N) where N is the number of keys to set.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::range(1, -1, 2, OW | INSERT))
)]
pub(crate) fn msetnx(ctx: &mut Ctx, data: Many<Pair<Key, Value>>) -> Result<bool> {
    whole_pairs(&data)?;
    for pair in data.iter() {
        if ctx.keys.exists(&pair?.0) {
            return Ok(false);
        }
    }
    set_all(ctx, &data)?;
    Ok(true)
}

fn whole_pairs(data: &Many<Pair<Key, Value>>) -> Result<()> {
    if data.words().len().is_multiple_of(2) { Ok(()) } else { Err(Error::Arity) }
}

fn set_all(ctx: &mut Ctx, data: &Many<Pair<Key, Value>>) -> Result<()> {
    for pair in data.iter() {
        let Pair(key, Value(value)) = pair?;
        ctx.keys.set_string(&key, value, None);
        ctx.keys.changed(&key, SET_EVENT);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn all_or_nothing() {
        check(
            r#"
            > MSETNX a 1 b 2
            (integer) 1
            > MSETNX c 3 b 4
            (integer) 0
            > MGET a b c
            1) "1"
            2) "2"
            3) (nil)
            > MSETNX d 1 d 2
            (integer) 1
            > GET d
            "2"
            > MSET a 1 b
            (error) ERR wrong number of arguments for 'mset' command
            > MSETNX a 1 b
            (error) ERR wrong number of arguments for 'msetnx' command
            "#,
        );
    }
}
