//! INFO persistence: the log.

use super::Text;
use crate::ctx::Ctx;

pub(super) fn log(ctx: &mut Ctx, text: &mut Text) {
    let facts = ctx.node.keeper().facts();
    let word = |failed: bool| if failed { "err" } else { "ok" };
    text.field("aof_enabled", u8::from(facts.is_on));
    text.field("aof_rewrite_in_progress", u8::from(facts.rewriting_seconds.is_some()));
    text.field("aof_rewrite_scheduled", u8::from(facts.is_rewrite_scheduled));
    text.field("aof_last_rewrite_time_sec", facts.last_rewrite_seconds.unwrap_or(-1));
    text.field("aof_current_rewrite_time_sec", facts.rewriting_seconds.unwrap_or(-1));
    text.field("aof_last_bgrewrite_status", word(facts.has_rewrite_failed));
    text.field("aof_rewrites", facts.rewrites);
    text.field("aof_rewrites_consecutive_failures", facts.rewrite_failures);
    text.field("aof_last_write_status", word(facts.failure.is_some()));
    text.same(0, &["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
    if facts.is_on {
        text.field("aof_current_size", facts.current_len);
        text.field("aof_base_size", facts.base_len);
        text.field("aof_pending_rewrite", 0);
        text.field("aof_buffer_length", facts.buffer_len);
        text.field("aof_pending_bio_fsync", u8::from(facts.is_syncing));
        text.field("aof_delayed_fsync", facts.delayed_syncs);
    }
}
