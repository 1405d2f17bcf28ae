//! SELECT.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

/// Chooses the connection's database.
#[command(
    "SELECT",
    since = "1.0.0",
    complexity = "O(1)",
    flags(LOADING | STALE | FAST),
    arity(2),
    args(ArgDoc::new("index", ArgType::Integer))
)]
pub(crate) fn select(ctx: &mut Ctx, index: Rest) -> Result<reply::Ok> {
    let index = index.0.peek().and_then(base::number::parse_i64).ok_or(Error::NotAnInteger)?;
    if i32::try_from(index).is_err() {
        return Err(Error::Plain("ERR value is out of range, value must between -2147483648 and 2147483647"));
    }
    let db = usize::try_from(index).ok().filter(|&db| db < ctx.node.space.databases()).ok_or(Error::DbIndex)?;
    ctx.client.select(db);
    ctx.keys.select(db);
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
