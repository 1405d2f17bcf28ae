//! The sections of counters: stats, persistence, replication.

use std::sync::atomic::Ordering::Relaxed;

use acl::Reason;

use super::Text;
use crate::ctx::Ctx;
use crate::node::Node;
use crate::node::pubsub::Kind;
use crate::node::snapshot::Job;
use crate::node::stats::CoreStats;
use crate::node::usage::{Whose, cpu_us};

fn sum(node: &Node, read: fn(&CoreStats) -> u64) -> u64 {
    node.cores.iter().map(|core| read(core)).sum()
}

pub(super) fn stats(ctx: &mut Ctx, text: &mut Text) {
    // What this core's commands counted since the last publishing belongs to it, too.
    traffic(ctx.node, text);
    keys(ctx.node, text);
    text.field("pubsub_channels", ctx.node.pubsub.len(Kind::Channel));
    text.field("pubsub_patterns", ctx.node.pubsub.len(Kind::Pattern));
    text.field("pubsubshard_channels", ctx.node.pubsub.len(Kind::ShardChannel));
    text.field("latest_fork_usec", 0);
    text.field("total_forks", ctx.node.snapshots.background_jobs());
    text.field("migrate_cached_sockets", ctx.node.migrations.cached_sockets());
    text.same(
        0,
        &[
            "slave_expires_tracked_keys",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
        ],
    );
    let (_, keys, items, prefixes) = ctx.node.tracking.totals();
    text.field("tracking_total_keys", keys);
    text.field("tracking_total_items", items);
    text.field("tracking_total_prefixes", prefixes);
    text.field("unexpected_error_replies", 0);
    text.field("total_error_replies", sum(ctx.node, |core| core.errors.get()));
    text.field("dump_payload_sanitizations", 0);
    text.field("total_reads_processed", sum(ctx.node, |core| core.reads.get()));
    text.field("total_writes_processed", sum(ctx.node, |core| core.writes.get()));
    text.same(0, &["io_threaded_reads_processed", "io_threaded_writes_processed"]);
    let care = &ctx.node.care;
    text.field("client_query_buffer_limit_disconnections", care.query_disconnections.load(Relaxed));
    text.field("client_output_buffer_limit_disconnections", care.output_disconnections.load(Relaxed));
    text.same(0, &["reply_buffer_shrinks", "reply_buffer_expands"]);
    event_loop(ctx.node, text);
    for (name, reason) in [
        ("acl_access_denied_auth", Reason::Auth),
        ("acl_access_denied_cmd", Reason::Command),
        ("acl_access_denied_key", Reason::Key),
        ("acl_access_denied_channel", Reason::Channel),
    ] {
        text.field(name, ctx.node.acl.denied(reason));
    }
}

fn traffic(node: &Node, text: &mut Text) {
    let rates = *node.monitoring.rates.lock();
    text.field("total_connections_received", sum(node, |core| core.connections.get()));
    text.field("total_commands_processed", sum(node, |core| core.commands.get()));
    text.field("instantaneous_ops_per_sec", rates.commands.per_second() as u64);
    text.field("total_net_input_bytes", sum(node, |core| core.net_input_bytes.get()));
    text.field("total_net_output_bytes", sum(node, |core| core.net_output_bytes.get()));
    text.same(0, &["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    text.field("instantaneous_input_kbps", format_args!("{:.2}", rates.input_bytes.per_second() / 1024.0));
    text.field("instantaneous_output_kbps", format_args!("{:.2}", rates.output_bytes.per_second() / 1024.0));
    text.same("0.00", &["instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps"]);
    text.field("rejected_connections", node.rejected_connections());
    text.same(0, &["sync_full", "sync_partial_ok", "sync_partial_err"]);
}

fn keys(node: &Node, text: &mut Text) {
    text.field("expired_subkeys", sum(node, |core| core.expired_fields.get()));
    text.field("expired_keys", sum(node, |core| core.expired.get()));
    let stale = sum(node, |core| core.expire_stale.get()) as f64 / node.cores.len() as f64 / 100.0;
    text.field("expired_stale_perc", format_args!("{stale:.2}"));
    text.field("expired_time_cap_reached_count", sum(node, |core| core.expire_cap_reached.get()));
    text.field("expire_cycle_cpu_milliseconds", sum(node, |core| core.expire_ns.get()) / 1_000_000);
    text.field("evicted_keys", sum(node, |core| core.evicted.get()));
    text.field("evicted_clients", node.care.evictions.load(Relaxed));
    text.field("evicted_scripts", node.scripts.cache.counts().2);
    text.same(0, &["total_eviction_exceeded_time", "current_eviction_exceeded_time"]);
    text.field("keyspace_hits", sum(node, |core| core.hits.get()));
    text.field("keyspace_misses", sum(node, |core| core.misses.get()));
}

/// A cycle of a core is a batch of requests or a tick; what cores do is the processor time that they take.
fn event_loop(node: &Node, text: &mut Text) {
    let rate = node.monitoring.rates.lock().batches.per_second();
    let cycles = sum(node, |core| core.reads.get() + core.ticks.get());
    let busy_us: i64 = cpu_us(Whose::Process).iter().sum();
    let commands_ns: u64 = node.cores.iter().flat_map(|core| &core.by_command).map(|command| command.ns.get()).sum();
    text.field("eventloop_cycles", cycles);
    text.field("eventloop_duration_sum", busy_us);
    text.field("eventloop_duration_cmd_sum", commands_ns / 1000);
    text.field("instantaneous_eventloop_cycles_per_sec", rate as u64);
    text.field("instantaneous_eventloop_duration_usec", (busy_us as u64).checked_div(cycles).unwrap_or(0));
}

/// How cores spend their time, for who looks into the server itself.
pub(super) fn debug(ctx: &mut Ctx, text: &mut Text) {
    let node = ctx.node;
    let most = |read: fn(&CoreStats) -> u64| node.cores.iter().map(|core| read(core)).max().unwrap_or(0);
    text.field("eventloop_duration_aof_sum", sum(node, |core| core.log_ns.get()) / 1000);
    text.field("eventloop_duration_cron_sum", sum(node, |core| core.cron_ns.get()) / 1000);
    text.field("eventloop_duration_max", most(|core| core.longest_batch_ns.get()) / 1000);
    text.field("eventloop_cmd_per_cycle_max", most(|core| core.most_commands.get()));
    let scripts = sum(node, |core| core.script_bytes.get() + core.function_bytes.get());
    text.field("allocator_allocated_lua", scripts);
}

pub(super) fn persistence(ctx: &mut Ctx, text: &mut Text) {
    let figures = ctx.node.snapshots.figures();
    let is_saving = figures.job == Some(Job::Background);
    let seconds = (ctx.now_ms() - figures.started_ms) / 1000;
    text.field("loading", u8::from(ctx.node.loading.is_loading.load(Relaxed)));
    text.field("async_loading", 0);
    text.field("current_cow_peak", figures.waiting_bytes.1);
    text.field("current_cow_size", figures.waiting_bytes.0);
    text.field("current_cow_size_age", 0);
    let (keys, total) = figures.keys;
    let percent = if total > 0 { keys as f64 * 100.0 / total as f64 } else { 0.0 };
    text.field("current_fork_perc", format_args!("{percent:.2}"));
    text.field("current_save_keys_processed", keys);
    text.field("current_save_keys_total", total);
    text.field("rdb_changes_since_last_save", ctx.node.changes_since_save());
    text.field("rdb_bgsave_in_progress", u8::from(is_saving));
    text.field("rdb_last_save_time", figures.last_save_seconds);
    text.field("rdb_last_bgsave_status", if figures.last_failed { "err" } else { "ok" });
    text.field("rdb_last_bgsave_time_sec", figures.last_took_seconds);
    text.field("rdb_current_bgsave_time_sec", if is_saving { seconds } else { -1 });
    text.field("rdb_saves", figures.count);
    text.field("rdb_last_cow_size", figures.last_copied_bytes);
    text.field("rdb_last_load_keys_expired", ctx.node.loading.expired.load(Relaxed));
    text.field("rdb_last_load_keys_loaded", ctx.node.loading.keys.load(Relaxed));
    super::log::log(ctx, text);
    let loading = &ctx.node.loading;
    if loading.is_loading.load(Relaxed) {
        load_progress(ctx, text);
    }
}

fn load_progress(ctx: &Ctx, text: &mut Text) {
    let loading = &ctx.node.loading;
    let (loaded, total) = (loading.loaded_bytes.load(Relaxed), loading.total_bytes.load(Relaxed));
    let started_ms = loading.started_ms.load(Relaxed);
    let elapsed_ms = (ctx.now_ms() - started_ms).max(0) as u64;
    let left_ms = elapsed_ms.saturating_mul(total.saturating_sub(loaded)).checked_div(loaded);
    text.field("loading_start_time", started_ms / 1000);
    text.field("loading_total_bytes", total);
    text.field("loading_rdb_used_mem", 0);
    text.field("loading_loaded_bytes", loaded);
    text.field("loading_loaded_perc", format_args!("{:.2}", 100.0 * loaded as f64 / total.max(1) as f64));
    text.field("loading_eta_seconds", left_ms.unwrap_or(1000) / 1000);
}

/// A master without replicas and without history.
pub(super) fn replication(ctx: &mut Ctx, text: &mut Text) {
    text.field("role", "master");
    text.field("connected_slaves", 0);
    text.field("master_failover_state", "no-failover");
    text.field("master_replid", &*ctx.node.monitoring.replication_id.lock());
    text.field("master_replid2", "0".repeat(40));
    text.field("master_repl_offset", 0);
    text.field("second_repl_offset", -1);
    text.field("repl_backlog_active", 0);
    text.field("repl_backlog_size", ctx.node.settings.repl_backlog_size());
    text.same(0, &["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}
