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
fn flush(ctx: &mut Ctx, flush_type: Rest) -> Result<Done> {
    let mut words = flush_type.0;
    if words.len() > 1 {
        return Err(Error::Plain(
            "ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.",
        ));
    }
    let known = words.is_empty() || FlushType::take_if(&mut words)?.is_some();
    if !known || !words.is_empty() {
        return Err(FLUSH_TYPE);
    }
    ctx.node.function_libraries.lock().clear();
    Ok(Done)
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
    let libraries = ctx.node.function_libraries.lock().len();
    ctx.out.int(libraries as i64);
    ctx.out.bulk(b"functions_count");
    // Libraries are kept for the next snapshot; none is compiled, so no function can be called.
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
    "FLUSH [ASYNC|SYNC]",
    "    Forget the libraries that came with a snapshot.",
    "KILL",
    "    End the function that runs.",
    "STATS",
    "    Tell which function runs, and how many libraries there are.",
];
