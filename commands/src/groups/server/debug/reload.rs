//! DEBUG RELOAD and LOADAOF: through a snapshot, or the log, and back.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::change::Tally;
use keyspace::keys::{Keys, Now};
use persistence::rdb::file::{Loader, Progress};

use crate::args::Args;
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::pause::Paused;

#[derive(Clone, Copy)]
struct How {
    merges: bool,
    flushes: bool,
    saves: bool,
}

impl How {
    fn read(mut words: Args) -> Result<Self> {
        let mut how = Self { merges: false, flushes: true, saves: true };
        while !words.is_empty() {
            if words.take_token("MERGE") {
                how.merges = true;
            } else if words.take_token("NOFLUSH") {
                how.flushes = false;
            } else if words.take_token("NOSAVE") {
                how.saves = false;
            } else {
                return Err(Error::Plain("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."));
            }
        }
        Ok(how)
    }
}

const FAILED: Error = Error::Plain("ERR Error trying to load the RDB dump, check server logs");

/// Saves, empties and loads the data set, as the words say; other clients wait.
pub(super) fn reload(ctx: &mut Ctx, words: Args) -> Result<()> {
    let how = How::read(words)?;
    if ctx.origin != Origin::Connection {
        // It takes all locks itself, and a transaction has some.
        return Err(Error::Plain("ERR DEBUG RELOAD is not allowed inside a transaction"));
    }
    alone(ctx, |ctx| run(ctx, how))
}

/// Answers OK after `run`, during which other clients wait.
fn alone(ctx: &mut Ctx, run: impl FnOnce(&mut Ctx) -> Result<()>) -> Result<()> {
    let was_paused = ctx.node.pause.is_set();
    ctx.node.pause.extend(Paused::All, i64::MAX >> 2);
    let result = run(ctx);
    if !was_paused {
        ctx.node.unpause();
    }
    result?;
    ctx.out.ok();
    Ok(())
}

/// Empties the data set and loads the log; other clients wait.
pub(super) fn load_log(ctx: &mut Ctx, _: Args) -> Result<()> {
    if ctx.origin != Origin::Connection {
        return Err(Error::Plain("ERR DEBUG LOADAOF is not allowed inside a transaction"));
    }
    alone(ctx, |ctx| {
        let (node, was_logging) = (ctx.node, ctx.node.is_logging());
        set_logging(ctx, false);
        let result = node.keeper().load(&mut || empty(ctx));
        set_logging(ctx, was_logging);
        result.map_err(|reason| {
            node.host().log(settings::LogLevel::Warning, &format!("The log cannot be loaded: {reason}"));
            Error::Plain("ERR Error trying to load the AOF files, check server logs")
        })?;
        node.host().log(settings::LogLevel::Warning, "Append Only File loaded by DEBUG LOADAOF");
        Ok(())
    })
}

/// No command is under way when the log is turned on or off.
fn set_logging(ctx: &Ctx, on: bool) {
    let mut tally = Tally::default();
    let _locked = Keys::lock_all(&ctx.node.space, 0, ctx.keys.now, &mut tally);
    ctx.node.set_logging(on);
}

fn empty(ctx: &Ctx) {
    let (node, mut tally) = (ctx.node, Tally::default());
    let mut keys = Keys::lock_all(&node.space, 0, ctx.keys.now, &mut tally);
    for db in 0..node.space.databases() {
        keys.select(db);
        keys.flush(true);
    }
    node.flush_libraries(false);
}

fn run(ctx: &mut Ctx, how: How) -> Result<()> {
    let node = ctx.node;
    if how.saves {
        match node.save() {
            Some(Ok(())) => {}
            Some(Err(_)) => return Err(Error::Plain("ERR")),
            None => return Err(Error::Plain("ERR Background save already in progress")),
        }
    }
    if how.flushes {
        empty(ctx);
    }
    load(node, how.merges, ctx.keys.now)?;
    let mut tally = Tally::default();
    node.relist_members(&mut Keys::lock_all(&node.space, 0, ctx.keys.now, &mut tally));
    node.monitoring.saved_dirty.store(node.dirty(), Relaxed);
    Ok(())
}

fn load(node: &Node, merges: bool, now: Now) -> Result<()> {
    let path = node.snapshot_path();
    let warn = |text: String| node.host().log(settings::LogLevel::Warning, &text);
    let bytes = std::fs::read(&path).map_err(|error| {
        warn(format!(
            "Fatal error: can't open the RDB file {} for reading: {}",
            path.display(),
            base::system::reason(&error)
        ));
        FAILED
    })?;
    // Not the progress that everybody sees: clients wait here instead of being refused.
    let (progress, now_ms) = (Progress::default(), base::clock::unix_ms());
    let loader = Loader {
        space: &node.space,
        limits: node.limits(),
        now_ms,
        access: node.access_at(now_ms),
        skips_expired: true,
        replaces: merges,
        checks_sum: node.settings.rdbchecksum(),
        threads: node.cores.len(),
        progress: &progress,
        after_batch: &|shard, db, keys| node.after_loading(shard, db, keys),
    };
    let report = loader.load(&bytes).map_err(|error| {
        warn(format!("Error loading {}: {error}", path.display()));
        FAILED
    })?;
    let mut tally = Tally::default();
    let all_locked = Keys::lock_all(&node.space, 0, now, &mut tally);
    node.load_libraries(&report.functions, merges).map_err(|reason| {
        warn(format!("Error loading {}: {reason}", path.display()));
        FAILED
    })?;
    drop(all_locked);
    node.loading.keys.store(progress.keys.load(Relaxed), Relaxed);
    node.loading.expired.store(progress.expired.load(Relaxed), Relaxed);
    Ok(())
}
