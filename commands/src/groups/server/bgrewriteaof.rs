//! BGREWRITEAOF.

use commands_macros::command;

use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Simple;

/// Puts a snapshot in the place of the log so far, in the background.
#[command(
    "BGREWRITEAOF",
    since = "1.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING)
)]
pub(crate) fn bgrewriteaof(ctx: &mut Ctx) -> Result<Simple> {
    // A transaction goes on, and the picture is not to show half of it.
    let waits = ctx.origin != Origin::Connection;
    ctx.node.keeper().rewrite(waits).map(Simple).map_err(Error::text)
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn an_instance_without_a_log_says_so() {
        assert_eq!(Fixture::new().cli(1, "BGREWRITEAOF"), "(error) ERR this instance has no log");
    }
}
