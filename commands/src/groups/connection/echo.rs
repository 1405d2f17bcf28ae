//! ECHO.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the message.
#[command("ECHO", since = "1.0.0", complexity = "O(1)", flags(LOADING | STALE | FAST))]
pub(crate) fn echo(ctx: &mut Ctx, message: &[u8]) -> Result<()> {
    ctx.out.bulk(message);
    Ok(())
}
