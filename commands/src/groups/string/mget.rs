//! MGET.

use commands_macros::command;
use keyspace::keys::Key;

use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Answers the strings at some keys; a null for each that holds none.
#[command(
    "MGET",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys to retrieve.",
    flags(READONLY | FAST),
    keys(KeySpec::range(1, -1, 1, RO | ACCESS)),
    tips("request_policy:multi_shard")
)]
pub(crate) fn mget(ctx: &mut Ctx, key: Many<Key>) -> Result<()> {
    ctx.out.array(key.words().len());
    for key in key.words().keys() {
        match ctx.keys.string(&key) {
            Ok(Some(text)) => reply::text(ctx.out, text),
            // Another type is no error here.
            _ => ctx.out.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn keys_in_any_order_and_twice() {
        check(
            r#"
            > MSET a 1 b "" "" x c 3
            OK
            > MGET c nokey a "" b a
            1) "3"
            2) (nil)
            3) "1"
            4) "x"
            5) ""
            6) "1"
            "#,
        );
    }
}
