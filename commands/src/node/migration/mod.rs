//! Keys on their way to other servers (MIGRATE): a thread talks to the target while the client waits and its core
//! serves others; then the request runs again, under the locks of its keys.
//!
//! # Invariants
//! - A client has at most one journey; it waits while there is one.
//! - A key is removed here only when the target has acknowledged it as it is at that moment.

mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use dashmap::DashMap;

use super::Node;
use crate::client::signal;
use target::Sockets;

/// Each has a thread.
const JOURNEYS_MAX: usize = 256;

/// A key that is to be as it is here on the target, too.
pub(crate) struct Traveller {
    pub(crate) key: Box<[u8]>,
    /// What DUMP answers for it; None: it is gone, and the target is to remove it.
    pub(crate) payload: Option<Vec<u8>>,
    /// When it expires, unix milliseconds.
    pub(crate) deadline_ms: Option<i64>,
    /// The target has had it before, so that a later state may replace it.
    pub(crate) was_there: bool,
    /// The target has it as it is here said to be.
    pub(crate) has_arrived: bool,
}

/// Where to, and how.
pub(crate) struct Route {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) db: i64,
    pub(crate) timeout_ms: u64,
    /// The words of AUTH.
    pub(crate) auth: Vec<Box<[u8]>>,
    /// Keys of the same names on the target may be replaced.
    pub(crate) replaces: bool,
    /// The keys stay here, too.
    pub(crate) copies: bool,
}

/// One MIGRATE.
pub(crate) struct Journey {
    pub(crate) route: Route,
    pub(crate) travellers: Vec<Traveller>,
    /// The first error.
    pub(crate) error: Option<String>,
    /// How often keys were sent.
    pub(crate) round: u32,
    /// Writes were paused by this journey.
    pub(crate) has_paused: bool,
}

/// See the module's head.
#[derive(Default)]
pub struct Migrations {
    /// By client; None: still under way.
    journeys: DashMap<u64, Option<Box<Journey>>>,
    count: AtomicUsize,
    sockets: Sockets,
}

impl Migrations {
    /// Whether a client's journey is done, and its request is to go on.
    #[inline]
    pub fn is_done(&self, client: u64) -> bool {
        self.count.load(SeqCst) > 0 && self.journeys.get(&client).is_some_and(|journey| journey.is_some())
    }

    /// A client's journey, when it is done.
    pub(crate) fn take_done(&self, client: u64) -> Option<Box<Journey>> {
        let (_, journey) = self.journeys.remove_if(&client, |_, journey| journey.is_some())?;
        self.count.fetch_sub(1, SeqCst);
        journey
    }

    /// A client is gone, or waits no longer.
    pub(crate) fn forget(&self, client: u64) {
        if self.count.load(SeqCst) > 0 && self.journeys.remove(&client).is_some() {
            self.count.fetch_sub(1, SeqCst);
        }
    }

    /// Connections that are kept for the next time.
    pub fn cached_sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Closes connections that nobody used for a while.
    pub(crate) fn close_idle(&self) {
        self.sockets.close_idle(Instant::now());
    }

    fn begin(&self, client: u64) {
        if self.journeys.insert(client, None).is_none() {
            self.count.fetch_add(1, SeqCst);
        }
    }

    /// False: nobody waits for it any more.
    fn finish(&self, client: u64, journey: Box<Journey>) -> bool {
        let slot = self.journeys.get_mut(&client);
        slot.is_some_and(|mut slot| {
            *slot = Some(journey);
            true
        })
    }
}

impl Node {
    /// Sends a client's keys off; false when no thread could be had.
    pub(crate) fn send_off(&self, client: u64, mut journey: Box<Journey>) -> bool {
        let Some(node) = self.arc() else { return false };
        let migrations = &self.migrations;
        if migrations.count.load(SeqCst) >= JOURNEYS_MAX {
            return false;
        }
        migrations.begin(client);
        let run = move || {
            target::send(&node.migrations.sockets, &mut journey);
            let has_paused = journey.has_paused;
            let awaits = node.migrations.finish(client, journey);
            match node.clients.get(&client).map(|shared| Arc::clone(&shared)) {
                Some(shared) if awaits => shared.raise(signal::UNBLOCKED),
                _ => {
                    node.migrations.forget(client);
                    if has_paused {
                        node.unpause();
                    }
                }
            }
        };
        let is_sent = std::thread::Builder::new().name("migrate".into()).spawn(run).is_ok();
        if !is_sent {
            migrations.forget(client);
        }
        is_sent
    }
}
