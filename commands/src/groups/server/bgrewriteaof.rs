//! BGREWRITEAOF.

use commands_macros::command;

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
    ctx.node.keeper().rewrite().map(Simple).map_err(Error::text)
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn an_instance_without_a_log_says_so() {
        assert_eq!(Fixture::new().cli(1, "BGREWRITEAOF"), "(error) ERR this instance has no log");
    }
}
