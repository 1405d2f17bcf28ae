//! The short way of a request. Nearly all name one key, and nothing about them, their client or the instance is out
//! of the ordinary: what `execute` asks for each request is then known before, or asked in one look.
//!
//! # Invariants
//! - A client is plain until a request that goes the long way; the caller asks again after each of those.
//! - What others may change meanwhile (rules, settings, who watches) is asked again for each request, under its lock.
//! - Where this way declines, nothing has happened.

use std::sync::atomic::Ordering::Relaxed;

use keyspace::change::Interest;
use keyspace::keys::Hold;
use resp::Writer;

use crate::client::{Client, Origin, Replies};
use crate::ctx::{CoreView, Ctx};
use crate::effect;
use crate::error::Error;
use crate::execute::{account, failed};
use crate::keys::KeyShape;
use crate::node::Node;
use crate::node::core::Core;
use crate::ownership;
use crate::publish::{has_news, publish};
use crate::request::Request;
use crate::spec::{Command, Locks, flag};

/// The flags of commands that may go this way.
const FLAGS: u32 = flag::WRITE | flag::READONLY | flag::DENYOOM | flag::FAST;

/// Those whose wishes this way fulfils; all others have the long one.
const KNOWN: u32 = Interest::WATCH.0 | Interest::BLOCKED.0 | Interest::FOLLOW.0 | Interest::EFFECTS.0;

/// Those who have a say only in writes, or look at what changed: a read that changed nothing is none of their business.
const OF_WRITES: u32 = Interest::GUARDS | Interest::FOLLOWED | Interest::FEED.0;

/// After a command that took as long others may want its shard.
const LONG_NS: u64 = 5000;

/// Whether requests of a command may go this way: they name one key, lock that, and never wait.
pub(crate) fn is_quick(command: &Command, shape: KeyShape) -> bool {
    command.locks == Locks::Keys
        && matches!(shape, KeyShape::One(_))
        && command.run.is_some()
        && command.flags & !FLAGS == 0
        && command.flags_of.is_none()
        && command.more_keys.is_none()
        && command.subcommands.is_empty()
}

impl Client {
    /// Whether its requests may go the short way, until one goes the other.
    #[inline]
    pub fn is_plain(&mut self, node: &Node) -> bool {
        self.authenticated
            && self.multi.is_none()
            && !self.tracked
            && self.caching.is_none()
            && self.replies == Replies::On
            && !self.no_touch
            && self.subscriptions.is_none()
            && self.landing.is_none()
            && self.may_do_all(node)
    }
}

impl Node {
    /// Whether nothing about the instance needs more than a look; `interest` is who wants to know of changes.
    #[inline(always)]
    fn is_plain(&self, interest: u32, command: &Command) -> bool {
        (interest & !KNOWN == 0 || interest & !(KNOWN | OF_WRITES) == 0 && command.has(flag::READONLY))
            && !self.space.is_halted()
            && !self.pause.is_set()
            && !self.warm.is_on()
            && !self.snapshots.has_failed()
            && !self.loading.is_loading.load(Relaxed)
    }

    /// Whether memory is surely not full.
    #[inline(always)]
    fn has_memory(&self) -> bool {
        let limit = self.settings.maxmemory();
        limit == 0 || self.used_memory() <= limit
    }
}

/// Runs a request of a plain client whose row is quick, and writes its reply; false: it is to go the long way. The
/// key's shard stays locked where `hold` can be used again; it is not where somebody else has to be told.
#[inline(always)]
pub fn execute(
    node: &Node,
    core: &mut Core,
    client: &mut Client,
    request: Request<'_>,
    hold: &mut Hold<'_>,
    out: &mut Writer,
) -> bool {
    let row = request.row;
    let ([key, ..], Some(handler)) = (request.hashes, row.command.run) else { return false };
    let is_known = client.user_generation == node.acl.users.generation() && row.takes(request.spans.len());
    if !is_known || node.monitoring.monitors.watch(row) != 0 || !node.has_memory() {
        return false;
    }
    let mark = out.mark();
    let Core { stats, interpreters, random, own, now, clock, tally, .. } = core;
    let core_view = CoreView { stats, interpreters, random, own, clock };
    if hold.lock(client.db, key.hash).is_err() {
        return false;
    }
    // Whoever begins to want effects, or events, locks this shard first.
    let interest = node.space.interest();
    let is_logged = interest & Interest::EFFECTS.0 != 0;
    if !node.is_plain(interest, row.command)
        || is_logged && row.command.has(flag::WRITE) && node.log_failure().is_some()
    {
        return false;
    }
    node.begin_effects(tally);
    let mut ctx = Ctx {
        node,
        client,
        keys: hold.keys(*now, tally),
        out,
        origin: Origin::Connection,
        request,
        transaction: None,
        wait_as: None,
        core: core_view,
    };
    let mut args = request.args(&node.space);
    let (dirty, changes) = (ctx.keys.tally.dirty, ctx.keys.tally.changes.len());
    ctx.keys.tally.effects.begin_request();
    let result = handler(&mut ctx, &mut args);
    if is_logged {
        effect::conclude(&mut ctx, &request, dirty);
    }
    if interest & Interest::FOLLOWED != 0 {
        after_read(&mut ctx, interest, changes);
    }
    let place = if is_logged { node.reserve_record(&mut ctx.keys) } else { None };
    if let Err(error) = result
        && !fail(&mut ctx, mark, &error)
    {
        return false;
    }
    drop(ctx);
    if let Some(place) = place {
        hold.release();
        client.last_place = place;
        node.append_record(place, &mut core.tally);
    }
    client.last_command = row.index as u32 + 1;
    core.stats.commands.add(1);
    let end = core.clock.ticks();
    let ns = core.clock.ns_between(core.last, end);
    core.last = end;
    account(node, &core.stats, row, ns);
    if node.monitoring.is_slow(ns) {
        node.monitoring.record(&node.settings, client, &request, ns, core.now.unix_ms);
    }
    if has_news(core) || ns > LONG_NS {
        hold.release();
    }
    publish(node, core, client.shared.id);
    true
}

/// Under rules of ownership: what follows where a read found its key's time over, and what is counted.
#[inline]
fn after_read(ctx: &mut Ctx<'_>, interest: u32, changes: usize) {
    if ctx.keys.tally.changes.len() != changes {
        ownership::follow_call(ctx, changes);
    }
    if interest & Interest::OWNERSHIP.0 != 0 {
        let request = ctx.request;
        ownership::count_read(ctx, &request);
    }
}

/// Writes an error as the reply; false for what is none.
#[cold]
fn fail(ctx: &mut Ctx<'_>, mark: resp::Mark, error: &Error) -> bool {
    ctx.out.truncate(mark);
    if matches!(error, Error::Wait(_) | Error::Fetch) {
        return false;
    }
    failed(ctx.node, ctx.core, ctx.request.row, error, ctx.out);
    true
}
