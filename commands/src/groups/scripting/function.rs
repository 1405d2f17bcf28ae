//! FUNCTION.

use commands_macros::command;

use super::script::FlushType;
use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::{self, Ok as Done};
use crate::spec::{ArgDoc, Command};

/// See the module's head.
pub(super) static FUNCTION: Command =
    Command::container("FUNCTION", "7.0.0", "Manages libraries of functions.", &[&FLUSH, &HELP, &KILL, &STATS]);

const FLUSH_TYPE: Error = Error::Plain("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");

/// Removes all libraries of functions.
#[command(
    "FLUSH",
    since = "7.0.0",
    complexity = "O(N) where N is the number of functions deleted",
    flags(NOSCRIPT | WRITE),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(ArgDoc::one_of("flush-type", <FlushType as OneOf>::DOCS).optional())
)]
fn flush(_ctx: &mut Ctx, flush_type: Rest) -> Result<Done> {
    let mut words = flush_type.0;
    if words.len() > 1 {
        return Err(Error::Plain(
            "ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.",
        ));
    }
    let known = words.is_empty() || FlushType::take_if(&mut words)?.is_some();
    if known && words.is_empty() { Ok(Done) } else { Err(FLUSH_TYPE) }
}

/// Ends the function that runs.
#[command(
    "KILL",
    since = "7.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | ALLOW_BUSY),
    tips("request_policy:all_shards", "response_policy:one_succeeded")
)]
fn kill(ctx: &mut Ctx) -> Result<Done> {
    ctx.node.scripts.jobs.kill(true)?;
    Ok(Done)
}

/// Tells which function runs, and how many there are.
#[command(
    "STATS",
    since = "7.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | ALLOW_BUSY),
    tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special")
)]
fn stats(ctx: &mut Ctx) -> Result<()> {
    let job = ctx.node.scripts.jobs.current(|_| true);
    if job.as_ref().is_some_and(|job| !job.is_function) {
        return Err(ctx.node.scripts.jobs.busy_error());
    }
    ctx.out.map(2);
    ctx.out.bulk(b"running_script");
    match job {
        None => ctx.out.null(),
        Some(job) => {
            ctx.out.map(3);
            ctx.out.bulk(b"name");
            ctx.out.bulk(&job.name);
            ctx.out.bulk(b"command");
            ctx.out.array(job.words.len());
            job.words.iter().for_each(|word| ctx.out.bulk(word));
            ctx.out.bulk(b"duration_ms");
            ctx.out.int(job.started.elapsed().as_millis() as i64);
        }
    }
    ctx.out.bulk(b"engines");
    ctx.out.map(1);
    ctx.out.bulk(b"LUA");
    ctx.out.map(2);
    ctx.out.bulk(b"libraries_count");
    ctx.out.int(0);
    ctx.out.bulk(b"functions_count");
    ctx.out.int(0);
    Ok(())
}

/// Explains the subcommands.
#[command("HELP", since = "7.0.0", complexity = "O(1)", flags(LOADING | STALE))]
fn help(ctx: &mut Ctx) -> Result<()> {
    reply::help(ctx.out, "FUNCTION", HELP_LINES);
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a new library with the given library name and code.",
    "DELETE <LIBRARY NAME>",
    "    Delete the given library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    Return general information on all the libraries:",
    "    * Library name",
    "    * The engine used to run the Library",
    "    * Functions list",
    "    * Library code (if WITHCODE is given)",
    "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
    "STATS",
    "    Return information about the current function running:",
    "    * Function name",
    "    * Command used to run the function",
    "    * Duration in MS that the function is running",
    "    If no function is running, return nil",
    "    In addition, returns a list of available engines.",
    "KILL",
    "    Kill the current running function.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all the libraries.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the libraries.",
    "    * SYNC: Synchronously flush the libraries.",
    "DUMP",
    "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
    "    control how to handle existing libraries (default APPEND):",
    "    * FLUSH: delete all existing libraries.",
    "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
    "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
    "      libraries with the new libraries (notice that even on this option there is a chance of failure",
    "      in case of functions name collision with another library).",
];
