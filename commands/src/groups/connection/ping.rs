//! PING.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers PONG, or the message.
#[command("PING", since = "1.0.0", complexity = "O(1)", flags(FAST | LOADING | STALE | IN_SUBSCRIBE), tips("request_policy:all_shards", "response_policy:all_succeeded"))]
pub(crate) fn ping(ctx: &mut Ctx, message: Option<&[u8]>) -> Result<()> {
    match message {
        Some(message) => ctx.out.bulk(message),
        None => ctx.out.simple("PONG"),
    }
    Ok(())
}
