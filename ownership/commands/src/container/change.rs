//! OWNERSHIP DEFINE, UNDEFINE, LINK and UNLINK.

use commands_macros::command;
use ownership::{Attributes, EdgeRule, Graph, Relation, RuleError};

use super::pattern;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

const PATTERN: ArgDoc = ArgDoc::new("pattern", ArgType::Pattern);
const ATTRIBUTES: ArgDoc =
    ArgDoc::block("attribute", &[ArgDoc::new("name", ArgType::String), ArgDoc::new("value", ArgType::String)])
        .optional()
        .multiple();
const RELATION: ArgDoc = ArgDoc::one_of(
    "relation",
    &[
        ArgDoc::token_only("owns").token("OWNS"),
        ArgDoc::token_only("derives").token("DERIVES"),
        ArgDoc::token_only("invalidates").token("INVALIDATES"),
        ArgDoc::token_only("borrows").token("BORROWS"),
    ],
);
const LEFT: ArgDoc = ArgDoc::new("left", ArgType::Pattern);
const RIGHT: ArgDoc = ArgDoc::new("right", ArgType::Pattern);

/// Says what holds for the keys of a pattern, in place of what was said of it before.
#[command(
    "DEFINE",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    locks(All),
    categories(OWNERSHIP),
    args(PATTERN, ATTRIBUTES)
)]
pub(crate) fn define(ctx: &mut Ctx, name: &[u8], attributes: Rest) -> Result<Done> {
    let name = pattern(name)?;
    let words: Vec<&[u8]> = attributes.0.iter().collect();
    let attributes = Attributes::parse(&words).map_err(|error| Error::text(format!("ERR {error}")))?;
    change(ctx, |graph| graph.define(&name, attributes))
}

/// Forgets what was said of a pattern that no edge needs.
#[command(
    "UNDEFINE",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    locks(All),
    categories(OWNERSHIP),
    args(PATTERN)
)]
pub(crate) fn undefine(ctx: &mut Ctx, name: &[u8]) -> Result<Done> {
    let name = pattern(name)?;
    change(ctx, |graph| graph.undefine(&name))
}

/// Says that keys of two patterns belong together.
#[command(
    "LINK",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules, and once the number of keys where a pattern is taken along as a whole",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    locks(All),
    categories(OWNERSHIP),
    args(LEFT, RELATION, RIGHT)
)]
pub(crate) fn link(ctx: &mut Ctx, left: &[u8], relation: &[u8], right: &[u8]) -> Result<Done> {
    let edge = edge(left, relation, right)?;
    change(ctx, |graph| graph.link(edge))
}

/// Forgets that keys of two patterns belong together.
#[command(
    "UNLINK",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    locks(All),
    categories(OWNERSHIP),
    args(LEFT, RELATION, RIGHT)
)]
pub(crate) fn unlink(ctx: &mut Ctx, left: &[u8], relation: &[u8], right: &[u8]) -> Result<Done> {
    let edge = edge(left, relation, right)?;
    change(ctx, |graph| graph.unlink(&edge))
}

fn edge(left: &[u8], relation: &[u8], right: &[u8]) -> Result<EdgeRule> {
    let known = Relation::parse(relation).ok_or_else(|| {
        let shown = String::from_utf8_lossy(&relation[..relation.len().min(128)]).into_owned();
        Error::text(format!("ERR unknown edge '{shown}': OWNS, DERIVES, INVALIDATES and BORROWS are known"))
    })?;
    Ok(EdgeRule { left: pattern(left)?, relation: known, right: pattern(right)? })
}

fn change(ctx: &mut Ctx, make: impl FnOnce(&Graph) -> std::result::Result<Graph, RuleError>) -> Result<Done> {
    let node = ctx.node;
    if ctx.is_replay() && node.manifest_path().is_some() {
        // The file is what holds after a restart.
        return Ok(Done);
    }
    let graph = make(&node.ownership.graph()).map_err(|error| Error::text(format!("ERR {error}")))?;
    node.set_graph(graph, &mut ctx.keys);
    // The request is its own effect.
    ctx.keys.tally.dirty += 1;
    Ok(Done)
}
