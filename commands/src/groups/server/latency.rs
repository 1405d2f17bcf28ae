//! LATENCY and its subcommands.

use commands_macros::command;

use super::graph;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::monitoring::latency::Series;
use crate::node::stats::Histogram;
use crate::spec::{ArgDoc, ArgType, Command};
use crate::table::Row;

pub(crate) static LATENCY: Command = Command::container(
    "LATENCY",
    "2.8.13",
    "Holds the commands that tell what made clients wait.",
    &[&DOCTOR, &GRAPH, &HELP, &HISTOGRAM, &HISTORY, &LATEST, &RESET],
);

/// Answers a report on latency for people.
#[command(
    "DOCTOR",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")
)]
pub(crate) fn doctor(ctx: &mut Ctx) -> Result<()> {
    let report = report(ctx);
    ctx.out.verbatim("txt", report.as_bytes());
    Ok(())
}

fn report(ctx: &Ctx) -> String {
    use std::fmt::Write;
    if ctx.node.settings.latency_monitor_threshold() == 0 {
        return "Latency monitoring is disabled. Turn it on with \"CONFIG SET latency-monitor-threshold \
                <milliseconds>\", and look here again after a while.\n"
            .to_owned();
    }
    let events = ctx.node.monitoring.latency.all();
    if events.is_empty() {
        return "No latency spike was seen since monitoring began. All is well.\n".to_owned();
    }
    let mut report = String::from("These latency spikes were seen:\n\n");
    for (place, (event, series)) in events.iter().enumerate() {
        let (count, sum) = (series.samples.len() as u64, series.samples.iter().map(|sample| sample.ms).sum::<u64>());
        let _ = writeln!(
            report,
            "{}. {event}: {count} spikes, {} ms on average, {} ms at worst.",
            place + 1,
            sum / count.max(1),
            series.max_ms
        );
    }
    report.push_str("\nWhat may help:\n\n");
    for (event, _) in &events {
        report.push_str(match *event {
            "command" => "- SLOWLOG GET shows which commands were slow: prefer SCAN to KEYS, and small collections.\n",
            "fast-command" => {
                "- Even O(1) commands were late: look for a busy processor, swapping, or a noisy neighbour.\n"
            }
            "expire-cycle" => "- Many keys expire at the same time: spread their times to live.\n",
            "eviction-cycle" => "- Evicting takes long: raise maxmemory, or write less at once.\n",
            _ => "- Look at what the machine did at the times that LATENCY HISTORY shows.\n",
        });
    }
    report
}

/// Answers a drawing of an event's samples.
#[command(
    "GRAPH",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")
)]
pub(crate) fn graph(ctx: &mut Ctx, event: &[u8]) -> Result<()> {
    let Some(series) = ctx.node.monitoring.latency.get(event) else {
        return Err(Error::text(format!("ERR No samples available for event '{}'", String::from_utf8_lossy(event))));
    };
    let drawing = graph::draw(&String::from_utf8_lossy(event), &series, ctx.now_ms() / 1000);
    ctx.out.verbatim("txt", drawing.as_bytes());
    Ok(())
}

/// Answers the distribution of how long commands took.
#[command(
    "HISTOGRAM",
    since = "7.0.0",
    complexity = "O(N) where N is the number of commands with latency information being retrieved.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"),
    args(ArgDoc::new("command", ArgType::String).optional().multiple())
)]
pub(crate) fn histogram(ctx: &mut Ctx, commands: Rest) -> Result<()> {
    let mut rows: Vec<&'static Row> = Vec::new();
    if commands.0.is_empty() {
        rows.extend(ctx.node.table.all());
    }
    for name in commands.0.iter() {
        let Some(row) = row_named(ctx, name) else { continue };
        let named = std::iter::once(row).chain(row.subcommands.iter().copied());
        for row in named {
            if !rows.iter().any(|known| known.index == row.index) {
                rows.push(row);
            }
        }
    }
    let found: Vec<_> =
        rows.into_iter().map(|row| (row, cumulative(ctx, row))).filter(|(_, (calls, _))| *calls > 0).collect();
    ctx.out.map(found.len());
    for (row, (calls, buckets)) in found {
        ctx.out.bulk(row.name.as_bytes());
        ctx.out.map(2);
        ctx.out.bulk(b"calls");
        ctx.out.int(calls as i64);
        ctx.out.bulk(b"histogram_usec");
        ctx.out.map(buckets.len());
        for (us, count) in buckets {
            ctx.out.int(us as i64);
            ctx.out.int(count as i64);
        }
    }
    Ok(())
}

/// `get`, or `config|set` for a subcommand.
fn row_named(ctx: &Ctx, name: &[u8]) -> Option<&'static Row> {
    let mut words = name.splitn(2, |byte| *byte == b'|');
    let (first, second) = (words.next()?, words.next());
    let row = ctx.node.table.find(first)?;
    match second {
        None => Some(row),
        Some(second) => {
            row.subcommands.iter().copied().find(|sub| sub.command.name.as_bytes().eq_ignore_ascii_case(second))
        }
    }
}

/// Calls, and counts up to powers of two of microseconds; only bounds at which the count grows.
fn cumulative(ctx: &Ctx, row: &Row) -> (u64, Vec<(u64, u64)>) {
    let merged = Histogram::merged(
        ctx.node
            .cores
            .iter()
            .filter_map(|core| core.by_command[row.index].histogram.get().map(|histogram| &**histogram)),
    );
    let (mut total, mut found): (u64, Vec<(u64, u64)>) = (0, Vec::new());
    for (bound_ns, count) in merged {
        total += count;
        let bound_us = bound_ns.saturating_sub(1).div_ceil(1000).max(1).next_power_of_two();
        match found.last_mut() {
            Some((us, seen)) if *us == bound_us => *seen = total,
            _ => found.push((bound_us, total)),
        }
    }
    (total, found)
}

/// Answers an event's samples: unix seconds and milliseconds.
#[command(
    "HISTORY",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")
)]
pub(crate) fn history(ctx: &mut Ctx, event: &[u8]) -> Result<()> {
    let Series { samples, .. } = ctx.node.monitoring.latency.get(event).unwrap_or_default();
    ctx.out.array(samples.len());
    for sample in samples {
        ctx.out.array(2);
        ctx.out.int(sample.unix_seconds);
        ctx.out.int(sample.ms as i64);
    }
    Ok(())
}

/// Answers the latest sample of each event, and its worst.
#[command(
    "LATEST",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")
)]
pub(crate) fn latest(ctx: &mut Ctx) -> Result<()> {
    let events = ctx.node.monitoring.latency.all();
    ctx.out.array(events.len());
    for (event, series) in events {
        let last = series.samples.back();
        ctx.out.array(4);
        ctx.out.bulk(event.as_bytes());
        ctx.out.int(last.map_or(0, |sample| sample.unix_seconds));
        ctx.out.int(last.map_or(0, |sample| sample.ms as i64));
        ctx.out.int(series.max_ms as i64);
    }
    Ok(())
}

/// Forgets events.
#[command(
    "RESET",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("request_policy:all_nodes", "response_policy:agg_sum"),
    args(ArgDoc::new("event", ArgType::String).optional().multiple())
)]
pub(crate) fn reset(ctx: &mut Ctx, events: Rest) -> Result<usize> {
    Ok(ctx.node.monitoring.latency.reset(events.0.iter()))
}

/// Answers the subcommands with a line about each.
#[command("HELP", since = "2.8.13", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "LATENCY",
        &[
            "DOCTOR",
            "    Return a report on latency in plain words.",
            "GRAPH <event>",
            "    Return a drawing of the samples of <event>.",
            "HISTORY <event>",
            "    Return the samples of <event>.",
            "LATEST",
            "    Return the latest sample of every event.",
            "RESET [<event> ...]",
            "    Forget the samples of some events, or of all.",
            "HISTOGRAM [COMMAND ...]",
            "    Return how long commands took, as cumulative counts.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn nothing_is_known_at_first() {
        check(
            "
            > LATENCY LATEST
            (empty array)
            > LATENCY HISTORY command
            (empty array)
            > LATENCY GRAPH command
            (error) ERR No samples available for event 'command'
            > LATENCY RESET command
            (integer) 0
            > LATENCY HISTOGRAM blah
            (empty array)
            ",
        );
    }
}
