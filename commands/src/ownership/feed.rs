//! The feed: which keys whoever keeps copies has to drop, numbered, so that one who was away for a while goes on where he
//! stopped.
//!
//! # Invariants
//! - A record is there once what it tells has happened and before the reply of what did it: who drops his copy then and
//!   asks again gets no older value.
//! - Numbers follow each other without a gap. Who asks for one that is not kept any more, or of another start of the
//!   server, is told to drop everything.
//! - It keeps records while somebody listens, and for a while after; nobody pays for it before.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::task::{Context, Poll, Waker};

use keyspace::change::{Change, Interest};
use ownership::{Keys as Gone, Pattern};
use parking_lot::Mutex;

use super::INVALIDATED;
use crate::node::Node;

/// Records that are kept, and bytes of their keys.
const RECORDS_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 16 << 20;
/// For how long records are kept when the last listener has gone.
const KEPT_MS: i64 = 300_000;

/// A place in the feed, `<epoch>:<seq>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// When the feed began, unix milliseconds: another one after each start.
    pub epoch: u64,
    /// The number of the last record that was read; 0: none.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

impl Position {
    /// Reads `<epoch>:<seq>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once(':')?;
        let number = |text: &str| base::number::parse_u64(text.as_bytes());
        Some(Self { epoch: number(epoch)?, seq: number(seq)? })
    }
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// In which database; None: in all.
    pub db: Option<usize>,
    /// Which keys.
    pub keys: Gone,
}

/// What a listener is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// Copies of these keys are no longer good.
    Dropped(Position, Arc<Dropped>),
    /// Records are missing: no copy may be good. Goes on from here.
    Reset(Position),
}

/// See the module's head.
pub struct Feed {
    log: Mutex<Log>,
    /// Until when records are kept though nobody listens; `i64::MAX`: somebody does; 0: nothing is kept.
    kept_until_ms: AtomicI64,
}

struct Log {
    epoch: u64,
    /// The number of the last record.
    last: u64,
    records: VecDeque<Arc<Dropped>>,
    bytes: usize,
    listeners: usize,
    wakers: Vec<Waker>,
}

impl Log {
    fn push(&mut self, it: Dropped) {
        self.last += 1;
        self.bytes += bytes_of(&it);
        self.records.push_back(Arc::new(it));
        while self.records.len() > RECORDS_MAX || self.bytes > BYTES_MAX {
            let Some(first) = self.records.pop_front() else { break };
            self.bytes -= bytes_of(&first);
        }
    }

    /// The number before the oldest record.
    fn before(&self) -> u64 {
        self.last - self.records.len() as u64
    }

    fn end(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last }
    }
}

fn bytes_of(it: &Dropped) -> usize {
    size_of::<Dropped>()
        + match &it.keys {
            Gone::One(key) => key.len(),
            Gone::Matching(pattern) => pattern.text().len(),
        }
}

impl Feed {
    pub(super) fn new(epoch: u64) -> Self {
        let (records, wakers) = (VecDeque::new(), Vec::new());
        let log = Mutex::new(Log { epoch, last: 0, records, bytes: 0, listeners: 0, wakers });
        Self { log, kept_until_ms: AtomicI64::new(0) }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.log.lock().end()
    }

    /// Listeners, records and bytes that are kept.
    pub fn figures(&self) -> (usize, usize, usize) {
        let log = self.log.lock();
        (log.listeners, log.records.len(), log.bytes)
    }

    /// Adds records and wakes who waits for them.
    pub(super) fn push(&self, all: impl Iterator<Item = Dropped>) {
        let wakers = {
            let mut log = self.log.lock();
            all.for_each(|it| log.push(it));
            std::mem::take(&mut log.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Node {
    /// Listens to what happens to keys that match any of some patterns, from a place on, or from now on.
    pub fn listen(self: &Arc<Self>, patterns: Vec<Pattern>, from: Option<Position>) -> Listener {
        let feed = &self.ownership.feed;
        let mut log = feed.log.lock();
        log.listeners += 1;
        feed.kept_until_ms.store(i64::MAX, SeqCst);
        self.space.set_interest(Interest::FEED, true);
        let end = log.end();
        // What was not kept, because nobody listened, has no number either: only a place in this epoch can be gone on from.
        let is_known = from.is_none_or(|at| at.epoch == end.epoch && (log.before()..=log.last).contains(&at.seq));
        Listener { node: self.clone(), patterns, at: from.filter(|_| is_known).unwrap_or(end), is_lost: !is_known }
    }

    /// By the clock: a feed to which nobody listens for long is given up.
    pub(crate) fn look_after_feed(&self, now_ms: i64) {
        let feed = &self.ownership.feed;
        let kept_until_ms = feed.kept_until_ms.load(Relaxed);
        if kept_until_ms == 0 || kept_until_ms == i64::MAX && feed.log.lock().listeners > 0 {
            return;
        }
        let mut log = feed.log.lock();
        if log.listeners > 0 {
            return;
        }
        if kept_until_ms == i64::MAX {
            feed.kept_until_ms.store(now_ms + KEPT_MS, SeqCst);
        } else if kept_until_ms <= now_ms {
            self.space.set_interest(Interest::FEED, false);
            feed.kept_until_ms.store(0, SeqCst);
            (log.records, log.bytes) = (VecDeque::new(), 0);
            // What happens from now on has no numbers: who comes back is told to begin anew.
            (log.epoch, log.last) = (log.epoch + 1, 0);
        }
    }

    /// Tells of what commands changed; no shard is locked. What went along is told by `tell_gone`.
    pub(crate) fn feed_changes(&self, changes: &[Change], flushed: bool) {
        if self.space.interest() & Interest::FEED.0 == 0 {
            return;
        }
        let one = |change: &Change| Dropped { db: Some(change.db), keys: Gone::One(change.key.clone()) };
        let changed = changes.iter().filter(|change| change.modified && change.event != INVALIDATED).map(one);
        let all = flushed.then(|| Dropped { db: None, keys: Gone::Matching(everything()) });
        self.ownership.feed.push(changed.chain(all));
    }

    /// Tells listeners and channels of keys that went because of others, or of INVALIDATE; no shard is locked.
    pub(super) fn tell_gone(&self, gone: Vec<(usize, Gone)>) {
        if !self.pubsub.is_empty() {
            let graph = self.ownership.graph();
            for (_, keys) in &gone {
                self.announce_gone(&graph, keys);
            }
        }
        if self.space.interest() & Interest::FEED.0 != 0 {
            self.ownership.feed.push(gone.into_iter().map(|(db, keys)| Dropped { db: Some(db), keys }));
        }
    }

    /// On `__invalidate__:<pattern>` of each pattern of the graph that the keys have to do with.
    fn announce_gone(&self, graph: &ownership::Graph, keys: &Gone) {
        let told = match keys {
            Gone::One(key) => &**key,
            Gone::Matching(pattern) => pattern.text(),
        };
        let mut found = ownership::Found::new();
        match keys {
            Gone::One(key) => graph.matches(key, &mut found),
            Gone::Matching(pattern) => {
                let meets = |id: &u32| graph.node(*id).pattern.overlap(pattern).is_some();
                found.extend((0..graph.nodes().len() as u32).filter(meets));
            }
        }
        for &id in &found {
            let channel = [b"__invalidate__:", graph.node(id).pattern.text()].concat();
            self.pubsub.publish(self, crate::node::pubsub::Kind::Channel, &channel, told);
        }
    }
}

fn everything() -> Pattern {
    Pattern::parse(b"*").expect("a star is a pattern")
}

/// One who listens.
pub struct Listener {
    node: Arc<Node>,
    patterns: Vec<Pattern>,
    at: Position,
    is_lost: bool,
}

impl Listener {
    /// How far it has read: to go on from there.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Up to `limit` items that are there already.
    pub fn take(&mut self, limit: usize) -> Vec<Item> {
        let node = self.node.clone();
        let log = node.ownership.feed.log.lock();
        self.read(&log, limit)
    }

    /// As `take`; pending while there are none, and the task is woken when something happens.
    pub fn poll(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<Vec<Item>> {
        let node = self.node.clone();
        let mut log = node.ownership.feed.log.lock();
        let items = self.read(&log, limit);
        if items.is_empty() {
            if !log.wakers.iter().any(|known| known.will_wake(cx.waker())) {
                log.wakers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        Poll::Ready(items)
    }

    fn read(&mut self, log: &Log, limit: usize) -> Vec<Item> {
        let mut items = Vec::new();
        if self.is_lost || self.at.epoch != log.epoch || self.at.seq < log.before() {
            (self.is_lost, self.at) = (false, log.end());
            return vec![Item::Reset(self.at)];
        }
        let skip = (self.at.seq - log.before()) as usize;
        for record in log.records.iter().skip(skip) {
            if items.len() == limit {
                break;
            }
            self.at.seq += 1;
            if self.concerns(record) {
                items.push(Item::Dropped(self.at, record.clone()));
            }
        }
        items
    }

    fn concerns(&self, it: &Dropped) -> bool {
        self.patterns.iter().any(|pattern| match &it.keys {
            Gone::One(key) => pattern.matches(key),
            Gone::Matching(gone) => pattern.overlap(gone).is_some(),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.node.ownership.feed.log.lock().listeners -= 1;
    }
}
