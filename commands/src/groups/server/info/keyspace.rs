//! The section about keys: how many there are in each database.

use keyspace::db::Db;

use super::Text;
use crate::ctx::Ctx;

/// What one database holds.
#[derive(Clone, Default)]
pub(in super::super) struct Totals {
    pub(in super::super) keys: usize,
    pub(in super::super) expiring: usize,
    /// Hashes with fields that expire.
    pub(in super::super) expiring_hashes: usize,
    /// Bytes of tables beside entries.
    pub(in super::super) table_bytes: usize,
    /// Remaining times of some keys: their sum and number.
    sampled_ms: (i64, i64),
}

/// Buckets of each table that are looked at for times to live.
const BUCKETS_SAMPLED: usize = 4;

/// Databases that hold something.
pub(in super::super) fn totals(ctx: &mut Ctx) -> Vec<(usize, Totals)> {
    walk(ctx, |db, totals, random, now_ms| {
        totals.keys += db.len();
        totals.expiring += db.expiring();
        totals.expiring_hashes += db.expiring_hashes();
        totals.table_bytes += db.overhead_bytes();
        if db.expiring() > 0 {
            db.dict().sample(random, BUCKETS_SAMPLED, |record, is_marked| {
                if is_marked && let Some(deadline_ms) = db.entry_of(record).deadline_ms() {
                    totals.sampled_ms.0 += (deadline_ms - now_ms).max(0);
                    totals.sampled_ms.1 += 1;
                }
                true
            });
        }
    })
}

fn walk(ctx: &mut Ctx, mut visit: impl FnMut(&Db, &mut Totals, u64, i64)) -> Vec<(usize, Totals)> {
    let now_ms = ctx.now_ms();
    let (own, mut found) = (ctx.keys.db_index(), Vec::new());
    for index in 0..ctx.node.space.databases() {
        ctx.keys.select(index);
        let mut totals = Totals::default();
        for shard in 0..ctx.node.space.shards() {
            let random = ctx.core.random.borrow_mut().next_u64();
            if let Some(db) = ctx.keys.enter_shard(shard).table() {
                visit(db, &mut totals, random, now_ms);
            }
        }
        if totals.keys > 0 {
            found.push((index, totals));
        }
    }
    ctx.keys.select(own);
    found
}

pub(super) fn keyspace(ctx: &mut Ctx, text: &mut Text) {
    for (index, totals) in totals(ctx) {
        let (sum, count) = totals.sampled_ms;
        let (keys, expires, subexpiry) = (totals.keys, totals.expiring, totals.expiring_hashes);
        let avg_ttl = sum.checked_div(count).unwrap_or(0);
        text.field(
            &format!("db{index}"),
            format_args!("keys={keys},expires={expires},avg_ttl={avg_ttl},subexpiry={subexpiry}"),
        );
    }
}
