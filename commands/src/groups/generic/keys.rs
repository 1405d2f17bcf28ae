//! KEYS.

use commands_macros::command;
use keyspace::db::Db;
use resp::Writer;

use crate::ctx::Ctx;
use crate::error::Result;

/// Answers all keys that match a pattern. It goes shard by shard: each is seen at one moment, all of them are not.
#[command(
    "KEYS",
    since = "1.0.0",
    complexity = "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
    flags(READONLY),
    locks(Walk),
    categories(DANGEROUS),
    tips("request_policy:all_shards", "nondeterministic_output_order"),
    args(crate::spec::ArgDoc::new("pattern", crate::spec::ArgType::Pattern))
)]
pub(crate) fn keys(ctx: &mut Ctx, pattern: &[u8]) -> Result<()> {
    let (now_ms, later) = (ctx.now_ms(), ctx.out.array_later());
    let mut count = 0;
    for shard in 0..ctx.node.space.shards() {
        if let Some(db) = ctx.keys.enter_shard(shard).table() {
            count += write_matching(db, pattern, now_ms, ctx.out);
        }
    }
    ctx.out.finish(later, count);
    Ok(())
}

fn write_matching(db: &Db, pattern: &[u8], now_ms: i64, out: &mut Writer) -> usize {
    let mut count = 0;
    db.dict().for_each(|record| {
        let entry = db.entry_of(record);
        let is_live = entry.deadline_ms().is_none_or(|at_ms| at_ms > now_ms);
        if is_live && (pattern == b"*" || base::glob::matches(pattern, entry.key(), false)) {
            out.bulk(entry.key());
            count += 1;
        }
    });
    count
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn matches_live_keys() {
        check(
            r#"
            > MSET one 1 two 2 "three 3" 3
            OK
            > SET tmp v PX 10
            OK
            + 10ms
            > KEYS th*
            1) "three 3"
            > KEYS tmp
            (empty array)
            > KEYS [n-p]n?
            1) "one"
            "#,
        );
    }
}
