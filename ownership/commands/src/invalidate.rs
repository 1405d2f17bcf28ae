//! INVALIDATE.

use commands::ownership::{Fate, invalidate as remove, would_go};
use commands_macros::command;
use ownership::Pattern;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const PATTERNS: ArgDoc = ArgDoc::new("pattern", ArgType::Pattern).multiple();
const SOFT: ArgDoc = ArgDoc::token_only("soft").token("SOFT").optional();
const NOCASCADE: ArgDoc = ArgDoc::token_only("nocascade").token("NOCASCADE").optional();
const DRYRUN: ArgDoc = ArgDoc::token_only("dryrun").token("DRYRUN").optional();

#[derive(Default)]
struct Options {
    is_soft: bool,
    cascades_not: bool,
    is_dry: bool,
}

/// Removes the keys that match patterns, and what follows from them by the edges of the ownership graph; answers how
/// many went.
#[command(
    "INVALIDATE",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys that go, for a key and for patterns that edges take along as a whole; O(N) where N is the number of keys in the database for other patterns.",
    flags(WRITE | MODULE),
    locks(Walk),
    categories(OWNERSHIP | KEYSPACE | DANGEROUS),
    args(PATTERNS, SOFT, NOCASCADE, DRYRUN)
)]
pub(crate) fn invalidate(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let (patterns, options) = read(words)?;
    if options.is_dry {
        let graph = ctx.node.ownership.graph();
        let all = would_go(ctx, &patterns);
        ctx.out.array(all.len());
        for (key, path) in all {
            ctx.out.array(1 + path.len());
            ctx.out.bulk(&key);
            for edge in path {
                ctx.out.bulk(graph.rules().edges[edge as usize].to_string().as_bytes());
            }
        }
        return Ok(());
    }
    let fate = if options.is_soft { Fate::Stale } else { Fate::Gone };
    let removed = remove(ctx, &patterns, !options.cascades_not, fate)?;
    ctx.out.int(removed as i64);
    Ok(())
}

/// Patterns, then options.
fn read(words: Rest) -> Result<(Vec<Pattern>, Options)> {
    let (mut patterns, mut options, mut has_options) = (Vec::new(), Options::default(), false);
    for word in words.0.iter() {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("NOCASCADE") {
            options.cascades_not = true;
        } else if is("DRYRUN") {
            options.is_dry = true;
        } else if is("SOFT") {
            options.is_soft = true;
        } else if has_options {
            return Err(Error::Syntax);
        } else {
            patterns.push(crate::container::pattern(word)?);
            continue;
        }
        has_options = true;
    }
    if patterns.is_empty() {
        return Err(Error::Plain(
            "ERR INVALIDATE needs a pattern; one that is spelled like an option is written with \\",
        ));
    }
    Ok((patterns, options))
}
