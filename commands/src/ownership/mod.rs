//! Ownership in the path of a request: what a change of keys takes along goes before the reply of the change.
//!
//! Keys that are known by name when a command begins are locked with it and go under the same locks, in the same
//! record of the log. Everything else (patterns; keys that follow from what nobody declared) is owed: it stands in the
//! record of the change, and is done once the locks are free and before the reply.
//!
//! # Invariants
//! - The graph changes only while everything is locked, or before the first client.
//! - No reply of a change leaves before what it owes is done.
//! - What is in the log says all that goes: running it again originates nothing.

mod claims;
mod feed;
mod follow;
mod leases;
mod limits;
mod members;
mod owners;
mod state;
mod stats;
mod sweep;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use keyspace::change::{Classes, Event, Interest, Tally};
use keyspace::keys::{Access, Keys, Now};
use ownership::{Found, Graph, Keys as Gone, Pattern, Trigger};
use parking_lot::RwLock;
use smallvec::SmallVec;

pub(crate) use claims::look_after_claims;
pub use claims::{Claimed, claim, fill};
pub use feed::{Dropped, Feed, Item, Listener, Position};
pub(crate) use follow::{follow, follow_call};
use leases::may_remove;
pub(crate) use leases::{Aftermath, attach};
pub use leases::{Wanted, mode_name, release, release_all, renew, restore_words, revoke, take};
pub(crate) use limits::give_deadlines;
use members::Members;
pub use owners::{Verb, check};
pub use state::STATE_AUX;
pub use stats::{Counts, Dead, Orphan, dead};
pub(crate) use stats::{count_read, go_on_sweeping};
pub(crate) use sweep::settle_owed;
pub use sweep::{Fate, invalidate, would_go};

use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::find_keys;
use crate::node::Node;
use crate::request::Request;
use crate::spec::{flag, key};

/// The event of a key that went because of another one.
pub const INVALIDATED: Event = Event::new(Classes::GENERIC, "invalidated");

/// The fact of a snapshot that holds the rules.
pub const AUX: &str = "ownership-manifest";

/// What all cores share.
pub struct Ownership {
    graph: RwLock<Arc<Graph>>,
    version: AtomicU64,
    members: Members,
    lending: leases::Lending,
    production: claims::Production,
    /// What keepers of copies have to drop.
    pub feed: Feed,
    tallies: stats::Tallies,
    sweeping: stats::Sweeping,
    owning: owners::Owning,
    /// Whether a pattern keeps values that went for a while.
    keeps_stale: AtomicBool,
    /// Figures for INFO.
    pub figures: Figures,
}

/// Counts since the start.
#[derive(Default)]
pub struct Figures {
    /// Changes from which something followed.
    pub triggers: AtomicU64,
    /// Keys that went.
    pub invalidated: AtomicU64,
    /// Patterns that went as a whole.
    pub sweeps: AtomicU64,
    /// Writes that were refused because somebody else holds the key.
    pub refused_writes: AtomicU64,
    /// Leases whose time was over.
    pub leases_expired: AtomicU64,
    /// Writes that were refused because of their layer, size, type or expiry.
    pub refused_limits: AtomicU64,
    /// Claims that were given.
    pub claims: AtomicU64,
    /// Values that their producers stored.
    pub fills: AtomicU64,
    /// Values that were refused because their sources had changed.
    pub refused_fills: AtomicU64,
    /// Old values that were shown while somebody produced a new one.
    pub stale_shown: AtomicU64,
}

/// What a core keeps.
#[derive(Default)]
pub(crate) struct Own {
    version: Cell<u64>,
    graph: RefCell<Arc<Graph>>,
    owed: RefCell<Vec<Owed>>,
    aftermath: RefCell<Aftermath>,
    gone: RefCell<Vec<(usize, Gone)>>,
    owners: RefCell<Arc<owners::OwnerRules>>,
    owners_version: Cell<u64>,
    /// Reads so far: some of them are counted.
    reads: Cell<u32>,
}

/// Keys that have to go.
#[derive(Clone, PartialEq, Debug)]
struct Owed {
    db: usize,
    keys: Gone,
    /// Whether the lists of members have all of them.
    is_listed: bool,
}

impl Ownership {
    pub(crate) fn new(shards: usize, databases: usize) -> Self {
        Self {
            graph: RwLock::default(),
            version: AtomicU64::new(0),
            members: Members::new(shards, databases),
            lending: leases::Lending::default(),
            production: claims::Production::default(),
            feed: Feed::new(base::clock::unix_ms().unsigned_abs()),
            tallies: stats::Tallies::default(),
            sweeping: stats::Sweeping::default(),
            owning: owners::Owning::default(),
            keeps_stale: AtomicBool::new(false),
            figures: Figures::default(),
        }
    }

    /// The graph as it is now.
    pub fn graph(&self) -> Arc<Graph> {
        self.graph.read().clone()
    }

    /// Claims that hold, and old values that stand aside with their bytes.
    pub fn production(&self) -> (usize, usize, usize) {
        self.production.figures()
    }

    /// The graph's number: it grows with each change.
    pub fn version(&self) -> u64 {
        self.version.load(SeqCst)
    }

    /// How many keys the lists of members hold.
    pub fn listed(&self) -> usize {
        self.members.len()
    }

    /// Two databases were exchanged.
    pub(crate) fn swap_dbs(&self, a: usize, b: usize) {
        self.members.swap(a, b);
        self.production.forget(a);
        self.production.forget(b);
    }
}

impl Own {
    fn graph(&self, node: &Node) -> Arc<Graph> {
        let version = node.ownership.version.load(SeqCst);
        if self.version.replace(version) != version {
            *self.graph.borrow_mut() = node.ownership.graph();
        }
        self.graph.borrow().clone()
    }

    /// Who owns which keys.
    fn owners(&self, node: &Node) -> Arc<owners::OwnerRules> {
        let version = node.owners_version();
        if self.owners_version.replace(version) != version {
            *self.owners.borrow_mut() = node.owner_rules();
        }
        self.owners.borrow().clone()
    }

    /// Whether something is to be done before the next reply.
    #[inline]
    pub(crate) fn owes(&self) -> bool {
        !self.owed.borrow().is_empty() || !self.aftermath.borrow().is_empty() || !self.gone.borrow().is_empty()
    }

    /// What follows from a change of leases, once the locks are free.
    pub(crate) fn owe_aftermath(&self, it: Aftermath) {
        self.aftermath.borrow_mut().append(it);
    }

    /// Does that.
    fn settle_aftermath(&self, node: &Node) {
        let aftermath = std::mem::take(&mut *self.aftermath.borrow_mut());
        if !aftermath.is_empty() {
            aftermath.settle(node);
        }
    }

    fn owe(&self, it: Owed) {
        let mut owed = self.owed.borrow_mut();
        if !owed.contains(&it) {
            owed.push(it);
        }
    }

    /// The hashes of the keys that go by name when a key changes.
    pub(crate) fn derived(&self, node: &Node, key: &[u8], hashes: &mut SmallVec<[u64; 16]>) {
        let graph = self.graph(node);
        for it in graph.cascade(key, Trigger::Gone) {
            if let Gone::One(key) = &it.keys {
                hashes.push(node.space.hash(key));
            }
        }
    }
}

impl Node {
    /// Takes another graph. Everything is locked by `keys`.
    pub fn set_graph(&self, graph: impl Into<Arc<Graph>>, keys: &mut Keys<'_>) {
        let graph = graph.into();
        self.list_members(&graph, keys);
        self.space.set_interest(Interest::OWNERSHIP, !graph.is_empty());
        self.ownership.tallies.follow(&graph);
        self.space.set_interest(Interest::LIMITS, graph.constrains());
        self.ownership.keeps_stale.store(graph.keeps_stale(), SeqCst);
        *self.ownership.graph.write() = graph;
        self.ownership.version.fetch_add(1, SeqCst);
    }

    /// After keys came in that nobody heard of (a snapshot), or with another graph: lists anew what patterns take along.
    pub fn relist_members(&self, keys: &mut Keys<'_>) {
        let graph = self.ownership.graph();
        self.list_members(&graph, keys);
    }

    fn list_members(&self, graph: &Graph, keys: &mut Keys<'_>) {
        let own = keys.db_index();
        for db in 0..self.space.databases() {
            self.ownership.members.clear(db);
            if !graph.takes_patterns() {
                continue;
            }
            keys.select(db);
            for table in keys.tables() {
                table.dict().for_each(|record| {
                    let key = table.entry_of(record).key();
                    if is_listed(graph, key) {
                        let shard = self.space.shard_of(self.space.hash(key));
                        self.ownership.members.set((shard, db), key, true);
                    }
                });
            }
        }
        keys.select(own);
    }

    /// The rules as a manifest, for what is kept over a restart; None: there are none.
    pub fn manifest(&self) -> Option<String> {
        let graph = self.ownership.graph();
        (!graph.is_empty()).then(|| ownership::manifest::print(graph.rules()))
    }

    /// Where `ownershipfile` is; None: there is none.
    pub fn manifest_path(&self) -> Option<PathBuf> {
        let file = self.settings.ownershipfile();
        (!file.is_empty()).then(|| self.settings.dir().as_path().join(file.as_path()))
    }

    /// Takes over the rules of the ownership file, before the first client. The error is for the log.
    pub fn load_manifest(&self) -> std::result::Result<(), String> {
        let Some(path) = self.manifest_path() else { return Ok(()) };
        let aborting =
            |reason: String| format!("Aborting startup because of ownership rules: {}: {reason}", path.display());
        let text = std::fs::read(&path).map_err(|error| aborting(base::system::reason(&error)))?;
        let graph = ownership::manifest::parse(&text).map_err(|error| aborting(error.to_string()))?;
        self.set_graph_alone(graph);
        Ok(())
    }

    /// Takes over the rules that came with keys, unless a file holds them, and lists the keys that they are about.
    pub fn restore_manifest(&self, text: Option<&[u8]>) -> std::result::Result<(), ownership::manifest::ManifestError> {
        let graph = match text.filter(|_| self.manifest_path().is_none()) {
            Some(text) => Arc::new(ownership::manifest::parse(text)?),
            None => self.ownership.graph(),
        };
        self.set_graph_alone(graph);
        Ok(())
    }

    fn set_graph_alone(&self, graph: impl Into<Arc<Graph>>) {
        let (mut tally, now) = (Tally::default(), Now { unix_ms: 0, access: Access::Lru(0) });
        self.set_graph(graph, &mut Keys::lock_all(&self.space, 0, now, &mut tally));
    }

    fn count_invalidated(&self, key: &[u8]) {
        self.ownership.figures.invalidated.fetch_add(1, Relaxed);
        self.ownership.tallies.add_of_key(&self.ownership.graph(), key, |counts| &counts.invalidations);
    }
}

/// Whether a request, whose shards are locked, may write what it is about to write, and within which limits.
#[cold]
pub(crate) fn guard(ctx: &mut Ctx<'_>, request: &Request<'_>) -> Result<Option<limits::Limits>> {
    if ctx.origin == Origin::Log || !request.row.command.has(flag::WRITE) {
        return Ok(None);
    }
    let interest = ctx.node.space.interest();
    if interest & Interest::OWNERS.0 != 0 {
        owners::guard(ctx, request)?;
    }
    if interest & Interest::LEASES.0 != 0
        && let Err(denied) = leases::guard(ctx, request)
    {
        ctx.node.ownership.figures.refused_writes.fetch_add(1, Relaxed);
        return Err(refused(ctx, request, denied.to_string()));
    }
    if interest & Interest::LIMITS.0 == 0 {
        return Ok(None);
    }
    limits::before(ctx, request)
}

/// The error of a write that rules refuse; the audit log hears of it.
fn refused(ctx: &Ctx<'_>, request: &Request<'_>, line: String) -> Error {
    let graph = ctx.core.own.graph(ctx.node);
    for found in find_keys(request).iter().filter(|found| found.flags & (key::RW | key::OW | key::RM) != 0) {
        let key = request.word(found.word).unwrap_or_default();
        ctx.node.ownership.tallies.add_of_key(&graph, key, |counts| &counts.denials);
    }
    ctx.node.audit_refusal(ctx.client, request, &line);
    Error::text(line)
}

fn is_listed(graph: &Graph, key: &[u8]) -> bool {
    let mut found = Found::new();
    graph.matches(key, &mut found);
    found.iter().any(|&id| graph.node(id).goes_as_a_whole())
}

/// Whether the lists of members have all keys of a pattern.
fn has_all(graph: &Graph, pattern: &Pattern) -> bool {
    graph.nodes().iter().any(|node| node.goes_as_a_whole() && node.pattern.covers(pattern))
}
