//! Who asks: a connection's state for its own core, and the part that others may look at.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst,
};
use std::task::Waker;

use acl::{DEFAULT_USER, User};
use bytes::Bytes;
use keyspace::keys::Keys;
use keyspace::shard::{Keyspace, WatchFlag};
use ownership::Layer;
use parking_lot::Mutex;
use resp::Proto;

use crate::node::Node;
use crate::node::blocking::Waiter;
use crate::node::pubsub::Subscriptions;
use crate::node::warm::Landing;
use crate::request::OwnedRequest;

/// Where a request comes from; guards read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A client's connection.
    Connection,
    /// EXEC's queue.
    Transaction,
    /// Another client's command, on behalf of one that waits.
    Wakened,
    /// The log, at a start.
    Log,
    /// A script.
    Script,
}

/// A connection's state; only its own core touches it.
pub struct Client {
    /// The selected database.
    pub db: usize,
    /// RESP2 or RESP3.
    pub proto: Proto,
    /// Whether AUTH was given, or is not needed.
    pub authenticated: bool,
    /// Whose connection it is, as he was in `user_generation`.
    pub(crate) user: Arc<User>,
    /// See [`acl::Users::generation`].
    pub(crate) user_generation: u64,
    /// The queue of MULTI.
    pub multi: Option<Box<Multi>>,
    /// Watched keys with their databases.
    pub watched: Vec<(usize, Box<[u8]>)>,
    /// Set when one of them changed.
    pub watch_flag: WatchFlag,
    /// Whether its reads are to be noted (CLIENT TRACKING).
    pub(crate) tracked: bool,
    /// CLIENT CACHING, for the next command.
    pub(crate) caching: Option<bool>,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// The place in the log of its last write; 0: it wrote nothing.
    pub last_place: u64,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// CLIENT LAYER: where it stands between the truth and its copies.
    pub(crate) layer: Layer,
    /// The connection ends once its replies are written.
    pub closing: bool,
    /// REPLCONF.
    pub(crate) snapshot_wish: SnapshotWish,
    /// Its channels and patterns, when it has any.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// The last command's row number + 1; `facts` gets it at the end of a batch.
    pub last_command: u32,
    /// Its request that waits for keys; nothing else runs until that is over.
    pub waiting: Option<Arc<Waiter>>,
    /// What its request needs of the warm tier, while that is so.
    pub landing: Option<Box<Landing>>,
    /// What others see.
    pub shared: Arc<Shared>,
}

/// What a connection that is to get a snapshot said by REPLCONF.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct SnapshotWish {
    /// It wants a snapshot and no changes after it.
    pub(crate) is_all: bool,
    /// The snapshot is to have functions, and no keys.
    pub(crate) only_functions: bool,
}

/// CLIENT REPLY's modes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replies {
    /// All are sent.
    On,
    /// None is.
    Off,
    /// This command's own reply (to CLIENT REPLY SKIP) is not sent, nor the next one.
    SkipNext,
    /// This one is not sent.
    Skip,
}

/// Commands between MULTI and EXEC.
#[derive(Default)]
pub struct Multi {
    /// In order.
    pub queue: Vec<OwnedRequest>,
    /// The flags that any of them has.
    pub flags: u32,
    /// Bytes that they occupy.
    pub bytes: usize,
    /// Some command could not be queued: EXEC will refuse.
    pub broken: bool,
}

impl Multi {
    /// Puts a request at the end.
    pub fn push(&mut self, request: OwnedRequest, flags: u32) {
        self.flags |= flags;
        self.bytes += request.memory_usage();
        self.queue.push(request);
    }
}

/// What stands on a connection's own signal word.
pub mod signal {
    /// Its outbox has something.
    pub const PUSHED: u32 = 1 << 0;
    /// It is to be closed at once.
    pub const KILL: u32 = 1 << 1;
    /// It is to be closed when its replies are written.
    pub const CLOSE: u32 = 1 << 2;
    /// It no longer waits.
    pub const UNBLOCKED: u32 = 1 << 3;
    /// Look at the pause state again.
    pub const RESUME: u32 = 1 << 4;
    /// It has been idle: its buffers may shrink.
    pub const SHRINK: u32 = 1 << 5;
}

/// The part of a connection that other threads see and write to.
pub struct Shared {
    /// Its number.
    pub id: u64,
    /// Peer's address, `ip:port` or the socket's path with `:0`.
    pub addr: String,
    /// Own address.
    pub laddr: String,
    /// Its socket.
    pub fd: i32,
    /// When it connected, unix milliseconds.
    pub created_ms: i64,
    /// The core that serves it; connections move.
    pub core: AtomicUsize,
    /// See [`signal`].
    signals: AtomicU32,
    outbox: Mutex<Outbox>,
    waker: Mutex<Option<Waker>>,
    /// What CLIENT LIST tells.
    pub facts: Facts,
}

/// Facts of CLIENT LIST: written by the connection's own core with plain stores.
#[derive(Default)]
#[allow(missing_docs)]
pub struct Facts {
    pub user: Mutex<Box<[u8]>>,
    /// See [`crate::node::tracking::mode`].
    pub tracking: AtomicU32,
    /// The connection that gets its invalidations; 0: itself.
    pub redirect: AtomicU64,
    pub name: Mutex<Option<Box<[u8]>>>,
    /// The name in the peer's certificate.
    pub tls_name: Mutex<Option<Box<[u8]>>>,
    pub lib_name: Mutex<Option<Box<[u8]>>>,
    pub lib_ver: Mutex<Option<Box<[u8]>>>,
    pub last_ms: AtomicI64,
    pub db: AtomicU32,
    /// The last command's row number + 1.
    pub command: AtomicU32,
    pub resp3: AtomicBool,
    pub multi: AtomicI64,
    pub watched: AtomicU32,
    /// Set when a watched key changed.
    pub watch_flag: WatchFlag,
    /// Bytes of the watched keys' names and of their places.
    pub watched_bytes: AtomicU64,
    /// What `Care` has counted of this client's memory.
    pub counted_bytes: AtomicU64,
    pub subscriptions: AtomicU32,
    pub patterns: AtomicU32,
    pub shard_channels: AtomicU32,
    pub no_evict: AtomicBool,
    pub no_touch: AtomicBool,
    pub monitor: AtomicBool,
    /// Waits for its keys.
    pub blocked: AtomicBool,
    /// Waits for the end of CLIENT PAUSE.
    pub paused: AtomicBool,
    /// It was killed, and does not count any more.
    pub ended: AtomicBool,
    pub unix_socket: AtomicBool,
    pub query_bytes: AtomicU64,
    pub query_free_bytes: AtomicU64,
    pub multi_bytes: AtomicU64,
    /// Replies and messages that wait for the socket.
    pub reply_bytes: AtomicU64,
    /// In so many pieces.
    pub reply_chunks: AtomicU32,
    /// Since when its output exceeds the soft limit, unix milliseconds; 0: it does not.
    pub soft_since_ms: AtomicI64,
    /// Bytes that its subscriptions occupy.
    pub subscription_bytes: AtomicU64,
    /// Bytes that its prefixes of CLIENT TRACKING occupy.
    pub prefix_bytes: AtomicU64,
}

/// What others sent to a connection and it has not taken yet.
#[derive(Default)]
struct Outbox {
    messages: Vec<Bytes>,
    bytes: usize,
}

impl Shared {
    /// A connection that nobody has written to yet.
    pub fn new(id: u64, fd: i32, addr: String, laddr: String, created_ms: i64) -> Self {
        let facts = Facts {
            last_ms: AtomicI64::new(created_ms),
            multi: AtomicI64::new(-1),
            user: Mutex::new(DEFAULT_USER.into()),
            ..Facts::default()
        };
        Self {
            id,
            addr,
            laddr,
            fd,
            created_ms,
            core: AtomicUsize::new(0),
            signals: AtomicU32::new(0),
            outbox: Mutex::default(),
            waker: Mutex::default(),
            facts,
        }
    }

    /// Where wake-ups go; the connection says it once, from its task.
    pub fn set_waker(&self, waker: Waker) {
        *self.waker.lock() = Some(waker);
    }

    /// Raises a signal and wakes the connection's task.
    pub fn raise(&self, signal: u32) {
        if self.signals.fetch_or(signal, SeqCst) & signal != signal {
            self.wake();
        }
    }

    /// Wakes the connection's task.
    pub fn wake(&self) {
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Signals that are up; the connection's own look, one load.
    #[inline]
    pub fn signals(&self) -> u32 {
        self.signals.load(SeqCst)
    }

    /// Takes signals down.
    pub fn lower(&self, signal: u32) {
        self.signals.fetch_and(!signal, SeqCst);
    }

    /// Sends whole protocol messages to the client, between its replies. Answers the bytes waiting.
    pub fn send(&self, message: Bytes) -> usize {
        let waiting = {
            let mut outbox = self.outbox.lock();
            outbox.bytes += message.len();
            outbox.messages.push(message);
            outbox.bytes
        };
        self.raise(signal::PUSHED);
        waiting
    }

    /// What was sent since the last time.
    pub fn take_outbox(&self) -> Vec<Bytes> {
        self.lower(signal::PUSHED);
        let mut outbox = self.outbox.lock();
        outbox.bytes = 0;
        std::mem::take(&mut outbox.messages)
    }

    /// Messages and bytes in the outbox.
    pub fn outbox(&self) -> (usize, usize) {
        let outbox = self.outbox.lock();
        (outbox.messages.len(), outbox.bytes)
    }

    /// Output that waits for the client to read it.
    pub fn output_bytes(&self) -> usize {
        self.facts.reply_bytes.load(Relaxed) as usize + self.outbox().1
    }

    /// Whether it waits for its keys, or for the end of a pause.
    pub fn is_blocked(&self) -> bool {
        self.facts.blocked.load(Relaxed) || self.facts.paused.load(Relaxed)
    }

    /// Closes the connection at once. It does not count from now on, though its own core may need a moment.
    pub fn end(&self) {
        self.facts.ended.store(true, Relaxed);
        self.raise(signal::KILL);
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscriber(&self) -> bool {
        let facts = &self.facts;
        [&facts.subscriptions, &facts.patterns, &facts.shard_channels].iter().any(|count| count.load(Relaxed) > 0)
    }

    /// Bytes that the connection occupies, as far as they depend on what the client does.
    pub fn memory_usage(&self) -> usize {
        let facts = &self.facts;
        let text = |text: &Mutex<Option<Box<[u8]>>>| text.lock().as_deref().map_or(0, <[u8]>::len);
        let counted = [
            &facts.query_bytes,
            &facts.query_free_bytes,
            &facts.multi_bytes,
            &facts.watched_bytes,
            &facts.reply_bytes,
            &facts.subscription_bytes,
            &facts.prefix_bytes,
        ];
        size_of::<Self>()
            + size_of::<Client>()
            + counted.iter().map(|bytes| bytes.load(Relaxed) as usize).sum::<usize>()
            + self.outbox().1
            + text(&facts.name)
            + text(&facts.lib_name)
            + text(&facts.lib_ver)
    }
}

impl Client {
    /// A fresh connection: the default user's.
    pub fn new(node: &Node, shared: Arc<Shared>) -> Self {
        let (user_generation, user) = (node.acl.users.generation(), node.acl.users.default_user());
        Self {
            db: 0,
            proto: Proto::Resp2,
            authenticated: user.is_open(),
            user,
            user_generation,
            multi: None,
            watched: Vec::new(),
            watch_flag: shared.facts.watch_flag.clone(),
            tracked: shared.facts.tracking.load(Relaxed) != 0,
            caching: None,
            replies: Replies::On,
            last_place: 0,
            no_touch: false,
            layer: Layer::Server,
            closing: false,
            snapshot_wish: SnapshotWish::default(),
            subscriptions: None,
            last_command: 0,
            waiting: None,
            landing: None,
            shared,
        }
    }

    /// MULTI: commands are queued from now on.
    pub(crate) fn begin_transaction(&mut self) {
        self.multi = Some(Box::default());
        self.tell_multi();
    }

    /// Tells others how much is queued.
    pub(crate) fn tell_multi(&self) {
        let facts = &self.shared.facts;
        facts.multi.store(self.multi.as_ref().map_or(-1, |multi| multi.queue.len() as i64), Relaxed);
        facts.multi_bytes.store(self.multi.as_ref().map_or(0, |multi| multi.bytes as u64), Relaxed);
    }

    /// Tells others how many keys are watched.
    pub(crate) fn tell_watched(&self) {
        self.shared.facts.watched.store(self.watched.len() as u32, Relaxed);
    }

    /// Drops the queue of MULTI and all watches. Locks the watched keys' shards: none may be locked.
    pub(crate) fn leave_transaction(&mut self, space: &Keyspace) {
        self.multi = None;
        self.tell_multi();
        self.unwatch(space);
    }

    /// Drops all watches. Locks the watched keys' shards: none may be locked.
    pub(crate) fn unwatch(&mut self, space: &Keyspace) {
        for (db, key) in std::mem::take(&mut self.watched) {
            space.unwatch(db, &key, &self.watch_flag);
        }
        self.forget_watches();
    }

    /// As `unwatch`, in the middle of EXEC, which has those shards locked; whether a watched key changed or expired.
    pub(crate) fn take_watches(&mut self, keys: &mut Keys<'_>) -> bool {
        let own = keys.db_index();
        for (db, bytes) in std::mem::take(&mut self.watched) {
            keys.select(db);
            let key = keys.key(&bytes);
            // WATCH found no expired key, so one that is found now expired since: a change, which raises the flag.
            keys.find_untouched(&key);
            keys.unwatch(&key, &self.watch_flag);
        }
        keys.select(own);
        self.forget_watches()
    }

    /// Whether a watched key had changed; no shard knows the flag any more.
    fn forget_watches(&mut self) -> bool {
        self.tell_watched();
        self.shared.facts.watched_bytes.store(0, Relaxed);
        self.watch_flag.swap(false, SeqCst)
    }

    /// Selects a database.
    pub fn select(&mut self, db: usize) {
        self.db = db;
        self.shared.facts.db.store(db as u32, Relaxed);
    }

    /// Whether it is subscribed to anything.
    #[inline]
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.is_some()
    }

    /// Whether it may not do anything before it signs in.
    #[inline]
    pub fn must_sign_in(&self, node: &Node) -> bool {
        !self.authenticated && !node.acl.users.default_user().is_open()
    }

    /// RESET: forgets everything but the client's name for its library.
    pub fn reset(&mut self, node: &Node) {
        self.leave(node);
        let user = node.acl.users.default_user();
        let is_open = user.is_open();
        self.become_user(node, user);
        self.authenticated = is_open;
        self.proto = Proto::Resp2;
        self.replies = Replies::On;
        self.no_touch = false;
        self.layer = Layer::Server;
        self.snapshot_wish = SnapshotWish::default();
        self.select(0);
        let facts = &self.shared.facts;
        facts.resp3.store(false, Relaxed);
        facts.no_touch.store(false, Relaxed);
        facts.no_evict.store(false, Relaxed);
        *facts.name.lock() = None;
    }

    /// Takes the connection out of everything that knows it, but the list of connections.
    pub fn leave(&mut self, node: &Node) {
        node.pubsub.leave(self);
        self.untrack(node);
        node.monitoring.monitors.remove(&self.shared);
        if let Some(waiter) = self.waiting.take() {
            node.blocking.abandon(node, &waiter);
        }
        node.end_leases_of(self);
        self.leave_transaction(&node.space);
        node.care.uncount(&self.shared);
    }
}
