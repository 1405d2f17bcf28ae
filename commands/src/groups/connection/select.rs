//! SELECT.

use commands_macros::command;

use crate::args::Database;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Chooses the connection's database.
#[command(
    "SELECT",
    since = "1.0.0",
    complexity = "O(1)",
    flags(LOADING | STALE | FAST)
)]
pub(crate) fn select(ctx: &mut Ctx, index: Database) -> Result<reply::Ok> {
    ctx.client.select(index.0);
    ctx.keys.select(index.0);
    Ok(reply::Ok)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn databases_are_apart() {
        check(
            r#"
            > SET k v
            OK
            > SELECT 15
            OK
            > GET k
            (nil)
            > SELECT 16
            (error) ERR DB index is out of range
            > SELECT -1
            (error) ERR DB index is out of range
            > SELECT x
            (error) ERR value is not an integer or out of range
            > SELECT 4294967296
            (error) ERR value is out of range, value must between -2147483648 and 2147483647
            > SELECT 0
            OK
            > GET k
            "v"
            "#,
        );
    }
}
