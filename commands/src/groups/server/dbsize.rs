//! DBSIZE.

use commands_macros::command;
use keyspace::db::Db;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the number of keys in the selected database.
#[command(
    "DBSIZE",
    since = "1.0.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    locks(Walk),
    categories(KEYSPACE | READ),
    tips("request_policy:all_shards", "response_policy:agg_sum")
)]
pub(crate) fn dbsize(ctx: &mut Ctx) -> Result<usize> {
    let shards = ctx.node.space.shards();
    Ok((0..shards).map(|shard| ctx.keys.enter_shard(shard).table().map_or(0, Db::len)).sum())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts_all_shards() {
        check("> MSET a 1 b 2 c 3\nOK\n> DBSIZE\n(integer) 3");
    }
}
