//! Leases in the path of a request: who may write, who waits, and what the log keeps of it.
//!
//! # Invariants
//! - A grant is answered only after everybody who held a shard of its keys when it was made has given that back: whoever
//!   locks it from then on asks [`guard`] first. So nobody else's write comes after the answer.
//! - The state changes under its own lock, which is taken last; what follows (`Aftermath`) is done without any lock.
//! - Records stand in the log in the order of the changes, but that of a change in a transaction may come a little late:
//!   replaying a lease ends whatever it meets.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicI64, AtomicU64};

use keyspace::change::Interest;
use keyspace::effects::Effects;
use ownership::Pattern;
use ownership::lease::{Answer, Connection, Denied, Event, Holder, Lease, Leases, Mode, Token};
use parking_lot::{RwLock, RwLockReadGuard};
use resp::{Proto, Writer};

use crate::client::Client;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::keys::find_keys;
use crate::node::Node;
use crate::node::blocking::{LetGo, Waiter};
use crate::request::Request;
use crate::spec::{Locks, category, flag, key};

/// What all cores share.
pub(super) struct Lending {
    leases: RwLock<Leases>,
    /// When something ends by itself next.
    next_deadline_ms: AtomicI64,
    /// The latest time that anybody told it.
    latest_ms: AtomicI64,
    /// The token behind which it began.
    first_token: AtomicU64,
}

impl Lending {
    /// Whether there is anything to be kept.
    pub(super) fn is_used(&self, leases: &Leases) -> bool {
        leases.last_token() != self.first_token.load(Relaxed) || leases.iter().next().is_some()
    }
}

impl Default for Lending {
    fn default() -> Self {
        let leases = RwLock::default();
        let next_deadline_ms = AtomicI64::new(i64::MAX);
        Self { leases, next_deadline_ms, latest_ms: AtomicI64::new(0), first_token: AtomicU64::new(0) }
    }
}

/// What follows from a change of leases, once no shard is locked.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// Of leases that were granted.
    granted: Vec<Pattern>,
    /// For connections that waited.
    answers: Vec<(Connection, std::result::Result<Token, Denied>)>,
}

impl Aftermath {
    pub(super) fn is_empty(&self) -> bool {
        self.granted.is_empty() && self.answers.is_empty()
    }

    pub(crate) fn append(&mut self, mut later: Self) {
        self.granted.append(&mut later.granted);
        self.answers.append(&mut later.answers);
    }

    /// Waits until nobody is in the midst of a write that was let in before, then answers those who waited.
    pub(crate) fn settle(self, node: &Node) {
        let shards = match &self.granted[..] {
            [] => 0..0,
            [one] if one.key().is_some() => {
                let shard = node.space.shard_of(node.space.hash(&one.key().unwrap_or_default()));
                shard..shard + 1
            }
            _ => 0..node.space.shards(),
        };
        for shard in shards {
            // A script that takes long is asked anew at each of its commands.
            node.space.pass_through(shard);
        }
        for (connection, answer) in self.answers {
            let mut reply = Writer::new(Proto::Resp2);
            match answer {
                Ok(token) => reply.int(token as i64),
                Err(denied) => {
                    let line = denied.to_string();
                    node.count_error(line.split(' ').next().unwrap_or("ERR"));
                    reply.error(&line);
                }
            }
            node.blocking.answer(node, connection, &reply);
        }
    }
}

/// What OWN and BORROW ask for.
pub struct Wanted {
    /// How.
    pub mode: Mode,
    /// Which keys.
    pub patterns: Vec<Pattern>,
    /// For how long.
    pub ttl_ms: Option<i64>,
    /// In whose name.
    pub name: Option<Box<[u8]>>,
    /// How long to wait; 0: without end.
    pub wait_ms: Option<i64>,
}

fn refusal(denied: &Denied) -> Error {
    Error::text(denied.to_string())
}

impl Node {
    /// The leases, to be looked at.
    pub fn leases(&self) -> RwLockReadGuard<'_, Leases> {
        self.ownership.lending.leases.read()
    }

    /// Changes leases at a time: `work` answers with what follows for others. The place of the record, if there is one.
    fn change_leases<T>(
        &self,
        now_ms: i64,
        work: impl FnOnce(&mut Leases) -> (T, Vec<Event>),
    ) -> (T, Aftermath, Option<u64>) {
        let lending = &self.ownership.lending;
        let mut leases = lending.leases.write();
        lending.latest_ms.fetch_max(now_ms, Relaxed);
        let mut events = leases.advance(now_ms);
        let (answer, more) = work(&mut leases);
        events.extend(more);
        let mut aftermath = Aftermath::default();
        for event in events {
            match event {
                Event::Granted(connection, token) => {
                    aftermath.granted.extend(leases.get(token).into_iter().flat_map(|lease| lease.patterns.clone()));
                    aftermath.answers.push((connection, Ok(token)));
                }
                Event::Denied(connection, denied) => aftermath.answers.push((connection, Err(denied))),
                Event::Expired(_) => drop(self.ownership.figures.leases_expired.fetch_add(1, Relaxed)),
            }
        }
        let record = self.record_of(&mut leases);
        self.space.set_interest(Interest::LEASES, !leases.is_idle());
        lending.next_deadline_ms.store(leases.next_deadline_ms().unwrap_or(i64::MAX), SeqCst);
        drop(leases);
        let place = record.map(|(place, mut effects)| {
            self.append_effects(place, &mut effects);
            place
        });
        (answer, aftermath, place)
    }

    /// What the log has to hear, with its place.
    fn record_of(&self, leases: &mut Leases) -> Option<(u64, Effects)> {
        let untold = leases.take_untold();
        if !self.is_logging() {
            return None;
        }
        let mut effects = Effects::default();
        effects.turn_on(false);
        for token in untold {
            let words = words_of(token, leases.get(token));
            effects.push(0, words.iter().map(Vec::as_slice));
        }
        self.reserve_effects(&effects).map(|place| (place, effects))
    }

    /// By the clock: ends leases and waits whose time is over.
    pub(crate) fn look_after_leases(&self, now_ms: i64) {
        let lending = &self.ownership.lending;
        lending.latest_ms.fetch_max(now_ms, Relaxed);
        if lending.next_deadline_ms.load(SeqCst) <= now_ms {
            self.change_leases(now_ms, |_| ((), Vec::new())).1.settle(self);
        }
    }

    /// A connection ends: its leases do, too, and its waiting. No shard is locked.
    pub(crate) fn end_leases_of(&self, client: &Client) {
        if self.space.interest() & Interest::LEASES.0 != 0 {
            let (id, now_ms) = (client.shared.id, self.ownership.lending.latest_ms.load(Relaxed));
            self.change_leases(now_ms, |leases| ((), leases.disconnect(id, now_ms))).1.settle(self);
        }
    }

    /// Takes a client out of the queue for leases: what stood in its way. None: its answer is under way.
    pub(crate) fn leave_lease_queue(&self, waiter: &Waiter, why: LetGo) -> Option<(Denied, Aftermath)> {
        let latest_ms = self.ownership.lending.latest_ms.load(Relaxed);
        let now_ms = waiter.until_ms().filter(|_| why == LetGo::TimedOut).map_or(latest_ms, |at| at.max(latest_ms));
        let id = waiter.client_id();
        let (left, aftermath, _) = self.change_leases(latest_ms, |leases| match leases.give_up(id, now_ms) {
            Some((denied, events)) => (Some(denied), events),
            None => (None, Vec::new()),
        });
        match left {
            Some(denied) => Some((denied, aftermath)),
            None => {
                aftermath.settle(self);
                None
            }
        }
    }

    /// Tokens go on behind those that a server which started earlier, and kept nothing, can have given.
    pub fn begin_tokens(&self, unix_ms: i64) {
        /// More than this in a second are not given.
        const TOKENS_PER_SECOND: i64 = 1 << 20;
        let first = (unix_ms / 1000).max(0) * TOKENS_PER_SECOND;
        self.ownership.lending.leases.write().restore_last_token(first as Token);
        self.ownership.lending.first_token.store(first as Token, Relaxed);
        self.ownership.production.begin_tokens(first as Token);
    }

    /// Takes over what a log or a file tells of a lease; None: it is over.
    pub(super) fn restore_lease(&self, token: Token, lease: Option<Lease>) {
        let lending = &self.ownership.lending;
        let mut leases = lending.leases.write();
        match lease {
            Some(lease) => leases.restore(lease),
            None => leases.restore_end(token),
        }
        self.space.set_interest(Interest::LEASES, !leases.is_idle());
        lending.next_deadline_ms.store(leases.next_deadline_ms().unwrap_or(i64::MAX), SeqCst);
    }
}

/// Words that put a lease back (see [`restore_words`]): what is not under a name ends with the process.
pub(super) fn words_of(token: Token, lease: Option<&Lease>) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = vec![b"OWNERSHIP".to_vec(), b"LEASE".to_vec(), token.to_string().into_bytes()];
    if let Some(lease) = lease
        && let Holder::Name { user, name } = &lease.holder
        && let Some(deadline_ms) = lease.deadline_ms
    {
        words.push(mode_name(lease.mode).as_bytes().to_vec());
        words.extend([user.to_vec(), name.to_vec(), deadline_ms.to_string().into_bytes()]);
        words.extend(lease.patterns.iter().map(|pattern| pattern.text().to_vec()));
    }
    words
}

/// As commands spell it.
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Own => "OWN",
        Mode::Borrow => "BORROW",
    }
}

/// Takes over `token [OWN|BORROW user name deadline-ms pattern ...]`.
pub fn restore_words(node: &Node, words: &[&[u8]]) -> Result<()> {
    const WORDS: Error =
        Error::Plain("ERR a lease is: token [OWN|BORROW user name unix-time-milliseconds pattern ...]");
    let number = |word: &[u8]| base::number::parse_i64(word);
    let (token, rest) = words.split_first().ok_or(WORDS)?;
    let token = number(token).and_then(|token| Token::try_from(token).ok()).ok_or(WORDS)?;
    let [mode, user, name, deadline, patterns @ ..] = rest else {
        if !rest.is_empty() {
            return Err(WORDS);
        }
        node.restore_lease(token, None);
        return Ok(());
    };
    let is = |name: &str| mode.eq_ignore_ascii_case(name.as_bytes());
    let mode = [Mode::Own, Mode::Borrow].into_iter().find(|mode| is(mode_name(*mode))).ok_or(WORDS)?;
    let patterns: std::result::Result<Vec<Pattern>, _> = patterns.iter().map(|text| Pattern::parse(text)).collect();
    let patterns = patterns.map_err(|error| Error::text(format!("ERR {error}")))?;
    let deadline_ms = Some(number(deadline).ok_or(WORDS)?);
    let user: Box<[u8]> = (*user).into();
    let holder = Holder::Name { user: user.clone(), name: (*name).into() };
    node.restore_lease(token, Some(Lease { token, mode, patterns, holder, user, deadline_ms, attached: [].into() }));
    Ok(())
}

/// Does something with leases for a client; what follows for others is owed until its reply.
fn act<T>(ctx: &mut Ctx<'_>, work: impl FnOnce(&mut Leases, Connection, i64) -> (T, Vec<Event>)) -> T {
    let (id, now_ms) = (ctx.client.shared.id, ctx.now_ms());
    let (answer, aftermath, place) = ctx.node.change_leases(now_ms, |leases| work(leases, id, now_ms));
    ctx.core.own.owe_aftermath(aftermath);
    if let Some(place) = place {
        ctx.client.last_place = place;
        ctx.keys.tally.awaited = ctx.keys.tally.awaited.max(place);
    }
    answer
}

/// OWN and BORROW: the token, or that it waits.
pub fn take(ctx: &mut Ctx<'_>, wanted: Wanted) -> Result<Token> {
    let may_wait = ctx.origin == crate::client::Origin::Connection;
    let Wanted { mode, patterns, ttl_ms, name, wait_ms } = wanted;
    patterns.iter().try_for_each(|pattern| super::owners::may_lease(ctx, mode, pattern))?;
    if mode == Mode::Own {
        patterns.iter().try_for_each(|pattern| super::limits::may_own(ctx, Some(pattern)).map_err(Error::text))?;
    }
    let until_ms = match wait_ms.filter(|_| may_wait) {
        Some(0) => Some(i64::MAX),
        Some(ms) => Some(ctx.now_ms().checked_add(ms).ok_or(Error::Plain("ERR timeout is out of range"))?),
        None => None,
    };
    let user: Box<[u8]> = ctx.client.user.name().into();
    let granted = patterns.clone();
    let answer = act(ctx, |leases, connection, now_ms| {
        let wait_until_ms = until_ms;
        let request = ownership::lease::Request { mode, patterns, connection, user, name, ttl_ms, wait_until_ms };
        (leases.take(request, now_ms), Vec::new())
    });
    match answer {
        Answer::Granted(token) => {
            ctx.core.own.owe_aftermath(Aftermath { granted, answers: Vec::new() });
            Ok(token)
        }
        Answer::Waits => {
            ctx.core.stats.by_command[ctx.request.row.index].calls.add(1);
            let until_ms = until_ms.filter(|&until| until < i64::MAX);
            Err(Error::Wait(Wait { until_ms, otherwise: Otherwise::Lease }))
        }
        Answer::Denied(denied) => Err(refusal(&denied)),
    }
}

/// RENEW.
pub fn renew(ctx: &mut Ctx<'_>, token: Token, ttl_ms: i64) -> Result<()> {
    let user = ctx.client.user.clone();
    let renewed = act(ctx, |leases, connection, now_ms| {
        (leases.renew(token, connection, user.name(), ttl_ms, now_ms), Vec::new())
    });
    renewed.map_err(|denied| refusal(&denied))
}

/// RELEASE of one lease.
pub fn release(ctx: &mut Ctx<'_>, token: Token) -> Result<()> {
    let user = ctx.client.user.clone();
    let released =
        act(ctx, |leases, connection, now_ms| match leases.release(token, connection, user.name(), now_ms) {
            Ok(events) => (Ok(()), events),
            Err(denied) => (Err(denied), Vec::new()),
        });
    released.map_err(|denied| refusal(&denied))
}

/// RELEASE ALL: how many there were.
pub fn release_all(ctx: &mut Ctx<'_>) -> usize {
    act(ctx, |leases, connection, now_ms| leases.release_all(connection, now_ms))
}

/// OWNERSHIP REVOKE.
pub fn revoke(ctx: &mut Ctx<'_>, token: Token) -> Result<()> {
    let revoked = act(ctx, |leases, _, now_ms| match leases.revoke(token, now_ms) {
        Ok(events) => (Ok(()), events),
        Err(denied) => (Err(denied), Vec::new()),
    });
    revoked.map_err(|denied| refusal(&denied))
}

/// CLIENT LEASE.
pub(crate) fn attach(ctx: &mut Ctx<'_>, token: Token) -> Result<()> {
    let user = ctx.client.user.clone();
    let attached = act(ctx, |leases, connection, _| (leases.attach(token, connection, user.name()), Vec::new()));
    attached.map_err(|denied| refusal(&denied))
}

/// Whether a request may write what it is about to write: its shards are locked.
pub(super) fn guard(ctx: &Ctx<'_>, request: &Request<'_>) -> std::result::Result<(), Denied> {
    let (command, now_ms) = (request.row.command, ctx.now_ms());
    let (leases, id) = (ctx.node.leases(), ctx.client.shared.id);
    for found in find_keys(request).iter().filter(|found| found.flags & (key::RW | key::OW | key::RM) != 0) {
        leases.may_write(id, request.word(found.word).unwrap_or_default(), now_ms)?;
    }
    // FLUSHALL and its like write all keys.
    if command.has(flag::WRITE) && command.locks == Locks::All && request.row.categories & category::KEYSPACE != 0 {
        leases.may_write_all(id, None, now_ms)?;
    }
    Ok(())
}

/// Whether a client may remove all keys of some patterns.
pub(super) fn may_remove(ctx: &Ctx<'_>, patterns: &[Pattern]) -> Result<()> {
    patterns.iter().try_for_each(|pattern| super::owners::may_remove(ctx, pattern))?;
    patterns.iter().try_for_each(|pattern| super::limits::may_own(ctx, Some(pattern)).map_err(Error::text))?;
    if ctx.node.space.interest() & Interest::LEASES.0 == 0 || ctx.is_replay() {
        return Ok(());
    }
    let (leases, id) = (ctx.node.leases(), ctx.client.shared.id);
    let mut denied = patterns.iter().filter_map(|it| leases.may_write_all(id, Some(it), ctx.now_ms()).err());
    denied.next().map_or(Ok(()), |denied| Err(refusal(&denied)))
}
