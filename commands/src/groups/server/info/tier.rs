//! The section about the warm tier.

use std::sync::atomic::Ordering::Relaxed;

use super::Text;
use crate::ctx::Ctx;

pub(super) fn tier(ctx: &mut Ctx, text: &mut Text) {
    let warm = &ctx.node.warm;
    let Some(tier) = warm.tier() else { return text.field("tier_enabled", 0) };
    let (counts, (file_bytes, live_bytes, files)) = (tier.counts(), tier.sizes());
    text.field("tier_enabled", 1);
    text.field("tier_path", tier.dir().display());
    text.bytes("tier_max_size", tier.bytes_max());
    text.field("tier_status", tier.failure().map_or_else(|| "ok".to_owned(), |reason| format!("error: {reason}")));
    text.field("tier_keys", keyspace::warm::stubs());
    text.field("tier_files", files);
    text.bytes("tier_file_bytes", file_bytes);
    text.bytes("tier_live_bytes", live_bytes);
    text.field("tier_pending_bytes", keyspace::warm::held_bytes());
    text.field("tier_cache_bytes", tier.cache_bytes());
    text.field("tier_cache_hits", counts.cache_hits.load(Relaxed));
    text.field("tier_reads", counts.reads.load(Relaxed));
    text.field("tier_read_errors", counts.read_errors.load(Relaxed));
    text.field("tier_promotions", warm.promotions());
    text.field("tier_demotions", counts.demotions.load(Relaxed));
    text.field("tier_written_bytes", counts.written_bytes.load(Relaxed));
    text.field("tier_write_errors", counts.write_errors.load(Relaxed));
    text.field("tier_compactions", counts.compactions.load(Relaxed));
    text.field("tier_compacted_bytes", counts.compacted_bytes.load(Relaxed));
}
