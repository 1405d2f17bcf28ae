//! Clients that wait for keys: who they are, and under which keys to look for them.
//!
//! # Invariants
//! - A client is parked while the shards of its keys are locked, and [`Interest::BLOCKED`] is set before they are
//!   free again: whoever locks them next and changes a key will look here.
//! - A waiter is ended by one party: who takes its state from `WAITING` to `CLAIMED`. It is taken out of all queues
//!   and its reply is sent before its state becomes `ENDED`, since from then on its client may wait anew.
//! - Locks in here are taken last and held briefly; turns are taken while no shard is locked.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};

use bytes::Bytes;
use dashmap::DashMap;
use keyspace::change::Interest;
use ownership::Layer;
use parking_lot::{Mutex, MutexGuard};
use resp::{Proto, Writer};

use super::Node;
use super::stats::CoreStats;
use crate::client::{Client, Replies, Shared, signal};
use crate::ctx::Ctx;
use crate::error::{Otherwise, Wait};
use crate::keys::find_keys;
use crate::ownership::Aftermath;
use crate::request::{OwnedRequest, Request};
use crate::spec::{flag, key};

/// A client that waits, with the request that it waits with.
pub struct Waiter {
    /// Its place among all, by arrival.
    number: u64,
    shared: Arc<Shared>,
    request: OwnedRequest,
    db: usize,
    proto: Proto,
    no_touch: bool,
    layer: Layer,
    /// CLIENT REPLY says that nothing is to be sent.
    is_silent: bool,
    until_ms: Option<i64>,
    otherwise: Otherwise,
    state: AtomicU8,
}

/// Nobody is busy with it.
const WAITING: u8 = 0;
/// Somebody runs its request or ends it.
const CLAIMED: u8 = 1;
/// Another of its keys changed meanwhile.
const CLAIMED_AGAIN: u8 = 2;
/// It waits no longer.
const ENDED: u8 = 3;

/// Why a client is let go without an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LetGo {
    /// Its time is over.
    TimedOut,
    /// CLIENT UNBLOCK with ERROR.
    Unblocked,
}

impl Waiter {
    /// When its time is over, unix milliseconds; None: never.
    pub fn until_ms(&self) -> Option<i64> {
        self.until_ms
    }

    /// The place in the log that it waits for, if any.
    pub(super) fn awaited_place(&self) -> Option<u64> {
        match self.otherwise {
            Otherwise::Durable { place, wakes: true } => Some(place),
            _ => None,
        }
    }

    /// Whether it waits no longer; its reply is in the client's outbox then.
    pub fn is_over(&self) -> bool {
        self.state.load(SeqCst) == ENDED
    }

    /// The request.
    pub(crate) fn request(&self) -> Request<'_> {
        self.request.request()
    }

    /// The number of the connection that waits.
    pub(crate) fn client_id(&self) -> u64 {
        self.shared.id
    }

    /// A client like the one that waits, to run the request as: the client itself belongs to its own core.
    pub(crate) fn stand_in(&self, node: &Node) -> Client {
        let mut client = Client::new(node, self.shared.clone());
        let name = self.shared.facts.user.lock().clone();
        if let Some(user) = node.acl.users.get(&name) {
            client.become_user(node, user);
        }
        (client.db, client.proto, client.no_touch, client.layer) = (self.db, self.proto, self.no_touch, self.layer);
        client
    }

    /// Whether it hears when a key of its is gone or of another type.
    pub(crate) fn heeds_loss(&self) -> bool {
        self.request.request().row.command.has(flag::HEEDS_LOSS)
    }

    fn try_claim(&self) -> bool {
        self.state.compare_exchange(WAITING, CLAIMED, SeqCst, SeqCst).is_ok()
    }

    /// Whether it waits for work elsewhere, which will answer it.
    fn awaits_work(&self) -> bool {
        self.until_ms.is_none() && self.otherwise == Otherwise::Null && awaited(&self.request()).next().is_none()
    }

    /// Claims it in order to run its request; whoever has it already is told to look once more.
    pub(crate) fn claim(&self) -> bool {
        loop {
            if self.try_claim() {
                return true;
            }
            match self.state.compare_exchange(CLAIMED, CLAIMED_AGAIN, SeqCst, SeqCst) {
                Ok(_) | Err(CLAIMED_AGAIN | ENDED) => return false,
                // Put back between the two looks.
                Err(_) => {}
            }
        }
    }

    fn is_dead(&self) -> bool {
        self.shared.facts.ended.load(SeqCst)
    }
}

/// The keys that a request waits for: those that it takes something from.
pub(crate) fn awaited<'a>(request: &Request<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let request = *request;
    let waits_aside = request.row.command.has(flag::ASIDE);
    let found = if waits_aside { Default::default() } else { find_keys(&request) };
    found.into_iter().filter(|found| found.flags & key::ACCESS != 0).filter_map(move |found| request.word(found.word))
}

/// The waiters under one name of a key, by arrival; of all databases.
type Queue = BTreeMap<u64, Arc<Waiter>>;

/// Threads that serve waiters of different keys rarely meet in so many turns.
const TURNS: usize = 64;

/// See the module's head.
pub struct Blocking {
    queues: DashMap<Box<[u8]>, Queue>,
    by_client: DashMap<u64, Arc<Waiter>>,
    next: AtomicU64,
    count: Mutex<usize>,
    /// Clients that hear of the loss of their keys.
    heeding: AtomicUsize,
    turns: [Mutex<()>; TURNS],
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            queues: DashMap::new(),
            by_client: DashMap::new(),
            next: AtomicU64::new(1),
            count: Mutex::new(0),
            heeding: AtomicUsize::new(0),
            turns: std::array::from_fn(|_| Mutex::new(())),
        }
    }
}

impl Blocking {
    /// Clients that wait.
    pub fn clients(&self) -> usize {
        *self.count.lock()
    }

    /// Keys that somebody waits for, in all databases.
    pub fn keys(&self) -> usize {
        self.count_keys(|_| true)
    }

    /// Those of whose loss somebody hears.
    pub fn keys_heeded(&self) -> usize {
        self.count_keys(Waiter::heeds_loss)
    }

    /// Whether any client hears of the loss of its keys.
    pub(crate) fn heeds_loss(&self) -> bool {
        self.heeding.load(SeqCst) > 0
    }

    fn count_keys(&self, counts: impl Fn(&Waiter) -> bool) -> usize {
        let databases = |queue: &Queue| {
            let waiters = queue.values().filter(|waiter| counts(waiter));
            let mut databases: Vec<usize> = waiters.map(|waiter| waiter.db).collect();
            databases.sort_unstable();
            databases.dedup();
            databases.len()
        };
        self.queues.iter().map(|queue| databases(&queue)).sum()
    }

    /// Parks the client of a request that found nothing; its keys are locked.
    #[cold]
    pub(crate) fn park(&self, ctx: &mut Ctx<'_>, wait: Wait) {
        let client = &mut *ctx.client;
        let request = ctx.wait_as.take().map_or_else(|| ctx.request.to_owned(), |request| *request);
        if request.request().row.command.has(flag::HEEDS_LOSS) {
            self.heeding.fetch_add(1, SeqCst);
        }
        let waiter = Arc::new(Waiter {
            number: self.next.fetch_add(1, Relaxed),
            shared: client.shared.clone(),
            request,
            db: client.db,
            proto: client.proto,
            no_touch: client.no_touch,
            layer: client.layer,
            is_silent: client.replies != Replies::On,
            until_ms: wait.until_ms,
            otherwise: wait.otherwise,
            state: AtomicU8::new(WAITING),
        });
        for key in awaited(&ctx.request) {
            ctx.node.space.await_key(ctx.node.space.hash(key));
            self.queues.entry(key.into()).or_default().insert(waiter.number, waiter.clone());
        }
        self.by_client.insert(client.shared.id, waiter.clone());
        {
            let mut count = self.count.lock();
            *count += 1;
            ctx.node.space.set_interest(Interest::BLOCKED, true);
        }
        client.shared.facts.blocked.store(true, SeqCst);
        client.waiting = Some(waiter);
    }

    /// Whether somebody waits for a key.
    pub(crate) fn is_awaited(&self, db: usize, key: &[u8]) -> bool {
        self.queues.get(key).is_some_and(|queue| queue.values().any(|waiter| waiter.db == db))
    }

    /// The keys of a database that somebody waits for.
    pub(crate) fn awaited_keys(&self, db: usize) -> Vec<Box<[u8]>> {
        let in_db = |queue: &Queue| queue.values().any(|waiter| waiter.db == db);
        self.queues.iter().filter(|queue| in_db(queue.value())).map(|queue| queue.key().clone()).collect()
    }

    /// The first waiter for a key that came after waiter number `after`.
    pub(crate) fn next_after(&self, db: usize, key: &[u8], after: u64) -> Option<(u64, Arc<Waiter>)> {
        let queue = self.queues.get(key)?;
        let mut later = queue.range((Bound::Excluded(after), Bound::Unbounded));
        later.find(|(_, waiter)| waiter.db == db).map(|(number, waiter)| (*number, waiter.clone()))
    }

    /// One thread at a time serves the waiters of a key, so that they are served in order.
    pub(crate) fn take_turn(&self, hash: u64) -> MutexGuard<'_, ()> {
        self.turns[hash as usize % TURNS].lock()
    }

    /// Ends a claimed waiter with its reply.
    pub(crate) fn end(&self, node: &Node, waiter: &Waiter, reply: &Writer) {
        self.remove(node, waiter);
        if !waiter.is_silent && !reply.is_empty() {
            // One message, so that no other comes in between.
            let mut message = Vec::with_capacity(reply.len());
            reply.segments().for_each(|segment| message.extend_from_slice(segment));
            waiter.shared.send(Bytes::from(message));
        }
        waiter.state.store(ENDED, SeqCst);
        waiter.shared.raise(signal::UNBLOCKED);
    }

    fn remove(&self, node: &Node, waiter: &Waiter) {
        for key in awaited(&waiter.request()) {
            node.space.forgo_key(node.space.hash(key));
            if let Some(mut queue) = self.queues.get_mut(key) {
                queue.remove(&waiter.number);
            }
            self.queues.remove_if(key, |_, queue| queue.is_empty());
        }
        self.by_client.remove(&waiter.shared.id);
        if waiter.heeds_loss() {
            self.heeding.fetch_sub(1, SeqCst);
        }
        waiter.shared.facts.blocked.store(false, SeqCst);
        let mut count = self.count.lock();
        *count -= 1;
        if *count == 0 {
            node.space.set_interest(Interest::BLOCKED, false);
        }
    }

    /// Puts a claimed waiter back whose request found nothing. False: a key changed meanwhile, try again.
    pub(crate) fn put_back(&self, node: &Node, waiter: &Waiter) -> bool {
        if waiter.state.compare_exchange(CLAIMED, WAITING, SeqCst, SeqCst).is_err() {
            waiter.state.store(CLAIMED, SeqCst);
            return false;
        }
        // Its connection may have gone while it was claimed, and left the rest to us.
        if waiter.is_dead() && waiter.try_claim() {
            self.remove(node, waiter);
            waiter.state.store(ENDED, SeqCst);
        }
        true
    }

    /// Whether a waiter's connection was killed, and nothing may be taken for it any more.
    pub(crate) fn is_dead(&self, waiter: &Waiter) -> bool {
        waiter.is_dead()
    }

    /// Lets a client go that waited in vain; false when somebody serves it at this moment.
    pub fn let_go(&self, node: &Node, stats: &CoreStats, waiter: &Waiter, why: LetGo) -> bool {
        let mut aftermath = Aftermath::default();
        let is_let_go = self.let_go_with(node, stats, waiter, why, &mut aftermath);
        aftermath.settle(node);
        is_let_go
    }

    /// As `let_go`; what follows for those who wait for leases is to be settled once no shard is locked.
    fn let_go_with(
        &self,
        node: &Node,
        stats: &CoreStats,
        waiter: &Waiter,
        why: LetGo,
        aftermath: &mut Aftermath,
    ) -> bool {
        let mut denied = None;
        if waiter.otherwise == Otherwise::Lease {
            let Some((reason, later)) = node.leave_lease_queue(waiter, why) else { return false };
            aftermath.append(later);
            denied = Some(reason.to_string());
        }
        if !waiter.try_claim() {
            return false;
        }
        let mut reply = Writer::new(waiter.proto);
        match why {
            LetGo::TimedOut if denied.is_some() => {
                let line = denied.unwrap_or_default();
                crate::execute::count_error(node, stats, &line);
                stats.by_command[waiter.request().row.index].failed.add(1);
                reply.error(&line);
            }
            LetGo::TimedOut => match waiter.otherwise {
                Otherwise::Null => reply.null_array(),
                otherwise => otherwise.write(node, &mut reply),
            },
            LetGo::Unblocked => {
                let line = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
                crate::execute::count_error(node, stats, line);
                reply.error(line);
                stats.by_command[waiter.request().row.index].failed.add(1);
            }
        }
        if waiter.otherwise != Otherwise::Lease {
            stats.by_command[waiter.request().row.index].calls.add(1);
        }
        self.end(node, waiter, &reply);
        true
    }

    /// CLIENT UNBLOCK; false when the client does not wait.
    pub(crate) fn unblock(&self, ctx: &Ctx<'_>, id: u64, why: LetGo) -> bool {
        let waiter = self.by_client.get(&id).map(|waiter| waiter.clone());
        let mut aftermath = Aftermath::default();
        let is_let_go = waiter.is_some_and(|waiter| {
            !waiter.awaits_work() && self.let_go_with(ctx.node, ctx.core.stats, &waiter, why, &mut aftermath)
        });
        ctx.core.own.owe_aftermath(aftermath);
        is_let_go
    }

    /// Ends a claimed waiter without a reply, and its connection with it.
    #[cold]
    pub(crate) fn give_up(&self, node: &Node, waiter: &Waiter) {
        self.remove(node, waiter);
        waiter.state.store(ENDED, SeqCst);
        waiter.shared.raise(signal::KILL);
    }

    /// Answers a client that waits for no key but for work elsewhere; it may only be about to be parked.
    pub(crate) fn answer(&self, node: &Node, client: u64, reply: &Writer) {
        while node.clients.contains_key(&client) {
            let waiter = self.by_client.get(&client).map(|waiter| waiter.clone());
            match waiter {
                Some(waiter) if waiter.try_claim() => return self.end(node, &waiter, reply),
                _ => std::thread::sleep(std::time::Duration::from_millis(1)),
            }
        }
    }

    /// A waiting connection goes.
    pub(crate) fn abandon(&self, node: &Node, waiter: &Waiter) {
        waiter.shared.facts.ended.store(true, SeqCst);
        node.migrations.forget(waiter.shared.id);
        if waiter.try_claim() {
            self.remove(node, waiter);
            waiter.state.store(ENDED, SeqCst);
        }
    }
}
