//! MEMORY and its subcommands.

use commands_macros::{Args, command};
use keyspace::keys::Key;

use super::info::Figures;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::Command;

pub(crate) static MEMORY: Command = Command::container(
    "MEMORY",
    "4.0.0",
    "Holds the commands about memory.",
    &[&DOCTOR, &HELP, &MALLOC_STATS, &PURGE, &STATS, &USAGE],
);

/// Answers a report on memory for people.
#[command(
    "DOCTOR",
    since = "4.0.0",
    complexity = "O(1)",
    locks(Walk),
    tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special")
)]
pub(crate) fn doctor(ctx: &mut Ctx) -> Result<()> {
    const SMALL: u64 = 5 << 20;
    let figures = Figures::now(ctx);
    let mut report = String::new();
    if figures.used < SMALL {
        report.push_str("This instance is empty or uses very little memory: there is nothing to judge yet.\n");
    } else {
        if figures.peak * 10 > figures.used * 15 {
            report.push_str(" * Peak memory: the peak was more than 150% of what is used now. The allocator may keep what it had; MEMORY PURGE asks it to give unused pages back.\n");
        }
        if figures.resident * 10 > figures.used * 14 && figures.resident - figures.used > 10 << 20 {
            report.push_str(" * Fragmentation: resident memory is more than 140% of what is used. A restart, or MEMORY PURGE, may help.\n");
        }
        if !ctx.node.clients.is_empty() && figures.clients / ctx.node.clients.len() as u64 > 200 << 10 {
            report.push_str(" * Clients: their buffers take more than 200 KB each. CLIENT LIST shows whose.\n");
        }
        if report.is_empty() {
            report.push_str("No memory issue was found.\n");
        } else {
            report.insert_str(0, "These issues were found:\n\n");
        }
    }
    ctx.out.verbatim("txt", report.as_bytes());
    Ok(())
}

/// Answers the allocator's own report.
#[command(
    "MALLOC-STATS",
    since = "4.0.0",
    complexity = "Depends on how much memory is allocated, could be slow",
    tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special")
)]
pub(crate) fn malloc_stats(ctx: &mut Ctx) -> Result<()> {
    let mut report = Vec::new();
    let options = tikv_jemalloc_ctl::stats_print::Options::default();
    match tikv_jemalloc_ctl::stats_print::stats_print(&mut report, options) {
        Ok(()) if !report.is_empty() => ctx.out.verbatim("txt", &report),
        _ => ctx.out.bulk(b"Stats not supported for the current allocator"),
    }
    Ok(())
}

/// Asks the allocator to give unused pages back.
#[command(
    "PURGE",
    since = "4.0.0",
    complexity = "Depends on how much memory is allocated, could be slow",
    tips("request_policy:all_shards", "response_policy:all_succeeded")
)]
pub(crate) fn purge(_: &mut Ctx) -> Result<Done> {
    crate::node::usage::purge();
    Ok(Done)
}

/// Answers figures about memory.
#[command(
    "STATS",
    since = "4.0.0",
    complexity = "O(1)",
    locks(Walk),
    tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special")
)]
pub(crate) fn stats(ctx: &mut Ctx) -> Result<()> {
    let figures = Figures::now(ctx);
    ctx.out.map(33 + figures.keys.len());
    let int = |ctx: &mut Ctx, name: &str, value: i64| {
        ctx.out.bulk(name.as_bytes());
        ctx.out.int(value);
    };
    int(ctx, "peak.allocated", figures.peak as i64);
    int(ctx, "total.allocated", figures.used as i64);
    int(ctx, "startup.allocated", figures.startup as i64);
    for name in ["replication.backlog", "replica.fullsync.buffer", "clients.slaves"] {
        int(ctx, name, 0);
    }
    int(ctx, "clients.normal", figures.clients as i64);
    int(ctx, "cluster.links", 0);
    int(ctx, "aof.buffer", ctx.node.keeper().buffers_len() as i64);
    let scripts = super::info::Scripts::now(ctx.node);
    int(ctx, "lua.caches", scripts.cache_bytes as i64);
    int(ctx, "functions.caches", scripts.libraries.bytes as i64);
    int(ctx, "script.VMs", (scripts.eval_bytes + scripts.function_bytes) as i64);
    for (index, totals) in &figures.keys {
        ctx.out.bulk(format!("db.{index}").as_bytes());
        ctx.out.map(2);
        int(ctx, "overhead.hashtable.main", totals.table_bytes as i64);
        // Deadlines stand in the entries themselves.
        int(ctx, "overhead.hashtable.expires", 0);
    }
    let tables: usize = figures.keys.iter().map(|(_, totals)| totals.table_bytes).sum();
    let keys: usize = figures.keys.iter().map(|(_, totals)| totals.keys).sum();
    int(ctx, "overhead.db.hashtable.lut", tables as i64);
    int(ctx, "overhead.db.hashtable.rehashing", 0);
    int(ctx, "overhead.total", figures.overhead() as i64);
    int(ctx, "db.dict.rehashing.count", 0);
    int(ctx, "keys.count", keys as i64);
    let grown = figures.used.saturating_sub(figures.startup);
    int(ctx, "keys.bytes-per-key", grown.checked_div(keys as u64).unwrap_or(0) as i64);
    int(ctx, "dataset.bytes", figures.dataset() as i64);
    double(ctx, "dataset.percentage", figures.dataset_percent());
    double(ctx, "peak.percentage", figures.peak_percent());
    allocator(ctx, &figures);
    Ok(())
}

fn double(ctx: &mut Ctx, name: &str, value: f64) {
    ctx.out.bulk(name.as_bytes());
    ctx.out.double(value);
}

fn allocator(ctx: &mut Ctx, figures: &Figures) {
    let stats = figures.allocator;
    let sizes = [("allocated", stats.allocated), ("active", stats.active), ("resident", stats.resident), ("muzzy", 0)];
    for (name, value) in sizes {
        ctx.out.bulk(format!("allocator.{name}").as_bytes());
        ctx.out.int(value as i64);
    }
    let ratios = [
        ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes", stats.active, stats.allocated),
        ("allocator-rss.ratio", "allocator-rss.bytes", stats.resident, stats.active),
        ("rss-overhead.ratio", "rss-overhead.bytes", figures.resident, stats.resident),
        ("fragmentation", "fragmentation.bytes", figures.resident, figures.used),
    ];
    for (as_ratio, as_bytes, outer, inner) in ratios {
        double(ctx, as_ratio, super::info::ratio(outer, inner));
        ctx.out.bulk(as_bytes.as_bytes());
        ctx.out.int(outer as i64 - inner as i64);
    }
}

/// A record's place in its table, at the usual load.
const PLACE_BYTES: usize = 16;

#[derive(Args, Default)]
pub(crate) struct UsageOptions {
    #[arg(name = "count", token = "SAMPLES")]
    samples: Option<i64>,
}

/// Answers the bytes that a key and its value take.
#[command(
    "USAGE",
    since = "4.0.0",
    complexity = "O(N) where N is the number of samples.",
    flags(READONLY),
    categories(READ),
    keys(KeySpec::one(2, RO | VALUELESS))
)]
pub(crate) fn usage(ctx: &mut Ctx, key: Key, #[options] options: UsageOptions) -> Result<Option<usize>> {
    // Sizes are known without sampling; the option is checked as Redis checks it.
    if options.samples.is_some_and(|samples| samples < 0) {
        return Err(Error::Syntax);
    }
    let Some(slot) = ctx.keys.find_untouched(&key) else { return Ok(None) };
    Ok(ctx.keys.db(key.hash).map(|db| PLACE_BYTES + db.entry_bytes(slot) + db.value_bytes(slot)))
}

/// Answers the subcommands with a line about each.
#[command("HELP", since = "4.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "MEMORY",
        &[
            "DOCTOR",
            "    Return a report on memory in plain words.",
            "MALLOC-STATS",
            "    Return the allocator's own report.",
            "PURGE",
            "    Ask the allocator to give unused pages back.",
            "STATS",
            "    Return figures about memory.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return the bytes that <key> and its value take.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn usage_grows_with_the_value() {
        check(
            "
            > MEMORY USAGE nokey
            (nil)
            > SET k v
            OK
            > MEMORY USAGE k SAMPLES -1
            (error) ERR syntax error
            > MEMORY USAGE k SAMPLES x
            (error) ERR value is not an integer or out of range
            > MEMORY USAGE k WHAT
            (error) ERR syntax error
            > MEMORY PURGE
            OK
            > MEMORY what
            (error) ERR unknown subcommand 'what'. Try MEMORY HELP.
            ",
        );
    }
}
