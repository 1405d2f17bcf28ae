//! ROLE.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the part that the server plays in replication.
#[command(
    "ROLE",
    since = "2.8.12",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | FAST),
    categories(ADMIN | DANGEROUS)
)]
pub(crate) fn role(ctx: &mut Ctx) -> Result<()> {
    // A master without history and without replicas: there is no replication in this server yet.
    ctx.out.array(3);
    ctx.out.bulk(b"master");
    ctx.out.int(0);
    ctx.out.array(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_master_without_replicas() {
        crate::testing::check("> ROLE\n1) \"master\"\n2) (integer) 0\n3) (empty array)");
    }
}
