//! The sections about commands: calls, errors, latency.

use super::Text;
use crate::ctx::Ctx;
use crate::node::Node;
use crate::node::stats::{CommandStats, Count, Histogram};
use crate::table::Row;

/// The statistics of a command on each core.
fn of<'n>(node: &'n Node, row: &Row) -> impl Iterator<Item = &'n CommandStats> + use<'n> {
    let index = row.index;
    node.cores.iter().map(move |core| &core.by_command[index])
}

pub(super) fn command_stats(ctx: &mut Ctx, text: &mut Text) {
    for row in ctx.node.table.all() {
        let sum = |read: fn(&CommandStats) -> &Count| of(ctx.node, row).map(|stats| read(stats).get()).sum::<u64>();
        let (calls, rejected, failed) =
            (sum(|stats| &stats.calls), sum(|stats| &stats.rejected), sum(|stats| &stats.failed));
        if calls + rejected + failed == 0 {
            continue;
        }
        let us = sum(|stats| &stats.ns) / 1000;
        let per_call = if calls == 0 { 0.0 } else { us as f64 / calls as f64 };
        text.field(
            &format!("cmdstat_{}", row.name),
            format_args!(
                "calls={calls},usec={us},usec_per_call={per_call:.2},rejected_calls={rejected},failed_calls={failed}"
            ),
        );
    }
}

pub(super) fn error_stats(ctx: &mut Ctx, text: &mut Text) {
    let mut errors: Vec<(String, u64)> =
        ctx.node.errors.iter().map(|error| (error.key().to_string(), *error.value())).collect();
    errors.sort_unstable();
    for (code, count) in errors {
        text.field(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latency_stats(ctx: &mut Ctx, text: &mut Text) {
    let node = ctx.node;
    if !node.settings.latency_tracking() {
        return;
    }
    let percentiles = node.settings.latency_tracking_info_percentiles();
    for row in node.table.all() {
        let merged =
            Histogram::merged(of(node, row).filter_map(|stats| stats.histogram.get().map(|histogram| &**histogram)));
        let total: u64 = merged.iter().map(|(_, count)| count).sum();
        if total == 0 {
            continue;
        }
        let shown: Vec<String> = percentiles
            .iter()
            .map(|percentile| format!("p{percentile}={:.3}", value_at(&merged, total, *percentile) as f64 / 1000.0))
            .collect();
        text.field(&format!("latency_percentiles_usec_{}", row.name), shown.join(","));
    }
}

/// The largest value (ns) of the bucket in which a percentile lies.
fn value_at(buckets: &[(u64, u64)], total: u64, percentile: f64) -> u64 {
    let rank = ((percentile / 100.0 * total as f64).ceil() as u64).clamp(1, total);
    let mut seen = 0;
    let found = buckets.iter().find(|(_, count)| {
        seen += count;
        seen >= rank
    });
    found.map_or(0, |(bound, _)| bound - 1)
}

#[cfg(test)]
mod tests {
    use super::value_at;

    #[test]
    fn percentiles_are_bounds_of_buckets() {
        let buckets = [(1000, 50), (2000, 49), (9000, 1)];
        assert_eq!(value_at(&buckets, 100, 0.0), 999);
        assert_eq!(value_at(&buckets, 100, 50.0), 999);
        assert_eq!(value_at(&buckets, 100, 99.0), 1999);
        assert_eq!(value_at(&buckets, 100, 100.0), 8999);
    }
}
