//! OWNERSHIP DEAD, SWEEP and STATS.

use std::sync::atomic::Ordering::Relaxed;

use commands::ownership::{Counts, dead as look};
use commands_macros::{Args, command};

use super::show::{field, list};
use crate::ctx::Ctx;
use crate::error::{Error, Result};

#[derive(Args, Default)]
pub(crate) struct DeadOptions {
    #[arg(token = "COUNT", name = "count")]
    count: Option<i64>,
}

/// Keys that DEAD lists of each kind.
const COUNT: usize = 100;

/// Answers keys whose sources are gone, patterns that nothing has read since the start, and keys under no pattern.
#[command(
    "DEAD",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys in the database",
    flags(READONLY | ADMIN | MODULE),
    locks(Walk),
    categories(OWNERSHIP | KEYSPACE)
)]
pub(crate) fn dead(ctx: &mut Ctx, #[options] how: DeadOptions) -> Result<()> {
    let limit = match how.count {
        None => COUNT,
        Some(count) => usize::try_from(count).ok().filter(|&count| count > 0).ok_or(Error::OutOfRange)?,
    };
    let found = look(ctx, limit);
    let is_unread = |counts: &Counts| counts.hits.load(Relaxed) + counts.misses.load(Relaxed) == 0;
    let unread: Vec<_> = ctx.node.ownership_counts().into_iter().filter(|(_, counts)| is_unread(counts)).collect();
    ctx.out.map(3);
    field(ctx, "orphans");
    ctx.out.array(found.orphans.len());
    for orphan in &found.orphans {
        ctx.out.array(2);
        ctx.out.bulk(&orphan.key);
        ctx.out.bulk(&orphan.source);
    }
    field(ctx, "unread-patterns");
    list(ctx, &unread.into_iter().map(|(pattern, _)| pattern).collect::<Vec<_>>());
    field(ctx, "ruleless");
    ctx.out.array(found.ruleless.len());
    found.ruleless.iter().for_each(|key| ctx.out.bulk(key));
    Ok(())
}

/// Removes the keys whose sources are gone, in all databases, in the background.
#[command(
    "SWEEP",
    since = "1.0.0",
    complexity = "O(1); in the background O(N) where N is the number of keys",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    categories(OWNERSHIP)
)]
pub(crate) fn sweep(ctx: &mut Ctx) -> Result<()> {
    if !ctx.node.begin_sweep() {
        return Err(Error::Plain("ERR a sweep is under way already"));
    }
    ctx.out.simple("Background sweep started");
    Ok(())
}

/// Answers what happened under each pattern since the start. Of reads one in sixteen is counted, for all of them.
#[command(
    "STATS",
    since = "1.0.0",
    complexity = "O(N) where N is the number of patterns",
    flags(LOADING | STALE | MODULE),
    categories(OWNERSHIP)
)]
pub(crate) fn stats(ctx: &mut Ctx) -> Result<()> {
    let all = ctx.node.ownership_counts();
    ctx.out.array(all.len());
    for (pattern, counts) in all {
        ctx.out.map(7);
        field(ctx, "pattern");
        ctx.out.bulk(pattern.text());
        let Counts { hits, misses, writes, invalidations, refused_fills, denials } = &*counts;
        let named = [
            ("hits", hits),
            ("misses", misses),
            ("writes", writes),
            ("invalidations", invalidations),
            ("refused-fills", refused_fills),
            ("denials", denials),
        ];
        for (name, count) in named {
            field(ctx, name);
            ctx.out.int(count.load(Relaxed) as i64);
        }
    }
    Ok(())
}
