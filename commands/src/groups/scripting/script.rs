//! SCRIPT.

use commands_macros::{Args, command};

use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::{self, Ok as Done};
use crate::script::cache::{parse_sha, sha_of};
use crate::script::call;
use crate::spec::{ArgDoc, Command};

/// See the module's head.
pub(super) static SCRIPT: Command = Command::container(
    "SCRIPT",
    "2.6.0",
    "Manages the scripts that are remembered.",
    &[&DEBUG, &EXISTS, &FLUSH, &HELP, &KILL, &LOAD, &SHOW],
);

/// How FLUSH frees.
#[derive(Args, Clone, Copy)]
pub(super) enum FlushType {
    Async,
    Sync,
}

/// Answers which scripts are known.
#[command(
    "EXISTS",
    since = "2.6.0",
    complexity = "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
    flags(NOSCRIPT),
    tips("request_policy:all_shards", "response_policy:agg_logical_and"),
    args(ArgDoc::new("sha1", crate::spec::ArgType::String).multiple())
)]
fn exists(ctx: &mut Ctx, sha1: Rest) -> Result<()> {
    ctx.out.array(sha1.0.len());
    for word in sha1.0.iter() {
        let is_known = parse_sha(word).is_some_and(|sha| ctx.node.scripts.cache.find(&sha).is_some());
        ctx.out.int(i64::from(is_known));
    }
    Ok(())
}

/// Remembers a script without running it.
#[command(
    "LOAD",
    since = "2.6.0",
    complexity = "O(N) with N being the length in bytes of the script body.",
    flags(NOSCRIPT | STALE),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
fn load(ctx: &mut Ctx, script: &[u8]) -> Result<()> {
    let sha = sha_of(script);
    call::with_scripts(ctx, |ctx, interpreter| {
        let cache = &ctx.node.scripts.cache;
        let known = cache.find(&sha).is_some();
        let loaded = cache.add(&sha, script, true)?;
        if !known {
            interpreter.compile(&loaded).inspect_err(|_| cache.remove(&sha))?;
        }
        ctx.out.bulk(&sha);
        Ok(())
    })
}

/// Answers the text of a script that is known, as Valkey does.
#[command("SHOW", since = "8.0.0", complexity = "O(1)", flags(NOSCRIPT))]
fn show(ctx: &mut Ctx, sha1: &[u8]) -> Result<()> {
    let known = parse_sha(sha1).and_then(|sha| ctx.node.scripts.cache.find(&sha));
    let script = known.ok_or(Error::Plain("NOSCRIPT No matching script."))?;
    ctx.out.bulk(&script.body);
    Ok(())
}

/// Forgets all scripts.
#[command(
    "FLUSH",
    since = "2.6.0",
    complexity = "O(N) where N is the number of scripts in cache",
    flags(NOSCRIPT),
    tips("request_policy:all_nodes", "response_policy:all_succeeded"),
    args(ArgDoc::one_of("flush-type", <FlushType as OneOf>::DOCS).optional().since("6.2.0"))
)]
fn flush(ctx: &mut Ctx, words: Rest) -> Result<Done> {
    // Each core gives its compiled scripts back when it runs the next one.
    let mut words = words.0;
    if !words.is_empty() && (FlushType::take_if(&mut words)?.is_none() || !words.is_empty()) {
        return Err(Error::Plain("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    ctx.node.scripts.cache.flush();
    Ok(Done)
}

/// Ends the script that runs.
#[command(
    "KILL",
    since = "2.6.0",
    complexity = "O(1)",
    flags(NOSCRIPT | ALLOW_BUSY),
    tips("request_policy:all_shards", "response_policy:one_succeeded")
)]
fn kill(ctx: &mut Ctx) -> Result<Done> {
    ctx.node.scripts.jobs.kill(false)?;
    Ok(Done)
}

/// The modes of DEBUG.
#[derive(Args, Clone, Copy)]
enum Mode {
    Yes,
    Sync,
    No,
}

/// Chooses whether the next script runs in the debugger, of which there is none.
#[command("DEBUG", since = "3.2.0", complexity = "O(1)", flags(NOSCRIPT), arity(3), args(ArgDoc::one_of("mode", <Mode as OneOf>::DOCS)))]
fn debug(_ctx: &mut Ctx, words: Rest) -> Result<Done> {
    let mut words = words.0;
    match Mode::take_if(&mut words)? {
        Some(Mode::No) => Ok(Done),
        Some(Mode::Yes | Mode::Sync) => Err(Error::Plain(
            "ERR this server has no debugger for scripts: run the script on a server of your own with redis-cli --ldb",
        )),
        None => Err(Error::Plain("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
}

/// Explains the subcommands.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE))]
fn help(ctx: &mut Ctx) -> Result<()> {
    let lines = [
        "DEBUG (YES|SYNC|NO)",
        "    Say how this client's next scripts are debugged.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Tell which scripts are known.",
        "FLUSH [ASYNC|SYNC]",
        "    Forget all scripts.",
        "KILL",
        "    End the script that runs, unless it has written.",
        "LOAD <script>",
        "    Keep a script, and answer the SHA-1 that EVALSHA names it by.",
        "SHOW <sha1>",
        "    Answer the text of a script.",
    ];
    reply::help(ctx.out, "SCRIPT", &lines);
    Ok(())
}
