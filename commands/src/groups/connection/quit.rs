//! QUIT.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Ends the connection once its replies are written.
#[command(
    "QUIT",
    since = "1.0.0",
    complexity = "O(1)",
    flags(ALLOW_BUSY | NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | UNQUEUED | IN_SUBSCRIBE),
    arity(-1),
    args(),
    deprecated("7.2.0", "just closing the connection")
)]
pub(crate) fn quit(ctx: &mut Ctx, _rest: Rest) -> Result<reply::Ok> {
    ctx.client.closing = true;
    Ok(reply::Ok)
}
