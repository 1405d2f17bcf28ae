//! The section about memory, and the figures that MEMORY STATS shares with it.

use std::sync::atomic::Ordering::Relaxed;

use super::{Text, Totals, totals};
use crate::ctx::Ctx;
use crate::node::Node;
use crate::node::usage::{Allocator, resident_bytes, system_bytes};
use crate::script::functions::Counts;

/// What is known of memory at one moment, bytes.
pub(in super::super) struct Figures {
    pub(in super::super) used: u64,
    pub(in super::super) peak: u64,
    pub(in super::super) startup: u64,
    pub(in super::super) clients: u64,
    pub(in super::super) resident: u64,
    pub(in super::super) allocator: Allocator,
    pub(in super::super) keys: Vec<(usize, Totals)>,
}

impl Figures {
    /// As they are now.
    pub(in super::super) fn now(ctx: &mut Ctx) -> Self {
        let keys = totals(ctx);
        let node = ctx.node;
        let used = node.used_memory();
        node.memory_peak.fetch_max(used, Relaxed);
        Self {
            used,
            peak: node.memory_peak.load(Relaxed),
            startup: node.monitoring.startup_bytes.load(Relaxed),
            clients: node.clients.iter().map(|shared| shared.memory_usage() as u64).sum(),
            resident: resident_bytes(),
            allocator: Allocator::now(),
            keys,
        }
    }

    /// What is used for other things than data.
    pub(in super::super) fn overhead(&self) -> u64 {
        let tables: u64 = self.keys.iter().map(|(_, totals)| totals.table_bytes as u64).sum();
        (self.startup + self.clients + tables).min(self.used)
    }

    /// What the data takes.
    pub(in super::super) fn dataset(&self) -> u64 {
        self.used - self.overhead()
    }

    /// The data's percentage of what came since the start.
    pub(in super::super) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used.saturating_sub(self.startup))
    }

    /// Percentage of the peak.
    pub(in super::super) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 100.0 / whole as f64).min(100.0) }
}

pub(in super::super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

pub(super) fn memory(ctx: &mut Ctx, text: &mut Text) {
    let figures = Figures::now(ctx);
    let (node, settings) = (ctx.node, &ctx.node.settings);
    text.bytes("used_memory", figures.used);
    text.bytes("used_memory_rss", figures.resident);
    text.bytes("used_memory_peak", figures.peak);
    text.field("used_memory_peak_perc", format_args!("{:.2}%", figures.peak_percent()));
    text.field("used_memory_overhead", figures.overhead());
    text.field("used_memory_startup", figures.startup);
    text.field("used_memory_dataset", figures.dataset());
    text.field("used_memory_dataset_perc", format_args!("{:.2}%", figures.dataset_percent()));
    text.field("allocator_allocated", figures.allocator.allocated);
    text.field("allocator_active", figures.allocator.active);
    text.field("allocator_resident", figures.allocator.resident);
    text.field("allocator_muzzy", 0);
    text.bytes("total_system_memory", system_bytes());
    scripts(ctx.node, text);
    text.bytes("maxmemory", settings.maxmemory());
    text.field("maxmemory_policy", settings.maxmemory_policy().name());
    fragmentation(&figures, text);
    text.field("mem_not_counted_for_evict", ctx.node.uncounted_bytes());
    text.same(
        0,
        &[
            "mem_replication_backlog",
            "mem_total_replication_buffers",
            "mem_replica_full_sync_buffer",
            "mem_clients_slaves",
        ],
    );
    text.field("mem_clients_normal", figures.clients);
    text.field("mem_cluster_links", 0);
    text.field("mem_aof_buffer", node.keeper().buffers_len());
    text.field("mem_allocator", "jemalloc-5.3.1");
    text.same(0, &["mem_overhead_db_hashtable_rehashing", "active_defrag_running"]);
    let (pending, freed) = keyspace::object::lazy_free_counts();
    text.field("lazyfree_pending_objects", pending);
    text.field("lazyfreed_objects", freed);
}

/// What scripts and functions take.
pub(in super::super) struct Scripts {
    pub(in super::super) cached: usize,
    pub(in super::super) cache_bytes: usize,
    pub(in super::super) libraries: Counts,
    /// Of the interpreters.
    pub(in super::super) eval_bytes: u64,
    pub(in super::super) function_bytes: u64,
}

impl Scripts {
    pub(in super::super) fn now(node: &Node) -> Self {
        let (cached, cache_bytes, _) = node.scripts.cache.counts();
        Self {
            cached,
            cache_bytes,
            libraries: node.scripts.libraries.counts(),
            eval_bytes: node.cores.iter().map(|core| core.script_bytes.get()).sum(),
            function_bytes: node.cores.iter().map(|core| core.function_bytes.get()).sum(),
        }
    }
}

fn scripts(node: &Node, text: &mut Text) {
    let Scripts { cached, cache_bytes, libraries, eval_bytes, function_bytes } = Scripts::now(node);
    text.same(eval_bytes, &["used_memory_lua", "used_memory_vm_eval"]);
    text.field("used_memory_lua_human", base::size::human(eval_bytes));
    text.field("used_memory_scripts_eval", cache_bytes);
    text.field("number_of_cached_scripts", cached);
    text.field("number_of_functions", libraries.functions);
    text.field("number_of_libraries", libraries.libraries);
    text.field("used_memory_vm_functions", function_bytes);
    text.bytes("used_memory_vm_total", eval_bytes + function_bytes);
    text.field("used_memory_functions", libraries.bytes);
    text.bytes("used_memory_scripts", (cache_bytes + libraries.bytes) as u64);
}

fn fragmentation(figures: &Figures, text: &mut Text) {
    let Allocator { allocated, active, resident } = figures.allocator;
    let rows = [
        ("allocator_frag_ratio", "allocator_frag_bytes", active, allocated),
        ("allocator_rss_ratio", "allocator_rss_bytes", resident, active),
        ("rss_overhead_ratio", "rss_overhead_bytes", figures.resident, resident),
        ("mem_fragmentation_ratio", "mem_fragmentation_bytes", figures.resident, figures.used),
    ];
    for (as_ratio, as_bytes, outer, inner) in rows {
        text.field(as_ratio, format_args!("{:.2}", ratio(outer, inner)));
        text.field(as_bytes, outer as i64 - inner as i64);
    }
}
