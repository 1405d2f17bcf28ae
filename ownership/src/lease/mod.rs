//! Leases: many borrowers or one owner, by the overlap of patterns. A state machine: times come in, events go out.
//!
//! # Invariants
//! - No two parties hold leases that overlap, of which one is an OWN lease.
//! - Who waits is granted before anybody who came later and meets him, be it in the queue or at the counter.
//! - Tokens grow, whatever ends or restarts.
//! - No set of waiters waits for each other only: the youngest of them is refused.

mod conflict;
mod keep;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::pattern::{Pattern, shown};
use crate::prefix::Prefixes;
use wait::Waiter;

/// A connection's number.
pub type Connection = u64;
/// A fencing token.
pub type Token = u64;

/// Leases that a connection may have lost without having acknowledged it.
const LOST_MAX: usize = 1024;

/// How keys are held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// By one alone.
    Own,
    /// By many.
    Borrow,
}

/// To whom a lease belongs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Holder {
    /// A connection, with which it ends.
    Connection(Connection),
    /// A name of a user.
    Name {
        /// Whose name.
        user: Box<[u8]>,
        /// The name.
        name: Box<[u8]>,
    },
}

impl Holder {
    /// The name, where it is one.
    pub fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Connection(_) => None,
            Self::Name { name, .. } => Some(name),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(id) => write!(f, "client {id}"),
            Self::Name { name, .. } => f.write_str(&shown(name)),
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// How.
    pub mode: Mode,
    /// All keys that these match, all or nothing.
    pub patterns: Vec<Pattern>,
    /// Who asks.
    pub connection: Connection,
    /// As which user.
    pub user: Box<[u8]>,
    /// For a name that outlives the connection.
    pub name: Option<Box<[u8]>>,
    /// For how long; None: as long as the connection.
    pub ttl_ms: Option<i64>,
    /// Until when he waits, `i64::MAX` for ever; None: he does not.
    pub wait_until_ms: Option<i64>,
}

/// A lease that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Its token.
    pub token: Token,
    /// How.
    pub mode: Mode,
    /// Which keys.
    pub patterns: Vec<Pattern>,
    /// Whose.
    pub holder: Holder,
    /// The user who took it.
    pub user: Box<[u8]>,
    /// When it ends by itself, unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// Connections that act for it.
    pub attached: BTreeSet<Connection>,
}

/// Why somebody does not get what he asks for. The pattern is that of what stands in his way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denied {
    /// Somebody owns it.
    Owned(Obstacle),
    /// Somebody borrows it.
    Borrowed(Obstacle),
    /// Somebody who came earlier waits for it.
    Awaited(Obstacle),
    /// Those who hold it wait for him.
    Deadlock,
    /// The lease that the connection acted for has ended.
    Lost(Token, Pattern),
    /// No such lease, or none of his.
    NoSuchLease(Token),
    /// It is another user's.
    NotYours(Token),
    /// The deadline is not ahead.
    BadDeadline,
    /// A name without a deadline.
    NoDeadline,
    /// So many leases ended while he did not look.
    LostMany,
}

/// What stands in the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obstacle {
    /// Whose it is.
    pub holder: Holder,
    /// What it covers.
    pub pattern: Pattern,
    /// How long it still holds; None: as long as the connection.
    pub left_ms: Option<i64>,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pattern {}", self.holder, self.pattern)?;
        match self.left_ms {
            Some(ms) => write!(f, ", {ms} ms left)"),
            None => f.write_str(", no end)"),
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owned(by) => write!(f, "OWNED by {by}"),
            Self::Borrowed(by) => write!(f, "BORROWED by {by}"),
            Self::Awaited(by) => write!(f, "OWNED soon by {by}: it waits for the keys and came first"),
            Self::Deadlock => f.write_str("DEADLOCK those who hold the keys wait for leases of this client"),
            Self::Lost(token, pattern) => write!(
                f,
                "LEASELOST lease {token} (pattern {pattern}) has ended: somebody else may hold the keys. RELEASE {token} \
                 acknowledges that"
            ),
            Self::NoSuchLease(token) => write!(f, "ERR no such lease: {token}"),
            Self::NotYours(token) => write!(f, "ERR lease {token} belongs to another user"),
            Self::BadDeadline => f.write_str("ERR the lease's deadline is not in the future"),
            Self::NoDeadline => f.write_str("ERR a lease AS a name needs PX or EX: nobody would end it"),
            Self::LostMany => {
                f.write_str("ERR too many leases of this connection have ended: RELEASE ALL acknowledges that")
            }
        }
    }
}

/// How a request went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The lease's token.
    Granted(Token),
    /// It stands in the queue: an event with the connection will tell.
    Waits,
    /// No.
    Denied(Denied),
}

/// What happened to others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A waiting connection has its lease.
    Granted(Connection, Token),
    /// A waiting connection does not get it.
    Denied(Connection, Denied),
    /// A lease's time is over.
    Expired(Lease),
}

/// See the module's head.
#[derive(Debug, Default)]
pub struct Leases {
    last_token: Token,
    leases: BTreeMap<Token, Lease>,
    /// The tokens of leases by what their patterns begin with.
    prefixes: Prefixes,
    deadlines: BTreeSet<(i64, Token)>,
    /// In the order in which they came.
    waiters: BTreeMap<u64, Waiter>,
    waiting: HashMap<Connection, u64>,
    last_waiter: u64,
    /// Tokens of which a log has to hear.
    untold: BTreeSet<Token>,
    /// What connections act for.
    acting: HashMap<Connection, BTreeSet<Token>>,
    /// What connections acted for and lost.
    lost: HashMap<Connection, Vec<(Token, Vec<Pattern>)>>,
}

impl Leases {
    /// Whether nobody holds, awaits or lost anything, so that nothing needs to be asked.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.leases.is_empty() && self.waiters.is_empty() && self.lost.is_empty()
    }

    /// The leases that hold, by token.
    pub fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.leases.values()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// The last token that was given.
    pub fn last_token(&self) -> Token {
        self.last_token
    }

    /// When something ends by itself next, unix milliseconds.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let waits = self.waiters.values().filter_map(|waiter| waiter.request.wait_until_ms);
        waits.chain(self.deadlines.first().map(|(at, _)| *at)).min()
    }

    /// Takes a lease, or a place in the queue. Call [`Leases::advance`] before.
    pub fn take(&mut self, request: Request, now_ms: i64) -> Answer {
        if request.ttl_ms.is_some_and(|ttl| ttl <= 0 || now_ms.checked_add(ttl).is_none()) {
            return Answer::Denied(Denied::BadDeadline);
        }
        if request.name.is_some() && request.ttl_ms.is_none() {
            return Answer::Denied(Denied::NoDeadline);
        }
        if self.lost.get(&request.connection).is_some_and(|lost| lost.len() >= LOST_MAX) {
            return Answer::Denied(Denied::LostMany);
        }
        match (self.obstacle(&request, u64::MAX, now_ms), request.wait_until_ms) {
            (None, _) => Answer::Granted(self.grant(request, now_ms)),
            (Some(denied), None) => Answer::Denied(denied),
            (Some(_), Some(until)) if until <= now_ms => Answer::Denied(Denied::BadDeadline),
            (Some(_), Some(_)) => self.wait(request, now_ms),
        }
    }

    fn grant(&mut self, request: Request, now_ms: i64) -> Token {
        self.last_token += 1;
        let Request { mode, patterns, connection, user, name, ttl_ms, .. } = request;
        self.forget_lost(connection, |_, lost| !meet(lost, &patterns));
        let holder = match name {
            Some(name) => Holder::Name { user: user.clone(), name },
            None => Holder::Connection(connection),
        };
        let deadline_ms = ttl_ms.map(|ttl| now_ms + ttl);
        let attached = [connection].into();
        self.untold.insert(self.last_token);
        self.insert(Lease { token: self.last_token, mode, patterns, holder, user, deadline_ms, attached });
        self.last_token
    }

    fn insert(&mut self, lease: Lease) {
        for pattern in &lease.patterns {
            self.prefixes.insert(pattern, lease.token);
        }
        self.deadlines.extend(lease.deadline_ms.map(|at| (at, lease.token)));
        for &connection in &lease.attached {
            self.acting.entry(connection).or_default().insert(lease.token);
        }
        self.leases.insert(lease.token, lease);
    }

    fn remove(&mut self, token: Token) -> Option<Lease> {
        let lease = self.leases.remove(&token)?;
        for pattern in &lease.patterns {
            self.prefixes.remove(pattern, token);
        }
        if let Some(at) = lease.deadline_ms {
            self.deadlines.remove(&(at, token));
        }
        for connection in &lease.attached {
            self.acts_no_more(*connection, token);
        }
        Some(lease)
    }

    fn acts_no_more(&mut self, connection: Connection, token: Token) {
        if let Some(tokens) = self.acting.get_mut(&connection) {
            tokens.remove(&token);
            if tokens.is_empty() {
                self.acting.remove(&connection);
            }
        }
    }

    /// The leases that a connection acts for.
    fn tokens_of(&self, connection: Connection) -> Vec<Token> {
        self.acting.get(&connection).into_iter().flatten().copied().collect()
    }

    /// Prolongs a lease from now on.
    pub fn renew(
        &mut self,
        token: Token,
        connection: Connection,
        user: &[u8],
        ttl_ms: i64,
        now_ms: i64,
    ) -> Result<(), Denied> {
        self.acts_for(token, connection, user)?;
        let at = now_ms.checked_add(ttl_ms).filter(|_| ttl_ms > 0).ok_or(Denied::BadDeadline)?;
        let lease = self.leases.get_mut(&token).ok_or(Denied::NoSuchLease(token))?;
        if let Some(old) = lease.deadline_ms.replace(at) {
            self.deadlines.remove(&(old, token));
        }
        self.deadlines.insert((at, token));
        if lease.holder.name().is_some() {
            self.untold.insert(token);
        }
        Ok(())
    }

    /// Gives a lease back, or acknowledges that it was lost; what follows for others.
    pub fn release(
        &mut self,
        token: Token,
        connection: Connection,
        user: &[u8],
        now_ms: i64,
    ) -> Result<Vec<Event>, Denied> {
        if let Some(lost) = self.lost.get(&connection)
            && lost.iter().any(|(known, _)| *known == token)
        {
            self.forget_lost(connection, |known, _| known != token);
            return Ok(Vec::new());
        }
        self.acts_for(token, connection, user)?;
        self.end(token, Some(connection));
        Ok(self.serve(now_ms))
    }

    /// Gives all leases back that a connection acts for; how many, and what follows for others.
    pub fn release_all(&mut self, connection: Connection, now_ms: i64) -> (usize, Vec<Event>) {
        let tokens = self.tokens_of(connection);
        tokens.iter().for_each(|&token| self.end(token, Some(connection)));
        self.lost.remove(&connection);
        (tokens.len(), self.serve(now_ms))
    }

    /// Lets a connection act for a lease of its user.
    pub fn attach(&mut self, token: Token, connection: Connection, user: &[u8]) -> Result<(), Denied> {
        let lease = self.leases.get_mut(&token).ok_or(Denied::NoSuchLease(token))?;
        if *lease.user != *user {
            return Err(Denied::NotYours(token));
        }
        lease.attached.insert(connection);
        self.acting.entry(connection).or_default().insert(token);
        Ok(())
    }

    /// A connection is gone: so is what belongs to it, and its place in the queue.
    pub fn disconnect(&mut self, connection: Connection, now_ms: i64) -> Vec<Event> {
        self.lost.remove(&connection);
        if let Some(number) = self.waiting.remove(&connection) {
            self.waiters.remove(&number);
        }
        for token in self.acting.remove(&connection).into_iter().flatten() {
            let Some(lease) = self.leases.get_mut(&token) else { continue };
            lease.attached.remove(&connection);
            if lease.holder == Holder::Connection(connection) {
                self.end(token, Some(connection));
            }
        }
        self.serve(now_ms)
    }

    /// A waiting connection does not wait any longer: what stood in its way, and what follows for others. None: it does
    /// not wait, its answer has been given.
    pub fn give_up(&mut self, connection: Connection, now_ms: i64) -> Option<(Denied, Vec<Event>)> {
        let number = self.waiting.get(&connection)?;
        let denied = self.obstacle(&self.waiters.get(number)?.request, *number, now_ms)?;
        self.waiters.remove(number);
        self.waiting.remove(&connection);
        Some((denied, self.serve(now_ms)))
    }

    /// Time goes on: leases end, waiters are served or give up.
    pub fn advance(&mut self, now_ms: i64) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(&(at, token)) = self.deadlines.first()
            && at <= now_ms
        {
            let lease = self.leases.get(&token).cloned();
            self.end(token, None);
            events.extend(lease.map(Event::Expired));
        }
        // Who could be served is, even if his time is over too.
        events.extend(self.serve(now_ms));
        let is_over = |waiter: &Waiter| waiter.request.wait_until_ms.is_some_and(|until| until <= now_ms);
        let over: Vec<u64> = self.waiters.iter().filter(|(_, it)| is_over(it)).map(|(&number, _)| number).collect();
        for number in over {
            let Some(waiter) = self.waiters.get(&number) else { continue };
            let connection = waiter.request.connection;
            if let Some(denied) = self.obstacle(&waiter.request, number, now_ms) {
                events.push(Event::Denied(connection, denied));
            }
            self.waiters.remove(&number);
            self.waiting.remove(&connection);
            events.extend(self.serve(now_ms));
        }
        events
    }

    /// Whether a connection may write a key.
    pub fn may_write(&self, connection: Connection, key: &[u8], now_ms: i64) -> Result<(), Denied> {
        if let Some(lost) = self.lost.get(&connection) {
            let under = lost.iter().find_map(|(token, patterns)| {
                patterns.iter().find(|pattern| pattern.matches(key)).map(|pattern| (*token, pattern))
            });
            if let Some((token, pattern)) = under {
                return Err(Denied::Lost(token, pattern.clone()));
            }
        }
        let mut borrowed = None;
        for (lease, pattern) in self.over(key) {
            let by = || Obstacle::of(lease, pattern, now_ms);
            if lease.deadline_ms.is_some_and(|at| at <= now_ms) {
                // It has ended, though nobody came by to say so.
                if lease.attached.contains(&connection) {
                    return Err(Denied::Lost(lease.token, pattern.clone()));
                }
                continue;
            }
            match (lease.mode, lease.attached.contains(&connection)) {
                (Mode::Own, true) => return Ok(()),
                (Mode::Own, false) => return Err(Denied::Owned(by())),
                (Mode::Borrow, _) => drop(borrowed.get_or_insert_with(by)),
            }
        }
        borrowed.map_or(Ok(()), |by| Err(Denied::Borrowed(by)))
    }

    /// The leases over a key, each with the pattern.
    pub fn over<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = (&'a Lease, &'a Pattern)> {
        let mut tokens: Vec<Token> = self.prefixes.before(key).collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens.into_iter().filter_map(|token| {
            let lease = self.leases.get(&token)?;
            lease.patterns.iter().find(|pattern| pattern.matches(key)).map(|pattern| (lease, pattern))
        })
    }

    fn acts_for(&self, token: Token, connection: Connection, user: &[u8]) -> Result<(), Denied> {
        let lease = self.leases.get(&token).ok_or(Denied::NoSuchLease(token))?;
        match &lease.holder {
            _ if lease.attached.contains(&connection) => Ok(()),
            // Who knows the token of his own name may end it from anywhere.
            Holder::Name { user: owner, .. } if **owner == *user => Ok(()),
            Holder::Name { .. } => Err(Denied::NotYours(token)),
            Holder::Connection(_) => Err(Denied::NoSuchLease(token)),
        }
    }

    /// Ends a lease; those who acted for it and did not end it themselves have lost it.
    fn end(&mut self, token: Token, by: Option<Connection>) {
        let Some(lease) = self.remove(token) else { return };
        if lease.holder.name().is_some() {
            self.untold.insert(token);
        }
        for connection in lease.attached.into_iter().filter(|&connection| Some(connection) != by) {
            self.lost.entry(connection).or_default().push((token, lease.patterns.clone()));
        }
    }

    fn forget_lost(&mut self, connection: Connection, keep: impl Fn(Token, &[Pattern]) -> bool) {
        if let Some(lost) = self.lost.get_mut(&connection) {
            lost.retain(|(token, patterns)| keep(*token, patterns));
            if lost.is_empty() {
                self.lost.remove(&connection);
            }
        }
    }
}

/// Whether some key is in both lists.
fn meet(some: &[Pattern], others: &[Pattern]) -> bool {
    some.iter().any(|one| others.iter().any(|other| one.overlap(other).is_some()))
}

impl Obstacle {
    fn of(lease: &Lease, pattern: &Pattern, now_ms: i64) -> Self {
        let left_ms = lease.deadline_ms.map(|at| (at - now_ms).max(0));
        Self { holder: lease.holder.clone(), pattern: pattern.clone(), left_ms }
    }
}
