//! MULTI and DISCARD.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

/// Begins a transaction: commands are queued until EXEC runs them.
#[command(
    "MULTI",
    since = "1.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED)
)]
pub(crate) fn multi(ctx: &mut Ctx) -> Result<Done> {
    if ctx.client.multi.is_some() {
        return Err(Error::Plain("ERR MULTI calls can not be nested"));
    }
    ctx.client.begin_transaction();
    Ok(Done)
}

/// Drops the queued commands and the watches.
#[command(
    "DISCARD",
    since = "2.0.0",
    complexity = "O(N), when N is the number of queued commands",
    flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED)
)]
pub(crate) fn discard(ctx: &mut Ctx) -> Result<Done> {
    if ctx.client.multi.is_none() {
        return Err(Error::Plain("ERR DISCARD without MULTI"));
    }
    ctx.client.leave_transaction(&ctx.node.space);
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn multi_does_not_nest_and_discard_ends_it() {
        check(
            "
            > DISCARD
            (error) ERR DISCARD without MULTI
            > MULTI
            OK
            > MULTI
            (error) ERR MULTI calls can not be nested
            > SET k v
            QUEUED
            > DISCARD
            OK
            > EXISTS k
            (integer) 0
            > DISCARD
            (error) ERR DISCARD without MULTI
            ",
        );
    }
}
