//! OWNERSHIP GRAPH, WHO and PLAN.

use commands::ownership::would_go;
use commands_macros::{Args, command};
use keyspace::keys::Key;
use ownership::{Found, Graph, Pattern, Trigger};

use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::ArgDoc;

#[derive(Args, Clone, Copy)]
enum Format {
    Text,
    Json,
    Dot,
}

const FORMAT: ArgDoc = ArgDoc::one_of("format", <Format as OneOf>::DOCS).optional();

/// Answers all rules.
#[command(
    "GRAPH",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules",
    flags(LOADING | STALE | MODULE),
    categories(OWNERSHIP),
    args(FORMAT)
)]
pub(crate) fn graph(ctx: &mut Ctx, format: Rest) -> Result<()> {
    let mut words = format.0;
    let format = Format::take_if(&mut words)?;
    if !words.is_empty() {
        return Err(Error::Syntax);
    }
    let graph = ctx.node.ownership.graph();
    let text = match format.unwrap_or(Format::Text) {
        Format::Text => ownership::manifest::print(graph.rules()),
        Format::Json => graph.to_json(),
        Format::Dot => graph.to_dot(),
    };
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Answers the patterns that a key matches with what they bind and say, what it derives from, what goes with it, and who owns or
/// leases it.
#[command(
    "WHO",
    since = "1.0.0",
    complexity = "O(N) where N is the number of edges that lead from the key",
    flags(MODULE),
    categories(OWNERSHIP),
    keys(KeySpec::one(2, RO))
)]
pub(crate) fn who(ctx: &mut Ctx, key: Key) -> Result<()> {
    let (graph, key) = (ctx.node.ownership.graph(), key.bytes);
    let mut found = Found::new();
    graph.matches(key, &mut found);
    found.sort_unstable();
    ctx.out.map(6);
    field(ctx, "key");
    ctx.out.bulk(key);
    field(ctx, "patterns");
    ctx.out.array(found.len());
    for &id in &found {
        write_node(ctx, &graph, id, key);
    }
    field(ctx, "derives-from");
    list(ctx, &graph.sources_of(key).iter().map(|it| it.keys.pattern()).collect::<Vec<_>>());
    field(ctx, "takes-along");
    list(ctx, &graph.cascade(key, Trigger::Gone).iter().map(|it| it.keys.pattern()).collect::<Vec<_>>());
    field(ctx, "owner");
    match ctx.node.owner_of(key) {
        Some(user) => ctx.out.bulk(&user),
        None => ctx.out.null(),
    }
    field(ctx, "leases");
    let tokens: Vec<u64> = ctx.node.leases().over(key).map(|(lease, _)| lease.token).collect();
    ctx.out.array(tokens.len());
    tokens.into_iter().for_each(|token| ctx.out.int(token as i64));
    Ok(())
}

fn write_node(ctx: &mut Ctx, graph: &Graph, id: u32, key: &[u8]) {
    let node = graph.node(id);
    let places = node.pattern.capture_places(key).unwrap_or_default();
    ctx.out.map(3);
    field(ctx, "pattern");
    ctx.out.bulk(node.pattern.text());
    field(ctx, "captures");
    ctx.out.map(places.len());
    for (name, place) in node.pattern.captures().zip(places) {
        field(ctx, name);
        ctx.out.bulk(&key[place]);
    }
    field(ctx, "attributes");
    let words = node.attributes.words();
    ctx.out.map(words.len());
    for (name, value) in words {
        field(ctx, name);
        ctx.out.bulk(value.as_bytes());
    }
}

pub(super) fn field(ctx: &mut Ctx, name: &str) {
    ctx.out.bulk(name.as_bytes());
}

pub(super) fn list(ctx: &mut Ctx, patterns: &[Pattern]) {
    ctx.out.array(patterns.len());
    patterns.iter().for_each(|pattern| ctx.out.bulk(pattern.text()));
}

/// Answers what would go if a key did, each with the edges that lead to it.
#[command(
    "PLAN",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys that would go, or of keys in the database where a pattern is not taken along as a whole",
    flags(READONLY | MODULE),
    locks(Walk),
    categories(OWNERSHIP),
    keys(KeySpec::one(2, RO))
)]
pub(crate) fn plan(ctx: &mut Ctx, key: Key) -> Result<()> {
    let graph = ctx.node.ownership.graph();
    let all = would_go(ctx, &[Pattern::of_key(key.bytes)]);
    ctx.out.array(all.len());
    for (key, path) in all {
        ctx.out.array(1 + path.len());
        ctx.out.bulk(&key);
        for edge in path {
            ctx.out.bulk(graph.rules().edges[edge as usize].to_string().as_bytes());
        }
    }
    Ok(())
}
