//! One run of a script or function: what it may do, the locks that it holds, and how it ends.
//!
//! A run begins with the shards of its declared keys locked, and takes those of other keys when it comes to them.
//! To change anything it needs the gate (see `keyspace::waits`), unless it holds everything: only the run with the
//! gate may wait for shards out of order. A run that could not get further without changing anything begins anew with
//! everything locked; it left no trace. So runs that only read, and single commands, go on beside one that writes.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use base::clock::Ticks;
use keyspace::waits::Gate;
use lua::{Argument, Host, Raised, Stack};
use resp::Proto;
use settings::LogLevel;

use super::jobs::Job;
use super::machine::Scratch;
use super::shebang::may;
use super::{api, to_lua};
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::execute;
use crate::guards;
use crate::node::access;
use crate::node::memory::publish_thread;
use crate::request::{Request, hash_keys};
use crate::spec::{Locks, flag};

/// What runs.
pub(crate) struct Program<'p> {
    /// The script's SHA-1, or the function's name.
    pub(crate) name: &'p [u8],
    pub(crate) is_function: bool,
    /// See [`may`].
    pub(crate) flags: u8,
    /// It was called by a command that never writes.
    pub(crate) is_readonly_call: bool,
}

impl Program<'_> {
    fn is_readonly(&self) -> bool {
        self.is_readonly_call || self.flags & may::NO_WRITES != 0
    }
}

/// Why a run was ended from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// SCRIPT KILL or FUNCTION KILL.
    Killed,
    /// It begins anew with everything locked.
    Again,
    /// It waits for what another, busy script holds.
    Busy,
    /// Values have to be read first; then it begins anew.
    Fetch,
}

/// See the module's head.
pub(crate) struct Runner<'r, 'c> {
    pub(crate) ctx: &'r mut Ctx<'c>,
    pub(crate) program: &'r Program<'r>,
    scratch: &'r mut Scratch,
    /// What `redis.setresp` chose.
    pub(crate) proto: Proto,
    /// Memory was full when it began.
    is_full: bool,
    gate: Option<Gate<'c>>,
    wrote: bool,
    /// What `redis.set_repl` chose: 1 for the log, 2 for replicas.
    replication: u8,
    pub(crate) stop: Option<Stop>,
    started: Ticks,
    job: Option<Arc<Job>>,
}

const KILLED_SCRIPT: &CStr = c"Script killed by user with SCRIPT KILL.";
const KILLED_FUNCTION: &CStr = c"Script killed by user with FUNCTION KILL.";
const AGAIN: &CStr = c"The script begins anew.";
const BUSY: &CStr = c"The script waits for another one.";
/// The bit of `redis.set_repl` for the log.
const REPLICATES_TO_LOG: u8 = 1;
/// What changes something that others see.
const WRITES: u32 = flag::WRITE | flag::MAY_REPLICATE | flag::PUBSUB;

/// What a program that is killed answers.
pub(super) fn killed(program: &Program<'_>) -> &'static CStr {
    if program.is_function { KILLED_FUNCTION } else { KILLED_SCRIPT }
}

impl<'r, 'c> Runner<'r, 'c> {
    pub(crate) fn new(ctx: &'r mut Ctx<'c>, program: &'r Program<'r>, scratch: &'r mut Scratch, is_full: bool) -> Self {
        let started = ctx.core.clock.ticks();
        let proto = Proto::Resp2;
        ctx.core.interpreters.time_us.set(0);
        Self {
            ctx,
            program,
            scratch,
            proto,
            is_full,
            gate: None,
            wrote: false,
            replication: 3,
            stop: None,
            started,
            job: None,
        }
    }

    /// redis.set_repl
    pub(super) fn set_replication(&mut self, flags: u8) {
        self.replication = flags;
    }

    /// redis.call, and redis.pcall where errors are values.
    pub(super) fn command(&mut self, stack: &mut Stack<'_>, raises: bool) -> Result<i32, Raised> {
        let result = self.run_command(stack);
        // Thousands of arguments would leave no room for the reply.
        stack.set_len(0);
        match result {
            Ok(()) => {
                let reply = &self.scratch.reply;
                match reply.buf() {
                    Some(bytes) => drop(to_lua::push(stack, bytes)),
                    None => drop(to_lua::push(stack, &reply.segments().flatten().copied().collect::<Vec<u8>>())),
                }
                let is_error = reply.segments().next().is_some_and(|bytes| bytes.first() == Some(&b'-'));
                if is_error && raises { Err(Raised) } else { Ok(1) }
            }
            Err(Refused::Stopped(message)) => Err(stack.interrupt(message)),
            Err(Refused::Error(line)) => {
                to_lua::push_error(stack, line.as_bytes(), false);
                if raises { Err(Raised) } else { Ok(1) }
            }
        }
    }

    fn run_command(&mut self, stack: &Stack<'_>) -> Result<(), Refused> {
        self.take_words(stack)?;
        let Scratch { reply, words, spans, hashes } = &mut *self.scratch;
        let node = self.ctx.node;
        let word = |at: usize| spans.get(at).map(|span| span.of(words));
        let name = word(0).unwrap_or_default();
        let row = node.table.resolve(name, word(1)).filter(|row| row.command.run.is_some());
        let Some(row) = row else { return Err(Refused::plain("ERR Unknown Redis command called from script")) };
        if !row.takes(spans.len()) {
            return Err(Refused::plain("ERR Wrong number of args calling Redis command from script"));
        }
        let mut request = Request { row, buffer: words, spans, hashes: &[] };
        hashes.clear();
        hash_keys(&request, &node.space, hashes);
        request.hashes = hashes;
        admit(self.ctx, self.program, &request, self.is_full && !self.wrote)?;
        if row.command.has(flag::WRITE) && !self.wrote {
            guards::can_keep(node).map_err(|error| Refused::Error(error.line("").into()))?;
        }
        let locks = execute::locks_of(&request);
        self.gate = secure(self.ctx, self.gate.take(), &request, locks).map_err(|stop| {
            self.stop = Some(stop);
            Refused::Stopped(if stop == Stop::Again { AGAIN } else { BUSY })
        })?;
        if node.warm.is_on() {
            let goes_back = !self.wrote && self.ctx.origin == Origin::Connection;
            match bring(self.ctx, &request, goes_back) {
                Ok(()) => {}
                Err(Error::Fetch) => {
                    self.stop = Some(Stop::Fetch);
                    return Err(Refused::Stopped(AGAIN));
                }
                Err(error) => return Err(Refused::Error(error.line(&row.name).into())),
            }
        }
        if row.command.has(WRITES) {
            self.wrote = true;
            if let Some(job) = &self.job {
                job.wrote.store(true, SeqCst);
            }
        }
        reply.clear();
        reply.set_proto(self.proto);
        // What is kept from the log leaves no effect.
        let wants_effects = self.ctx.wants_effects();
        self.ctx.keys.tally.effects.set_on(wants_effects && self.replication & REPLICATES_TO_LOG != 0);
        run(self.ctx, request, reply);
        self.ctx.keys.tally.effects.set_on(wants_effects);
        Ok(())
    }

    /// The arguments of the running function as words.
    fn take_words(&mut self, stack: &Stack<'_>) -> Result<(), Refused> {
        let Scratch { words, spans, .. } = &mut *self.scratch;
        take_words(stack, words, spans).map_err(Refused::plain)
    }

    /// The words of the running function's arguments, for functions other than redis.call.
    pub(super) fn request_words(&mut self, stack: &Stack<'_>) -> Result<(&[u8], &[resp::Span]), &'static str> {
        let Scratch { words, spans, .. } = &mut *self.scratch;
        take_words(stack, words, spans)?;
        Ok((words, spans))
    }

    /// The run is over; its locks are still held.
    pub(crate) fn end(self) -> Option<Stop> {
        if let Some(job) = &self.job {
            job.end();
            let elapsed = self.elapsed();
            if self.stop.is_none() && elapsed > Duration::from_secs(1) {
                let text = format!(
                    "A script ran for {} ms: {}",
                    elapsed.as_millis(),
                    String::from_utf8_lossy(self.program.name)
                );
                self.ctx.node.host().log(LogLevel::Verbose, &text);
            }
        }
        self.stop
    }

    fn elapsed(&self) -> Duration {
        let clock = self.ctx.core.clock;
        Duration::from_nanos(clock.ns_between(self.started, clock.ticks()))
    }

    #[cold]
    fn look(&mut self) -> Option<&'static CStr> {
        // A long script may take much before the next tick.
        publish_thread();
        let node = self.ctx.node;
        let (program, elapsed, request) = (self.program, self.elapsed(), self.ctx.request);
        let wrote = self.wrote;
        let job = self.job.get_or_insert_with(|| {
            let words = request.words().map(Into::into).collect();
            let started = Instant::now().checked_sub(elapsed).unwrap_or_else(Instant::now);
            let job = Arc::new(Job::new(program.is_function, program.name, words, started));
            job.wrote.store(wrote, SeqCst);
            node.scripts.jobs.join(&job);
            job
        });
        if job.kill.load(SeqCst) && !wrote {
            self.stop = Some(Stop::Killed);
            return Some(killed(program));
        }
        let threshold_ms = node.settings.busy_reply_threshold();
        if threshold_ms == 0 || elapsed < Duration::from_millis(threshold_ms) {
            return None;
        }
        if node.scripts.jobs.make_busy(node, job) {
            let text = format!(
                "Slow script detected: still in execution after {} milliseconds. You can try killing the script \
                 using the {} command. Script name is: {}.",
                elapsed.as_millis(),
                if program.is_function { "FUNCTION KILL" } else { "SCRIPT KILL" },
                String::from_utf8_lossy(program.name)
            );
            node.host().log(LogLevel::Warning, &text);
        }
        node.host().serve_meanwhile();
        None
    }
}

impl Host for Runner<'_, '_> {
    fn call(&mut self, function: usize, stack: &mut Stack<'_>) -> Result<i32, Raised> {
        api::call(self, function, stack)
    }

    fn check(&mut self) -> Option<&'static CStr> {
        self.look()
    }
}

/// Why a script's request did not run.
enum Refused {
    Error(Box<str>),
    Stopped(&'static CStr),
}

impl Refused {
    fn plain(line: &str) -> Self {
        Self::Error(line.into())
    }
}

/// Copies arguments to words: strings as they are, numbers as Redis spells them.
fn take_words(stack: &Stack<'_>, words: &mut Vec<u8>, spans: &mut Vec<resp::Span>) -> Result<(), &'static str> {
    words.clear();
    spans.clear();
    let count = stack.len();
    if count == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    for index in 1..=count {
        let start = words.len();
        match stack.argument(index) {
            Some(Argument::Text(bytes)) => words.extend_from_slice(bytes),
            Some(Argument::Number(number)) => spell(number, words),
            None => return Err("ERR Lua redis lib command arguments must be strings or integers"),
        }
        spans.push(resp::Span { start: start as u32, len: (words.len() - start) as u32 });
    }
    if words.len() > u32::MAX as usize {
        return Err("ERR the arguments of a command in a script exceed 4 GB together");
    }
    Ok(())
}

fn spell(number: f64, words: &mut Vec<u8>) {
    let whole = number as i64;
    if whole as f64 == number && !matches!(whole, i64::MIN | i64::MAX) {
        words.extend_from_slice(keyspace::packed::IntText::default().spell(whole));
    } else if number.is_nan() && number.is_sign_negative() {
        words.extend_from_slice(b"-nan");
    } else {
        words.extend_from_slice(base::number::format_f64(number).as_bytes());
    }
}

/// The guards of a request from a script, in Redis's order.
fn admit(ctx: &mut Ctx<'_>, program: &Program<'_>, request: &Request<'_>, is_full: bool) -> Result<(), Refused> {
    let command = request.row.command;
    if command.has(flag::NOSCRIPT) && !ctx.node.scripts.allows_all.load(Relaxed) {
        return Err(Refused::plain("ERR This Redis command is not allowed from script"));
    }
    if let Err(denied) = ctx.node.permit(ctx.client, request, Origin::Script) {
        let reason = access::reason_text(&ctx.client.user, request, denied, false);
        return Err(Refused::Error(format!("NOPERM ACL failure in script: {reason}").into()));
    }
    if command.has(flag::WRITE | flag::MAY_REPLICATE) && program.is_readonly() {
        return Err(Refused::plain("ERR Write commands are not allowed from read-only scripts."));
    }
    if is_full && command.has(flag::DENYOOM) && program.flags & may::ALLOW_OOM == 0 {
        return Err(Refused::Error(Error::OutOfMemory.line("").into()));
    }
    Ok(())
}

/// Locks what a request needs and is not locked yet; see the module's head.
fn secure<'c>(
    ctx: &mut Ctx<'c>,
    mut gate: Option<Gate<'c>>,
    request: &Request<'_>,
    locks: Locks,
) -> Result<Option<Gate<'c>>, Stop> {
    if ctx.keys.holds_all() {
        return Ok(gate);
    }
    let wants_all = matches!(locks, Locks::All | Locks::Walk);
    let got = if wants_all {
        ctx.keys.try_extend_all()
    } else {
        request.hashes.iter().all(|key| ctx.keys.holds(key.hash) || ctx.keys.try_extend(key.hash))
    };
    if (got && !request.row.command.has(WRITES)) || ctx.keys.holds_all() {
        return Ok(gate);
    }
    if gate.is_none() {
        gate = Some(wait_for_gate(ctx)?);
    }
    if let Some(gate) = &gate {
        if wants_all {
            ctx.keys.extend_all(gate);
        } else {
            request.hashes.iter().for_each(|key| ctx.keys.extend(key.hash, gate));
        }
    }
    Ok(gate)
}

/// Brings back what a request of a script needs.
fn bring(ctx: &mut Ctx<'_>, request: &Request<'_>, goes_back: bool) -> Result<(), Error> {
    let db = ctx.client.db;
    if ctx.keys.db_index() != db {
        ctx.keys.select(db);
    }
    ctx.bring_for(request, goes_back)
}

/// Nothing was changed so far: whoever has the gate may want what we hold, and then we begin anew.
fn wait_for_gate<'c>(ctx: &Ctx<'c>) -> Result<Gate<'c>, Stop> {
    const SPINS: u32 = 64;
    let mut tries = 0;
    loop {
        if let Some(gate) = ctx.node.space.try_gate() {
            return Ok(gate);
        }
        if ctx.node.space.is_escalating() {
            return Err(Stop::Again);
        }
        if ctx.node.space.is_halted() {
            return Err(Stop::Busy);
        }
        tries += 1;
        if tries < SPINS {
            std::hint::spin_loop();
        } else {
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}

/// Runs an admitted request of a script on the shards that are locked.
fn run(ctx: &mut Ctx<'_>, request: Request<'_>, reply: &mut resp::Writer) {
    let Ctx { node, client, keys, core, .. } = ctx;
    if keys.db_index() != client.db {
        keys.select(client.db);
    }
    let mut inner = Ctx {
        node,
        client,
        keys: keys.lend(),
        out: reply,
        origin: Origin::Script,
        request,
        transaction: None,
        wait_as: None,
        core: *core,
    };
    execute::run_inner(&mut inner, request);
    let is_selected = inner.keys.is_selected();
    drop(inner);
    if is_selected {
        keys.select(keys.db_index());
    }
}
