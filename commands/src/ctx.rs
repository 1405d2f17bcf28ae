//! What a handler sees.

use keyspace::keys::Keys;
use resp::{Proto, Writer};

use crate::client::{Client, Multi, Origin};
use crate::error::Result;
use crate::node::Node;
use crate::request::{OwnedRequest, Request};

/// The surroundings of one command.
pub struct Ctx<'c> {
    /// The running instance.
    pub node: &'c Node,
    /// Who asks.
    pub client: &'c mut Client,
    /// The keys, locked.
    pub keys: Keys<'c>,
    /// Where the reply goes.
    pub out: &'c mut Writer,
    /// Where the request comes from.
    pub origin: Origin,
    /// The request itself.
    pub request: Request<'c>,
    /// What EXEC is to run.
    pub transaction: Option<&'c Multi>,
    /// The request to wait with, where the words mean something else later (`XREAD ... $`).
    pub wait_as: Option<Box<OwnedRequest>>,
    /// The core that runs it.
    pub core: CoreView<'c>,
}

/// What a handler may know of its core.
#[derive(Clone, Copy)]
pub struct CoreView<'c> {
    /// The core's number and statistics.
    pub stats: &'c crate::node::stats::CoreStats,
    /// The core's interpreters.
    pub(crate) interpreters: &'c crate::script::machine::Interpreters,
    /// Random numbers.
    pub random: &'c std::cell::RefCell<base::id::Rng>,
    /// Which keys belong together.
    pub(crate) own: &'c crate::ownership::Own,
    /// For how long something took.
    pub clock: &'c base::clock::Clock,
}

impl Ctx<'_> {
    /// Wall clock of this batch, unix milliseconds.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.keys.now.unix_ms
    }

    /// The latest time that anything can have happened. The log tells of a past that it does not date.
    pub fn latest_ms(&self) -> i64 {
        if self.origin == Origin::Log { i64::MAX } else { self.now_ms() }
    }

    /// Locks all shards, for a command that began with none.
    pub(crate) fn lock_everything(&mut self) -> Result<()> {
        if !self.keys.holds_all() {
            self.keys.relock_all().map_err(|_| self.node.scripts.jobs.busy_error())?;
        }
        Ok(())
    }

    /// Whether the log tells it, at a start.
    pub fn is_replay(&self) -> bool {
        self.origin == Origin::Log
    }

    /// Whether the client speaks RESP3.
    #[inline]
    pub fn is_resp3(&self) -> bool {
        self.out.proto() == Proto::Resp3
    }

    /// A random number below `limit`.
    pub fn random_below(&self, limit: u64) -> u64 {
        self.core.random.borrow_mut().below(limit)
    }
}
