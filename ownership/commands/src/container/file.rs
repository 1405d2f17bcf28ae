//! OWNERSHIP LOAD, SAVE and RESTORE.

use commands_macros::command;
use settings::LogLevel;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

const NO_FILE: Error = Error::Plain(
    "ERR This instance is not configured to use an ownership file. You may want to set 'ownershipfile' in its \
     configuration file",
);

/// Takes the rules of the ownership file: all of them, or nothing changes.
#[command(
    "LOAD",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules, and once the number of keys where a pattern is taken along as a whole",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    locks(All),
    categories(OWNERSHIP)
)]
pub(crate) fn load(ctx: &mut Ctx) -> Result<Done> {
    let path = ctx.node.manifest_path().ok_or(NO_FILE)?;
    let text = std::fs::read(&path).map_err(|error| {
        Error::text(format!("ERR cannot read {}: {}", path.display(), base::system::reason(&error)))
    })?;
    let name = path.display();
    let graph = ownership::manifest::parse(&text).map_err(|error| Error::text(format!("ERR {name}: {error}")))?;
    let manifest = ownership::manifest::print(graph.rules());
    ctx.node.set_graph(graph, &mut ctx.keys);
    ctx.keys.tally.dirty += 1;
    // A restart may find another file, or none.
    ctx.say_words(&[b"OWNERSHIP", b"RESTORE", manifest.as_bytes()]);
    Ok(Done)
}

/// Takes the rules of a manifest's text: all of them, or nothing changes.
#[command(
    "RESTORE",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules, and once the number of keys where a pattern is taken along as a whole",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    locks(All),
    categories(OWNERSHIP)
)]
pub(crate) fn restore(ctx: &mut Ctx, manifest: &[u8]) -> Result<Done> {
    let graph = ownership::manifest::parse(manifest).map_err(|error| Error::text(format!("ERR {error}")))?;
    if ctx.is_replay() && ctx.node.manifest_path().is_some() {
        return Ok(Done);
    }
    ctx.node.set_graph(graph, &mut ctx.keys);
    ctx.keys.tally.dirty += 1;
    Ok(Done)
}

/// Writes the rules into the ownership file.
#[command(
    "SAVE",
    since = "1.0.0",
    complexity = "O(N) where N is the number of rules",
    flags(ADMIN | NOSCRIPT | MODULE),
    categories(OWNERSHIP)
)]
pub(crate) fn save(ctx: &mut Ctx) -> Result<Done> {
    let path = ctx.node.manifest_path().ok_or(NO_FILE)?;
    let text = ctx.node.manifest().unwrap_or_default();
    commands::file::replace(&path, text.as_bytes()).map_err(|error| {
        let text = format!("Saving the ownership file {}: {}", path.display(), base::system::reason(&error));
        ctx.node.host().log(LogLevel::Warning, &text);
        Error::Plain("ERR The ownership file could not be written. Please check the server logs")
    })?;
    Ok(Done)
}
