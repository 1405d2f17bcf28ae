//! RESET.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::Simple;

/// Makes the connection as if it were new.
#[command(
    "RESET",
    since = "6.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | UNQUEUED | IN_SUBSCRIBE)
)]
pub(crate) fn reset(ctx: &mut Ctx) -> Result<Simple> {
    ctx.client.reset(ctx.node);
    ctx.out.set_proto(ctx.client.proto);
    Ok(Simple("RESET"))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn everything_is_as_at_first() {
        check(
            r#"
            > CLIENT SETNAME me
            OK
            > CLIENT NO-TOUCH on
            OK
            > SELECT 3
            OK
            > SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            > RESET
            RESET
            > CLIENT GETNAME
            (nil)
            > PING
            PONG
            > PUBSUB CHANNELS
            (empty array)
            "#,
        );
    }
}
