//! One core's own state: clocks of the batch, what its commands collected, random numbers.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use base::clock::{Clock, Ticks};
use base::id::Rng;
use keyspace::change::Tally;
use keyspace::keys::{Access, Now};
use settings::MaxmemoryPolicy;

use super::Node;
use super::stats::CoreStats;
use crate::ownership::Own;
use crate::script::machine::Interpreters;

/// See the module's head.
pub struct Core {
    /// Its number.
    pub index: usize,
    /// Its statistics.
    pub stats: Arc<CoreStats>,
    /// What commands did since the last publishing.
    pub tally: Tally,
    /// The time of this batch.
    pub now: Now,
    /// Its interpreters, made at its first script.
    pub(crate) interpreters: Interpreters,
    /// Random numbers.
    pub random: RefCell<Rng>,
    /// Which keys belong together, and what is owed because of that.
    pub(crate) own: Own,
    pub(crate) expiry: super::expire::Walk,
    pub(crate) evictable: super::evict::Pool,
    pub(crate) coolable: super::evict::Pool,
    pub(crate) nothing_cools_until_ms: i64,
    batches: u32,
    /// The end of the last command, the start of the next.
    pub(crate) last: Ticks,
    /// The start of the batch.
    began: Ticks,
    /// Commands of this core before the batch.
    commands_before: u64,
    pub(crate) clock: Clock,
    /// It looks at tables without a lock, and says when it does not.
    takes_part: bool,
    /// Not `Send`: it belongs to its thread.
    thread: PhantomData<*const ()>,
}

/// Looks without a lock end with their batch; saying so costs about 10 ns.
const BATCHES_PER_QUIET: u32 = 64;

impl Drop for Core {
    fn drop(&mut self) {
        if self.takes_part {
            keyspace::epoch::leave(self.index);
        }
    }
}

impl Core {
    /// Core `index` of `node`.
    pub fn new(node: &Node, index: usize) -> io::Result<Self> {
        keyspace::epoch::quiet(index);
        Self::build(node, index, true)
    }

    /// What a thread runs commands with that is no core, and looks at nothing without a lock; it counts them as core 0.
    pub(crate) fn outside(node: &Node) -> io::Result<Self> {
        Self::build(node, 0, false)
    }

    fn build(node: &Node, index: usize, takes_part: bool) -> io::Result<Self> {
        let random = Rng::from_os()?;
        let clock = Clock::new();
        let now = Now { unix_ms: base::clock::unix_ms(), access: Access::Lru(0) };
        let mut core = Self {
            index,
            stats: node.cores[index].clone(),
            tally: Tally::default(),
            now,
            interpreters: Interpreters::default(),
            random: RefCell::new(random),
            own: Own::default(),
            expiry: super::expire::Walk::default(),
            evictable: super::evict::Pool::default(),
            coolable: super::evict::Pool::default(),
            nothing_cools_until_ms: 0,
            batches: 0,
            last: clock.ticks(),
            began: clock.ticks(),
            commands_before: 0,
            clock,
            takes_part,
            thread: PhantomData,
        };
        core.begin_batch(node);
        Ok(core)
    }

    /// The place in the log that the replies since the last call depend on, be it by what they did or by what they
    /// saw; 0: none.
    #[inline]
    pub fn take_awaited(&mut self) -> u64 {
        std::mem::take(&mut self.tally.awaited)
    }

    /// Looks at the clocks; commands until the next call see this time.
    pub fn begin_batch(&mut self, node: &Node) {
        self.batches = self.batches.wrapping_add(1);
        if self.batches.is_multiple_of(BATCHES_PER_QUIET) || keyspace::epoch::is_due() {
            self.be_quiet();
        }
        self.begin_batch_at(node, base::clock::unix_ms());
    }

    /// Holds no unlocked reference now: what tables have left behind may go.
    pub(crate) fn be_quiet(&self) {
        if self.takes_part { keyspace::epoch::quiet(self.index) } else { keyspace::epoch::sweep() }
    }

    /// A batch of requests is over: how long its commands took, nanoseconds.
    #[inline]
    pub fn end_batch(&self) -> u64 {
        let ns = self.clock.ns_between(self.began, self.last);
        self.stats.longest_batch_ns.raise(ns);
        // After CONFIG RESETSTAT in the midst of it there are less than before.
        self.stats.most_commands.raise(self.stats.commands.get().saturating_sub(self.commands_before));
        ns
    }

    /// How long it is since the last batch began, nanoseconds.
    pub(crate) fn since_began_ns(&self) -> u64 {
        self.clock.ns_between(self.began, self.clock.ticks())
    }

    /// As `begin_batch`, at any time.
    pub(crate) fn begin_batch_at(&mut self, node: &Node, unix_ms: i64) {
        self.now = Now { unix_ms, access: access_clock(node, unix_ms, self.random.get_mut().next_u64() as u32) };
        self.last = self.clock.ticks();
        self.began = self.last;
        self.commands_before = self.stats.commands.get();
    }
}

impl Node {
    /// How keys that come in at a time are clocked.
    pub fn access_at(&self, unix_ms: i64) -> Access {
        access_clock(self, unix_ms, 0)
    }
}

fn access_clock(node: &Node, unix_ms: i64, random: u32) -> Access {
    if !matches!(node.settings.maxmemory_policy(), MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu) {
        return Access::Lru((unix_ms / 1000) as u32 & 0x00FF_FFFF);
    }
    Access::Lfu {
        minutes: (unix_ms / 60_000) as u32 & 0xFFFF,
        log_factor: node.settings.lfu_log_factor(),
        decay_minutes: node.settings.lfu_decay_time(),
        random,
    }
}
