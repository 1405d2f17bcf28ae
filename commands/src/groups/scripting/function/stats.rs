//! FUNCTION STATS and FUNCTION KILL: the function that runs.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::Ok as Done;
use crate::script::functions::library::ENGINE;

/// Ends the function that runs.
#[command(
    "KILL",
    since = "7.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | ALLOW_BUSY),
    tips("request_policy:all_shards", "response_policy:one_succeeded")
)]
pub(super) fn kill(ctx: &mut Ctx) -> Result<Done> {
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
pub(super) fn stats(ctx: &mut Ctx) -> Result<()> {
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
    let counts = ctx.node.scripts.libraries.counts();
    ctx.out.bulk(b"engines");
    ctx.out.map(1);
    ctx.out.bulk(ENGINE.as_bytes());
    ctx.out.map(2);
    ctx.out.bulk(b"libraries_count");
    ctx.out.int(counts.libraries as i64);
    ctx.out.bulk(b"functions_count");
    ctx.out.int(counts.functions as i64);
    Ok(())
}
