//! FUNCTION: the libraries of functions.

mod list;
mod load;
mod restore;
mod stats;

use commands_macros::command;

use super::script::FlushType;
use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::{self, Ok as Done};
use crate::spec::{ArgDoc, Command};

/// See the module's head.
pub(super) static FUNCTION: Command = Command::container(
    "FUNCTION",
    "7.0.0",
    "Manages libraries of functions.",
    &[&DELETE, &restore::DUMP, &FLUSH, &HELP, &stats::KILL, &list::LIST, &load::LOAD, &restore::RESTORE, &stats::STATS],
);

const FLUSH_TYPE: Error = Error::Plain("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");

/// Too many words for a subcommand, which Redis names as the client wrote it.
fn too_many(ctx: &Ctx) -> Error {
    let shown = String::from_utf8_lossy(ctx.request.word(1).unwrap_or_default()).into_owned();
    Error::text(format!("ERR unknown subcommand or wrong number of arguments for '{shown}'. Try FUNCTION HELP."))
}

/// Removes all libraries of functions.
#[command(
    "FLUSH",
    since = "7.0.0",
    complexity = "O(N) where N is the number of functions deleted",
    flags(NOSCRIPT | WRITE),
    locks(All),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(ArgDoc::one_of("flush-type", <FlushType as OneOf>::DOCS).optional())
)]
fn flush(ctx: &mut Ctx, flush_type: Rest) -> Result<Done> {
    let mut words = flush_type.0;
    if words.len() > 1 {
        return Err(too_many(ctx));
    }
    let lazily = match FlushType::take_if(&mut words)? {
        Some(kind) => matches!(kind, FlushType::Async),
        None if words.is_empty() => ctx.node.settings.lazyfree_lazy_user_flush(),
        None => return Err(FLUSH_TYPE),
    };
    ctx.node.flush_libraries(lazily);
    ctx.keys.tally.dirty += 1;
    // The interpreter goes with them.
    if ctx.core.interpreters.functions.take().is_some() {
        ctx.core.stats.function_bytes.set(0);
    }
    Ok(Done)
}

/// Removes a library with its functions.
#[command(
    "DELETE",
    since = "7.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | WRITE),
    locks(All),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(ArgDoc::new("library-name", crate::spec::ArgType::String))
)]
fn delete(ctx: &mut Ctx, library_name: &[u8]) -> Result<Done> {
    if !ctx.node.scripts.libraries.remove(library_name) {
        return Err(Error::Plain("ERR Library not found"));
    }
    ctx.keys.tally.dirty += 1;
    Ok(Done)
}

/// Explains the subcommands.
#[command("HELP", since = "7.0.0", complexity = "O(1)", flags(LOADING | STALE))]
fn help(ctx: &mut Ctx) -> Result<()> {
    reply::help(ctx.out, "FUNCTION", HELP_LINES);
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "DELETE <library>",
    "    Forget a library and its functions.",
    "DUMP",
    "    Answer all libraries as bytes that RESTORE takes, here or on another server.",
    "FLUSH [ASYNC|SYNC]",
    "    Forget all libraries. Without a mode lazyfree-lazy-user-flush chooses it.",
    "KILL",
    "    End the function that runs, unless it has written.",
    "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
    "    Tell the libraries with their functions, descriptions and flags, and their code if that is wanted.",
    "LOAD [REPLACE] <code>",
    "    Add a library. The first line of its code names it: #!lua name=<library>",
    "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
    "    Add the libraries of a payload of DUMP: after forgetting all others (FLUSH), if none of them is",
    "    there already (APPEND, the default), or in place of those of the same names (REPLACE).",
    "STATS",
    "    Tell which function runs, and how many libraries and functions there are.",
];

#[cfg(test)]
mod tests;
