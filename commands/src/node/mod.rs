//! The running instance: what all cores share.

pub mod access;
pub mod audit;
pub mod blocking;
pub mod clients;
pub mod core;
mod delay;
pub(crate) mod describe;
pub mod ending;
mod events;
mod evict;
mod expire;
pub mod functions;
pub mod host;
pub mod keeper;
pub mod log;
pub mod memory;
pub mod migration;
pub mod monitoring;
pub mod pause;
mod prefetch;
pub mod pubsub;
pub mod shapes;
pub mod snapshot;
pub mod stats;
pub(crate) mod tick;
pub mod tracking;
pub mod usage;
pub mod warm;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};

use dashmap::DashMap;
use keyspace::shard::Keyspace;
use persistence::rdb::file::Progress;
use settings::Settings;

use crate::client::{Shared, signal};
use crate::ownership::Ownership;
use crate::script::Scripts;
use crate::table::Table;
use access::Acl;
use audit::AuditSeam;
use blocking::Blocking;
use clients::Care;
use ending::Ending;
use host::{Host, NoHost};
use log::LogSeam;
use migration::Migrations;
use monitoring::Monitoring;
use pause::Pause;
use pubsub::PubSub;
use snapshot::Snapshots;
use stats::CoreStats;
use tracking::Tracking;

/// See the module's head.
pub struct Node {
    /// All keys.
    pub space: Keyspace,
    /// All settings.
    pub settings: Settings,
    /// All commands.
    pub table: Table,
    /// A core's statistics each.
    pub cores: Box<[Arc<CoreStats>]>,
    /// All connections.
    pub clients: DashMap<u64, Arc<Shared>>,
    /// Who listens to which channels.
    pub pubsub: PubSub,
    /// Who may do what.
    pub acl: Acl,
    /// Which keys belong together.
    pub ownership: Ownership,
    /// Clients that wait for keys.
    pub blocking: Blocking,
    /// Keys on their way to other servers.
    pub migrations: Migrations,
    /// Who caches what.
    pub tracking: Tracking,
    /// Whether a signal asked for the end.
    pub ending: Ending,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// What is done about clients that go too far.
    pub care: Care,
    /// 40 hex digits, new at each start.
    pub run_id: String,
    /// When it started, unix milliseconds.
    pub started_ms: i64,
    /// Error replies by code.
    pub errors: DashMap<Box<str>, u64>,
    /// There were too many codes to count.
    errors_stopped: AtomicBool,
    /// What operators watch.
    pub monitoring: Monitoring,
    log: LogSeam,
    audit: AuditSeam,
    /// Scripts and functions.
    pub scripts: Scripts,
    keeper: OnceLock<Box<dyn keeper::Keeper>>,
    /// Snapshots.
    pub snapshots: Snapshots,
    /// The warm tier.
    pub warm: warm::Warm,
    host: OnceLock<Box<dyn Host>>,
    own: OnceLock<Weak<Node>>,
    rejected_connections: AtomicU64,
    /// The length from which an element of a list gets a node of its own (DEBUG quicklist-packed-threshold);
    /// 0: when it exceeds a node's limit.
    pub list_packed_threshold: AtomicUsize,
    /// Payloads of RESTORE are not summed up (DEBUG set-skip-checksum-validation).
    pub skips_payload_checksums: AtomicBool,
    /// Sizes of keys are being counted (INFO keysizes).
    pub(crate) counts_sizes: AtomicBool,
    /// How far the load of the dataset has come.
    pub loading: Progress,
    /// The most memory that was seen in use.
    pub memory_peak: AtomicU64,
    /// How `used_memory` is found.
    pub(crate) measure: fn() -> u64,
    active_expire: AtomicBool,
    next_client: AtomicU64,
}

/// Scripts can make up codes; INFO errorstats lists no more than these.
const ERROR_CODES_MAX: usize = 128;

impl Node {
    /// An instance with `cores` threads.
    pub fn new(settings: Settings, table: Table, cores: usize) -> io::Result<Self> {
        let seed = base::id::Rng::from_os()?.next_u64();
        Self::with_seed(settings, table, cores, seed)
    }

    /// As [`Node::new`]; keys are hashed with `seed`, a secret number.
    pub fn with_seed(settings: Settings, table: Table, cores: usize, seed: u64) -> io::Result<Self> {
        let space = Keyspace::new(cores * 64, settings.databases() as usize, seed);
        let commands = table.len();
        memory::follow_lazy_free();
        let monitoring = Monitoring::new(&settings, base::id::new_run_id()?);
        let acl = Acl::new(&table);
        acl.require_password(&settings.requirepass());
        let ownership = Ownership::new(space.shards(), space.databases());
        let node = Self {
            space,
            ownership,
            settings,
            table,
            acl,
            cores: (0..cores).map(|_| Arc::new(CoreStats::new(commands))).collect(),
            clients: DashMap::new(),
            pubsub: PubSub::default(),
            blocking: Blocking::default(),
            migrations: Migrations::default(),
            tracking: Tracking::default(),
            ending: Ending::default(),
            pause: Pause::default(),
            care: Care::default(),
            errors: DashMap::new(),
            errors_stopped: AtomicBool::new(false),
            run_id: base::id::new_run_id()?,
            started_ms: base::clock::unix_ms(),
            monitoring,
            log: LogSeam::default(),
            audit: AuditSeam::default(),
            scripts: Scripts::default(),
            keeper: OnceLock::new(),
            snapshots: Snapshots::new(base::clock::unix_ms()),
            warm: warm::Warm::default(),
            host: OnceLock::new(),
            own: OnceLock::new(),
            rejected_connections: AtomicU64::new(0),
            list_packed_threshold: AtomicUsize::new(0),
            loading: Progress::default(),
            skips_payload_checksums: AtomicBool::new(false),
            counts_sizes: AtomicBool::new(false),
            memory_peak: AtomicU64::new(0),
            measure: memory::used_memory,
            active_expire: AtomicBool::new(true),
            next_client: AtomicU64::new(1),
        };
        node.follow_events();
        Ok(node)
    }

    /// Lets work that takes long hold on to it; once.
    pub fn keep_own(self: &Arc<Self>) {
        let _ = self.own.set(Arc::downgrade(self));
    }

    /// Itself, for a thread of its own; None at its end.
    pub(crate) fn arc(&self) -> Option<Arc<Self>> {
        self.own.get().and_then(Weak::upgrade)
    }

    /// Says which process it runs in; once, before the first client.
    pub fn set_host(&self, host: Box<dyn Host>) {
        let _ = self.host.set(host);
    }

    /// The process that it runs in.
    pub fn host(&self) -> &dyn Host {
        self.host.get().map_or(&NoHost, AsRef::as_ref)
    }

    /// Counts an error reply by its code.
    pub(crate) fn count_error(&self, code: &str) {
        if let Some(mut count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX && !self.errors_stopped.load(Relaxed) {
            self.errors.insert(code.into(), 1);
        } else {
            self.stop_counting_errors();
        }
    }

    /// Errors tell nothing any more when somebody makes up codes without end.
    #[cold]
    fn stop_counting_errors(&self) {
        if self.errors_stopped.swap(true, Relaxed) {
            return;
        }
        let mut codes: Vec<String> = self.errors.iter().map(|code| code.key().to_string()).collect();
        codes.sort_unstable();
        self.errors.clear();
        self.errors.insert("ERRORSTATS_DISABLED".into(), 1);
        let text = format!(
            "Errorstats stopped adding new errors: {ERROR_CODES_MAX} codes are known, which scripts may have made up. \
             CONFIG RESETSTAT begins anew."
        );
        self.host().log(settings::LogLevel::Warning, &text);
        self.host().log(settings::LogLevel::Warning, &format!("Current errors code list: {}", codes.join(", ")));
    }

    /// Evicts until `maxmemory` holds; false when it cannot.
    #[inline]
    pub(crate) fn make_room(&self, core: &mut core::Core) -> bool {
        let limit = self.settings.maxmemory();
        if self.pause.is_set() && self.pause.state(core.now.unix_ms).is_some() {
            // Nothing may change; nothing that needs room runs either.
            return true;
        }
        limit == 0 || self.used_memory() <= limit || evict::evict(self, core, limit)
    }

    /// Why requests are better sent elsewhere at present; None: everything can be done.
    pub fn unreadiness(&self) -> Option<&'static str> {
        if self.loading.is_loading.load(Relaxed) {
            Some("the dataset is being loaded")
        } else if self.log_failure().is_some() {
            Some("the log cannot be written")
        } else if self.refuses_writes_unsaved() {
            Some("the last snapshot failed, so writes are refused")
        } else {
            None
        }
    }

    /// Whether expired keys are looked for.
    pub fn is_active_expire_on(&self) -> bool {
        self.active_expire.load(Relaxed)
    }

    /// DEBUG SET-ACTIVE-EXPIRE: off, expired keys stay until somebody asks for them.
    pub fn set_active_expire(&self, on: bool) {
        self.active_expire.store(on, Relaxed);
    }

    /// Connections that were not let in.
    pub fn rejected_connections(&self) -> u64 {
        self.rejected_connections.load(Relaxed)
    }

    /// Sets the count of connections that were not let in back to 0.
    pub(crate) fn reset_rejected_connections(&self) {
        self.rejected_connections.store(0, Relaxed);
    }

    /// Counts a connection that was not let in.
    pub fn count_rejected_connection(&self) {
        self.rejected_connections.fetch_add(1, Relaxed);
    }

    /// A number for a new connection.
    pub fn next_client_id(&self) -> u64 {
        self.next_client.fetch_add(1, Relaxed)
    }

    /// Ends a pause and lets everybody know who waits for that.
    pub(crate) fn unpause(&self) {
        self.pause.end();
        // All of them: who is about to wait finds the signal before it sleeps.
        self.clients.iter().for_each(|shared| shared.raise(signal::RESUME));
    }
}
