//! The sections about the process: server, clients, threads, processor time.

use std::sync::atomic::Ordering::Relaxed;

use super::Text;
use crate::ctx::Ctx;
use crate::node::usage::{Whose, cpu_us};

pub(super) fn server(ctx: &mut Ctx, text: &mut Text) {
    let (node, settings) = (ctx.node, &ctx.node.settings);
    let unix_us = base::clock::unix_us();
    let uptime = (unix_us / 1000 - node.started_ms).max(0) / 1000;
    text.field("redis_version", settings.redis_version_reported().to_string_lossy());
    text.field("redis_git_sha1", "00000000");
    text.field("redis_git_dirty", 0);
    text.field("redis_build_id", env!("CARGO_PKG_VERSION"));
    text.field("redis_mode", "standalone");
    text.field("os", os());
    text.field("arch_bits", usize::BITS);
    text.field("monotonic_clock", "POSIX clock_gettime");
    text.field("multiplexing_api", "epoll");
    text.field("atomicvar_api", "rust-std");
    text.field("gcc_version", "0.0.0");
    text.field("process_id", std::process::id());
    text.field("process_supervised", node.host().supervisor());
    text.field("run_id", &node.run_id);
    text.field("tcp_port", if settings.port() == 0 { settings.tls_port() } else { settings.port() });
    text.field("server_time_usec", unix_us);
    text.field("uptime_in_seconds", uptime);
    text.field("uptime_in_days", uptime / 86400);
    text.field("hz", node.hz());
    text.field("configured_hz", settings.hz());
    text.field("lru_clock", (unix_us / 1_000_000) as u32 & 0x00FF_FFFF);
    text.field("executable", node.host().executable());
    text.field("config_file", settings.config_file().map(|path| path.display().to_string()).unwrap_or_default());
    text.field("io_threads_active", 0);
    for (index, listener) in node.host().listeners().iter().enumerate() {
        text.field(&format!("listener{index}"), listener);
    }
}

/// As `uname` tells it, which /proc repeats.
fn os() -> String {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {} {}", read("ostype").trim(), read("osrelease").trim(), std::env::consts::ARCH)
}

pub(super) fn clients(ctx: &mut Ctx, text: &mut Text) {
    let node = ctx.node;
    let (mut input_max, mut output_max, mut blocked, mut pubsub, mut watching) = (0, 0, 0, 0, 0);
    let mut connected = 0;
    for shared in node.clients.iter().filter(|shared| !shared.facts.ended.load(Relaxed)) {
        connected += 1;
        let facts = &shared.facts;
        input_max = input_max.max(facts.query_bytes.load(Relaxed));
        output_max = output_max.max(facts.reply_bytes.load(Relaxed));
        blocked += u32::from(shared.is_blocked());
        pubsub += u32::from(shared.is_subscriber());
        watching += u32::from(facts.watched.load(Relaxed) > 0);
    }
    text.field("connected_clients", connected);
    text.field("cluster_connections", 0);
    text.field("maxclients", node.settings.maxclients());
    text.field("client_recent_max_input_buffer", input_max);
    text.field("client_recent_max_output_buffer", output_max);
    text.field("blocked_clients", blocked);
    text.field("tracking_clients", node.tracking.totals().0);
    text.field("pubsub_clients", pubsub);
    text.field("watching_clients", watching);
    text.field("clients_in_timeout_table", blocked);
    text.field("total_watched_keys", node.space.watching());
    text.field("total_blocking_keys", node.blocking.keys());
    text.field("total_blocking_keys_on_nokey", node.blocking.keys_heeded());
}

/// Each core serves its clients by itself.
pub(super) fn threads(ctx: &mut Ctx, text: &mut Text) {
    let mut clients = vec![0; ctx.node.cores.len()];
    ctx.node.clients.iter().for_each(|shared| clients[shared.core.load(Relaxed)] += 1);
    for (index, core) in ctx.node.cores.iter().enumerate() {
        let share = clients[index];
        let (reads, writes) = (core.reads.get(), core.writes.get());
        text.field(&format!("io_thread_{index}"), format_args!("clients={share},reads={reads},writes={writes}"));
    }
}

pub(super) fn cpu(ctx: &mut Ctx, text: &mut Text) {
    let main = ctx.node.monitoring.main_thread_us.each_ref().map(|us| us.load(Relaxed));
    let parts = [("", cpu_us(Whose::Process)), ("_children", cpu_us(Whose::Children)), ("_main_thread", main)];
    for (suffix, [system, user]) in parts {
        text.field(&format!("used_cpu_sys{suffix}"), format_args!("{:.6}", system as f64 / 1e6));
        text.field(&format!("used_cpu_user{suffix}"), format_args!("{:.6}", user as f64 / 1e6));
    }
}
