//! The log as the instance sees it: one total order of records, each the effects of one request or transaction.
//!
//! # Invariants
//! - A record's place is reserved while the shards that it is about are locked: who sees what it did, and leaves a
//!   record in turn, comes later in the order.
//! - It is handed over once they are free: nobody waits for the log under a lock.
//! - Every place that was reserved is handed over.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use keyspace::change::{Interest, Tally};
use keyspace::effects::Effects;
use keyspace::keys::Keys;

use super::Node;
use super::blocking::Waiter;

/// Where records go.
pub trait Log: Send + Sync {
    /// The next place in the order. Called with the record's shards locked: no more than a counter's step.
    fn reserve(&self) -> u64;

    /// Why nothing more can be kept; none when all is well.
    fn failure(&self) -> Option<String>;

    /// Whether there is no failure: asked before each write.
    fn is_healthy(&self) -> bool;

    /// The places up to this one survive the loss of power.
    fn durable(&self) -> u64;

    /// Has the task woken once the places up to this one are durable, if they are not; many may wait.
    fn poll_durable(&self, place: u64, cx: &mut Context<'_>) -> Poll<()>;

    /// Hands over the record of a place. A record is whole requests as RESP arrays, beginning in database 0.
    fn append(&self, place: u64, record: &[u8]);
}

/// The instance's connection to its log.
#[derive(Default)]
pub struct LogSeam {
    log: OnceLock<Arc<dyn Log>>,
}

impl LogSeam {
    /// Why writes are refused, if they are.
    #[cold]
    fn failure(&self) -> Option<String> {
        self.log.get()?.failure()
    }
}

impl Node {
    /// Why writes are refused, if they are: the log cannot keep them.
    #[inline]
    pub(crate) fn log_failure(&self) -> Option<String> {
        let is_on = self.space.interest() & Interest::EFFECTS.0 != 0;
        if !is_on || self.log.log.get().is_none_or(|log| log.is_healthy()) {
            return None;
        }
        self.log.failure()
    }

    /// Whether everything up to a place in the log survives the loss of power.
    pub(crate) fn is_durable(&self, place: u64) -> bool {
        self.log.log.get().is_none_or(|log| log.durable() >= place)
    }

    /// Ready when a client's wait for the log is over; its task is woken then.
    pub fn poll_durable_for(&self, waiter: &Waiter, cx: &mut Context<'_>) -> Poll<()> {
        match (waiter.awaited_place(), self.log.log.get()) {
            (Some(place), Some(log)) => log.poll_durable(place, cx),
            _ => Poll::Pending,
        }
    }

    /// Whether effects go to the log.
    pub fn is_logging(&self) -> bool {
        self.space.interest() & Interest::EFFECTS.0 != 0
    }

    /// Connects a log, once; nothing goes there before `set_logging`.
    pub fn set_log(&self, log: Arc<dyn Log>) {
        let _ = self.log.log.set(log);
    }

    /// From now on effects go to the log, or no more. To be called with all shards locked, or before the first
    /// client.
    pub fn set_logging(&self, on: bool) {
        self.space.set_interest(Interest::EFFECTS, on && self.log.log.get().is_some());
    }

    /// A command begins; its shards are locked.
    #[inline]
    pub(crate) fn begin_effects(&self, tally: &mut Tally) {
        if self.space.interest() & Interest::EFFECTS.0 == 0 {
            tally.effects.turn_off();
        } else {
            tally.effects.turn_on(self.settings.lazyfree_lazy_expire());
        }
    }

    /// A command ended whose shards are still locked: takes the place of its record, if it left one.
    #[inline]
    pub(crate) fn reserve_record(&self, keys: &mut Keys) -> Option<u64> {
        if keys.tally.effects.is_empty() {
            return None;
        }
        let place = self.log.log.get()?.reserve();
        keys.stamp(place);
        Some(place)
    }

    /// As `reserve_record`, for effects that are about no shard.
    pub(crate) fn reserve_effects(&self, effects: &Effects) -> Option<u64> {
        if effects.is_empty() { None } else { Some(self.log.log.get()?.reserve()) }
    }

    /// As `append_record`, for those.
    pub(crate) fn append_effects(&self, place: u64, effects: &mut Effects) {
        if let Some(log) = self.log.log.get() {
            log.append(place, effects.finish());
        }
    }

    /// Hands the record over; no shard is locked.
    pub(crate) fn append_record(&self, place: u64, tally: &mut Tally) {
        if let Some(log) = self.log.log.get() {
            log.append(place, tally.effects.finish());
        }
        tally.effects.clear();
    }
}
