//! The path of a request: look up (done: the request has its row), guards, lock, run, publish.

use base::clock::Ticks;
use keyspace::change::{Interest, Tally};
use keyspace::keys::{Access, Keys, Now};
use keyspace::waits::Halted;
use resp::Writer;
use smallvec::SmallVec;

use crate::client::{Client, Multi, Origin, Replies};
use crate::ctx::{CoreView, Ctx};
use crate::effect;
use crate::error::{Error, Wait};
use crate::guards;
use crate::keys::{KeyShape, find_keys};
use crate::node::core::Core;
use crate::node::monitoring::monitor;
use crate::node::stats::CoreStats;
use crate::node::{Node, access};
use crate::ownership::{self, Own};
use crate::publish;
use crate::request::Request;
use crate::spec::{Locks, flag, key};
use crate::table::Row;
use crate::wake;

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Outcome {
    /// Its reply is written.
    Done,
    /// There is no reply yet: the client waits for the request's keys.
    Wait(Wait),
    /// Its reply is written: a refusal, before it ran.
    Refused,
    /// CLIENT PAUSE holds it: nothing happened, it is to be run again after the pause.
    Paused,
    /// Values are read for it: nothing happened, it is to be run again once [`Client::is_set_aside`] says no.
    Fetch,
}

/// Answers words that name no command.
#[cold]
pub fn unknown<'a>(
    node: &Node,
    core: &Core,
    client: &mut Client,
    words: impl Iterator<Item = &'a [u8]>,
    out: &mut Writer,
) {
    let mark = out.mark();
    client.last_command = 0;
    let mut words = words.peekable();
    if words.peek().is_some_and(|name| node.suspects_browser(client, name)) {
        return;
    }
    guards::unknown_command(node, core, client, words, out);
    withhold(client, out, mark);
}

/// Runs one request of a connection and writes its reply.
#[inline]
pub fn execute(node: &Node, core: &mut Core, client: &mut Client, request: Request, out: &mut Writer) -> Outcome {
    let mark = out.mark();
    let command = request.row.command;
    client.last_command = request.row.index as u32 + 1;
    if let Err(error) = guards::admit(node, core, client, &request) {
        guards::reject(node, core, client, &request, &error, out);
        core.last = core.clock.ticks();
        withhold(client, out, mark);
        return Outcome::Done;
    }
    if client.tracked {
        node.bound_tracking();
        // What went to make room comes before the reply.
        client.take_messages(out);
    }
    if node.pause.is_set() && guards::is_paused(node, core, client, &request) {
        return Outcome::Paused;
    }
    if node.warm.is_on() && guards::flags(node, client, &request) & flag::DENYOOM != 0 && !node.has_room_to_move(client)
    {
        return Outcome::Fetch;
    }
    if client.multi.is_some() && !command.has(flag::UNQUEUED) {
        queue(node, client, &request, out);
        withhold(client, out, mark);
        return Outcome::Done;
    }
    if client.landing.as_ref().is_none_or(|landing| !landing.is_counted) {
        core.stats.commands.add(1);
    }
    let outcome = run(node, core, client, Origin::Connection, request, out);
    if outcome == Outcome::Fetch {
        if let Some(landing) = &mut client.landing {
            landing.is_counted = true;
        }
        return outcome;
    }
    let owes = core.own.owes();
    publish::publish(node, core, client.shared.id);
    if owes {
        note_what_went(node, core, client, &request);
    }
    if client.replies != Replies::On && !command.has(flag::MESSAGE) {
        withhold(client, out, mark);
    }
    if client.caching.is_some() && client.multi.is_none() && !command.has(flag::KEEPS_CACHING) {
        client.caching = None;
    }
    if client.is_subscriber() {
        client.take_messages(out);
    }
    outcome
}

/// What a request took along after it ran is an entry of its own in the slow log, with its words, when it took long; and
/// none of the next request's time.
#[cold]
fn note_what_went(node: &Node, core: &mut Core, client: &Client, request: &Request<'_>) {
    let end = core.clock.ticks();
    let ns = core.clock.ns_between(core.last, end);
    core.last = end;
    if node.monitoring.is_slow(ns) {
        node.monitoring.record(&node.settings, client, request, ns, core.now.unix_ms);
    }
}

/// Locks, runs and accounts for one request whose guards have passed. Part of `execute`, so that nothing it passes on
/// goes through memory.
#[inline(always)]
pub(crate) fn run(
    node: &Node,
    core: &mut Core,
    client: &mut Client,
    origin: Origin,
    request: Request,
    out: &mut Writer,
) -> Outcome {
    let queue = if request.row.command.locks == Locks::Queued { client.multi.take() } else { None };
    let transaction = queue.as_deref();
    let mark = out.mark();
    // Room for this request may have been made by evicting: those changes are told already.
    let changes = core.tally.changes.len();
    let keys = loop {
        let Ok(mut keys) = lock(node, &core.own, core.now, client, &request, transaction, &mut core.tally) else {
            client.multi = queue;
            guards::reject(node, core, client, &request, &node.scripts.jobs.busy_error(), out);
            return Outcome::Done;
        };
        if !node.warm.is_on() {
            break keys;
        }
        match node.bring_values(&mut keys, client, &request, transaction) {
            Ok(true) => break keys,
            Ok(false) => {}
            Err(error) => {
                drop(keys);
                client.landing = None;
                guards::reject(node, core, client, &request, &error, out);
                return Outcome::Done;
            }
        }
        drop(keys);
        if !node.await_values(client, origin) {
            client.multi = queue;
            return Outcome::Fetch;
        }
    };
    node.begin_effects(keys.tally);
    let Core { stats, interpreters, random, own, now, clock, .. } = core;
    let core_view = CoreView { stats, interpreters, random, own, clock };
    let mut ctx = Ctx { node, client, keys, out, origin, request, transaction, wait_as: None, core: core_view };
    if node.pause.is_set() {
        // Only what surely writes nothing may meet a key that is absent and yet there.
        ctx.keys.keep_expired = request.row.command.has(flag::READONLY) && node.pause.state(now.unix_ms).is_some();
    }
    let result = if origin == Origin::Wakened { wake::call(&mut ctx, &request) } else { call(&mut ctx, &request) };
    if let (Outcome::Wait(wait), Origin::Connection) = (result, origin) {
        node.blocking.park(&mut ctx, wait);
    }
    if node.warm.is_on() {
        node.end_landing(&mut ctx.keys, ctx.client, result != Outcome::Fetch);
    }
    let order = node.order_of(&ctx.keys, changes);
    let place = node.reserve_record(&mut ctx.keys);
    drop(ctx);
    if request.row.command.locks == Locks::Script || transaction.is_some() {
        node.scripts.jobs.settle(node);
    }
    if let Some(place) = place {
        client.last_place = place;
        node.append_record(place, &mut core.tally);
    }
    if let Some(order) = order {
        node.announce(&order, &core.tally.changes[changes..]);
    }
    if result == Outcome::Fetch {
        // Whether or not all of it is there at once: the next try finds it.
        client.multi = queue;
        node.await_values(client, origin);
        return result;
    }
    finish_run(node, core, client, &request, origin, result, out, mark)
}

/// Accounts for a request that ran, and shows it to those who watch.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a part of `run`, which it makes fit on a screen")]
fn finish_run(
    node: &Node,
    core: &mut Core,
    client: &mut Client,
    request: &Request,
    origin: Origin,
    result: Outcome,
    out: &mut Writer,
    mark: resp::Mark,
) -> Outcome {
    let end = core.clock.ticks();
    let ns = core.clock.ns_between(core.last, end);
    core.last = end;
    let watch = node.monitoring.monitors.watch(request.row);
    if watch != 0 {
        let ran = Ran { origin, outcome: result, is_error: out.is_error_at(mark), ns };
        show(node, client, request, watch, &ran);
    }
    if result != Outcome::Done {
        return result;
    }
    account(node, &core.stats, request.row, ns);
    if node.monitoring.is_slow(ns) {
        node.monitoring.record(&node.settings, client, request, ns, core.now.unix_ms);
    }
    result
}

/// Runs one request of a transaction on the keys that EXEC locked; it never waits.
pub(crate) fn run_queued<'c>(ctx: &mut Ctx<'c>, request: Request<'c>) {
    let start = ctx.core.clock.ticks();
    ctx.core.stats.commands.add(1);
    ctx.request = request;
    if let Err(denied) = ctx.node.permit(ctx.client, &request, ctx.origin) {
        let error = Error::text(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
             This command is no longer allowed for the following reason: {}",
            access::reason_of_queued(denied)
        ));
        return refuse(ctx, request.row, &error);
    }
    // An earlier request of the transaction may have selected another database.
    ctx.keys.select(ctx.client.db);
    finish_inner(ctx, request, start);
}

/// Runs one request of a script on the keys that it locked; it never waits.
pub(crate) fn run_inner<'c>(ctx: &mut Ctx<'c>, request: Request<'c>) {
    let start = ctx.core.clock.ticks();
    ctx.core.stats.commands.add(1);
    finish_inner(ctx, request, start);
}

/// How a request went, for those who watch.
struct Ran {
    origin: Origin,
    outcome: Outcome,
    is_error: bool,
    ns: u64,
}

/// Shows a request to those who watch, and tells the audit log. One that waits is seen by the former at once, and told
/// of when it has its reply.
#[cold]
fn show(node: &Node, client: &Client, request: &Request<'_>, watch: u32, ran: &Ran) {
    if watch & monitor::MONITORED != 0 && ran.origin != Origin::Wakened {
        node.monitoring.monitors.show(node, client, request, ran.origin);
    }
    if watch & !monitor::MONITORED != 0 && ran.outcome == Outcome::Done && ran.origin != Origin::Log {
        node.audit_command(client, request, !ran.is_error, ran.ns);
    }
}

fn finish_inner<'c>(ctx: &mut Ctx<'c>, request: Request<'c>, start: Ticks) {
    let mark = ctx.out.mark();
    if ctx.node.warm.is_on()
        && let Err(error) = ctx.bring_for(&request, false)
    {
        return failed(ctx.node, ctx.core, request.row, &error, ctx.out);
    }
    let access = ctx.keys.now.access;
    if ctx.client.no_touch && request.row.command.has(flag::TOUCHES) {
        ctx.keys.now.access = ctx.node.access_at(ctx.now_ms());
    }
    if let Outcome::Wait(wait) = call(ctx, &request) {
        wait.otherwise.write(ctx.node, ctx.out);
    }
    ctx.keys.now.access = access;
    let ns = ctx.core.clock.ns_between(start, ctx.core.clock.ticks());
    account(ctx.node, ctx.core.stats, request.row, ns);
    let watch = ctx.node.monitoring.monitors.watch(request.row);
    if watch != 0 {
        let ran = Ran { origin: ctx.origin, outcome: Outcome::Done, is_error: ctx.out.is_error_at(mark), ns };
        show(ctx.node, ctx.client, &request, watch, &ran);
    }
    if ctx.node.monitoring.is_slow(ns) {
        let now_ms = ctx.now_ms();
        ctx.node.monitoring.record(&ctx.node.settings, ctx.client, &request, ns, now_ms);
    }
}

/// Runs a request on locked keys and writes its reply or error.
#[inline]
pub(crate) fn call(ctx: &mut Ctx<'_>, request: &Request<'_>) -> Outcome {
    let mark = ctx.out.mark();
    let Some(handler) = request.row.command.run else {
        ctx.out.error(&guards::unknown_subcommand(request));
        return Outcome::Done;
    };
    let (dirty, changes) = (ctx.keys.tally.dirty, ctx.keys.tally.changes.len());
    let mut limits = None;
    if ctx.node.space.interest() & Interest::GUARDS != 0 {
        match ownership::guard(ctx, request) {
            Ok(limited) => limits = limited,
            Err(error) => {
                refuse(ctx, request.row, &error);
                return Outcome::Refused;
            }
        }
    }
    if request.row.command.locks == Locks::Script && ctx.node.monitoring.monitors.any() {
        // Before what the script calls.
        ctx.node.monitoring.monitors.show(ctx.node, ctx.client, request, ctx.origin);
    }
    let mut args = request.args(&ctx.node.space);
    ctx.keys.tally.effects.begin_request();
    let mut result = handler(ctx, &mut args);
    if request.row.command.locks == Locks::Walk && std::mem::take(&mut ctx.keys.tally.halted) {
        result = Err(ctx.node.scripts.jobs.busy_error());
    }
    if let Some(limits) = &mut limits
        && result.is_ok()
    {
        result = limits.uphold(ctx);
    }
    if ctx.wants_effects() {
        effect::conclude(ctx, request, dirty);
    }
    if let Some(limits) = &limits {
        ownership::give_deadlines(ctx, limits.changes());
    }
    if ctx.node.space.interest() & Interest::FOLLOWED != 0 {
        ownership::follow_call(ctx, changes);
    }
    if ctx.node.space.interest() & Interest::OWNERSHIP.0 != 0 && request.row.command.has(flag::READONLY) {
        ownership::count_read(ctx, request);
    }
    if ctx.client.tracked {
        ctx.note_reads(request);
    }
    match result {
        Ok(()) => Outcome::Done,
        Err(Error::Wait(wait)) => {
            ctx.out.truncate(mark);
            Outcome::Wait(wait)
        }
        Err(Error::Fetch) => {
            ctx.out.truncate(mark);
            Outcome::Fetch
        }
        Err(error) => {
            ctx.out.truncate(mark);
            failed(ctx.node, ctx.core, request.row, &error, ctx.out);
            Outcome::Done
        }
    }
}

/// Writes an error and counts it.
pub(crate) fn failed(node: &Node, core: CoreView<'_>, row: &Row, error: &Error, out: &mut Writer) {
    let line = error.line(&row.name);
    core.stats.by_command[row.index].failed.add(1);
    count_error(node, core.stats, &line);
    out.error(&line);
}

/// Answers a refusal and counts it.
pub(crate) fn refuse(ctx: &mut Ctx<'_>, row: &Row, error: &Error) {
    let line = error.line(&row.name);
    ctx.core.stats.by_command[row.index].rejected.add(1);
    count_error(ctx.node, ctx.core.stats, &line);
    ctx.out.error(&line);
}

/// Counts an error by its code.
pub(crate) fn count_error(node: &Node, stats: &CoreStats, line: &str) {
    stats.errors.add(1);
    let code = line.split(' ').next().unwrap_or("ERR");
    node.count_error(code);
}

/// Locks what a request needs. One key whose hash is known is what nearly all need.
#[inline(always)]
fn lock<'k>(
    node: &'k Node,
    own: &Own,
    mut now: Now,
    client: &Client,
    request: &Request<'_>,
    transaction: Option<&Multi>,
    tally: &'k mut Tally,
) -> Result<Keys<'k>, Halted> {
    if client.no_touch && !request.row.command.has(flag::TOUCHES) {
        now.access = Access::Untouched { initial: now.access.initial() };
    }
    if node.space.interest() & Interest::OWNERSHIP.0 != 0 && may_write(request, transaction) {
        return lock_with_derived(node, own, now, client, request, transaction, tally);
    }
    match (request.row.command.locks, request.row.key_shape, request.hashes) {
        (Locks::Keys, KeyShape::One(_), [key, ..]) => Keys::lock_one(&node.space, client.db, key.hash, now, tally),
        _ => lock_by_shape(node, now, client, request, transaction, tally),
    }
}

/// Whether it, or what it runs, may change keys.
fn may_write(request: &Request<'_>, transaction: Option<&Multi>) -> bool {
    let flags = request.row.command.flags | transaction.map_or(0, |multi| multi.flags);
    flags & flag::WRITE != 0 || request.row.command.locks == Locks::Script
}

/// As `lock`, together with the keys that go by name when those change.
#[cold]
fn lock_with_derived<'k>(
    node: &'k Node,
    own: &Own,
    now: Now,
    client: &Client,
    request: &Request<'_>,
    transaction: Option<&Multi>,
    tally: &'k mut Tally,
) -> Result<Keys<'k>, Halted> {
    let mut hashes: SmallVec<[u64; 16]> = SmallVec::new();
    let mut add = |request: &Request<'_>| {
        let needs_keys_only = matches!(locks_of(request), Locks::Keys);
        for found in find_keys(request) {
            let Some(key) = request.word(found.word) else { continue };
            hashes.push(node.space.hash(key));
            if found.flags & (key::RW | key::OW | key::RM) != 0 {
                own.derived(node, key, &mut hashes);
            }
        }
        needs_keys_only
    };
    let all_declared = match transaction {
        Some(multi) => multi.queue.iter().filter(|queued| !add(&queued.request())).count() == 0,
        // A script takes more as it goes.
        None => add(request) || request.row.command.locks == Locks::Script,
    };
    if !all_declared || hashes.is_empty() {
        return lock_by_shape(node, now, client, request, transaction, tally);
    }
    let watched = client.watched.iter().filter(|_| transaction.is_some()).map(|(_, key)| node.space.hash(key));
    Keys::lock_many(&node.space, client.db, hashes.iter().copied().chain(watched), now, tally)
}

#[inline(never)]
fn lock_by_shape<'k>(
    node: &'k Node,
    now: Now,
    client: &Client,
    request: &Request<'_>,
    transaction: Option<&Multi>,
    tally: &'k mut Tally,
) -> Result<Keys<'k>, Halted> {
    let space = &node.space;
    match (locks_of(request), request.row.key_shape) {
        (Locks::Keys | Locks::Script, KeyShape::One(word)) => {
            let hash = match request.hashes {
                [key, ..] => key.hash,
                [] => request.word(word).map_or(0, |key| space.hash(key)),
            };
            Keys::lock_one(space, client.db, hash, now, tally)
        }
        (Locks::Keys | Locks::Script, KeyShape::None) => Ok(Keys::none(space, client.db, now, tally)),
        (Locks::Keys | Locks::Script, KeyShape::Specs) if !request.hashes.is_empty() => {
            Keys::lock_many(space, client.db, request.hashes.iter().map(|key| key.hash), now, tally)
        }
        (Locks::Keys | Locks::Script, KeyShape::Specs) => {
            let found = find_keys(request);
            let hashes = found.iter().filter_map(|key| request.word(key.word)).map(|key| space.hash(key));
            Keys::lock_many(space, client.db, hashes, now, tally)
        }
        (Locks::Walk, _) => Ok(Keys::none(space, client.db, now, tally)),
        (Locks::All | Locks::AllIf(_), _) => Keys::lock_all_or_halt(space, client.db, now, tally),
        (Locks::Queued, _) => lock_queued(node, client, transaction, now, tally),
    }
}

/// What a request needs, by its words.
#[inline]
pub(crate) fn locks_of(request: &Request<'_>) -> Locks {
    match request.row.command.locks {
        Locks::AllIf(words) => {
            let is_one = |word: &[u8]| words.iter().any(|one| word.eq_ignore_ascii_case(one.as_bytes()));
            if request.words().skip(1).any(is_one) { Locks::All } else { Locks::Keys }
        }
        locks => locks,
    }
}

/// The shards of all queued commands; everything, when one of them needs everything.
fn lock_queued<'k>(
    node: &'k Node,
    client: &Client,
    transaction: Option<&Multi>,
    now: Now,
    tally: &'k mut Tally,
) -> Result<Keys<'k>, Halted> {
    let queue = transaction.map_or(&[][..], |multi| &multi.queue);
    if queue.iter().any(|queued| matches!(locks_of(&queued.request()), Locks::All | Locks::Walk | Locks::Script)) {
        return Keys::lock_all_or_halt(&node.space, client.db, now, tally);
    }
    let watched = client.watched.iter().map(|(_, key)| node.space.hash(key));
    let hashes = queue.iter().flat_map(|queued| {
        let request = queued.request();
        let found = find_keys(&request);
        found.into_iter().filter_map(move |key| request.word(key.word)).map(|key| node.space.hash(key))
    });
    Keys::lock_many(&node.space, client.db, hashes.chain(watched), now, tally)
}

#[inline]
pub(crate) fn account(node: &Node, stats: &CoreStats, row: &Row, ns: u64) {
    let stats = &stats.by_command[row.index];
    stats.calls.add(1);
    stats.ns.add(ns);
    if node.settings.latency_tracking() {
        stats.histogram.get_or_init(Box::default).record(ns);
    }
}

#[cold]
fn queue(node: &Node, client: &mut Client, request: &Request<'_>, out: &mut Writer) {
    let flags = guards::flags(node, client, request);
    if let Some(multi) = &mut client.multi {
        multi.push(request.to_owned(), flags);
        // Else a client that never sends EXEC could take all memory.
        client.closing |= multi.bytes as u64 > node.settings.client_query_buffer_limit();
        client.tell_multi();
    }
    out.simple("QUEUED");
}

/// CLIENT REPLY OFF and SKIP: the command ran, its reply goes nowhere.
fn withhold(client: &mut Client, out: &mut Writer, mark: resp::Mark) {
    match client.replies {
        Replies::On => {}
        Replies::Off => out.truncate(mark),
        // CLIENT REPLY SKIP wrote nothing itself, and EXEC around it answers as ever.
        Replies::SkipNext => client.replies = Replies::Skip,
        Replies::Skip => {
            out.truncate(mark);
            client.replies = Replies::On;
        }
    }
}
