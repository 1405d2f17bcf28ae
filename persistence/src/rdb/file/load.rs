//! Files into a keyspace: one thread goes over the records, others decode values and put them in, a shard at a time.
//!
//! # Invariants
//! - A batch is keys of one shard and one database; its lock is held for putting them in, not for decoding them.
//! - What waits between the threads is bounded: [`BATCH`] keys for each shard and [`QUEUE`] batches for each thread,
//!   none of them with a copy of its value.

use std::fmt;
use std::mem;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use keyspace::export::Usage;
use keyspace::import::Limits;
use keyspace::keys::Access;
use keyspace::shard::Keyspace;

use super::super::decode::{Decoded, Functions};
use super::scan::{Dialect, Fault, Found, Record, Scanner};

pub(in crate::rdb) const BATCH: usize = 64;
const QUEUE: usize = 16;
/// Files with smaller records than this are rare.
pub(in crate::rdb) const KEY_SIZE_LIKELY: u64 = 8;
/// After so many batches a thread lets others see how much memory it has taken.
const PUBLISH_EVERY: usize = 16;

/// How far a load has come; for INFO and the log, from any thread. Who loads begins it and ends it; a load of several
/// files is one.
#[derive(Debug, Default)]
pub struct Progress {
    /// Whether something is being loaded.
    pub is_loading: AtomicBool,
    /// Since when, unix milliseconds.
    pub started_ms: AtomicI64,
    /// The bytes of the file.
    pub total_bytes: AtomicU64,
    /// How many of them are done.
    pub loaded_bytes: AtomicU64,
    /// Keys that were put in by the last load.
    pub keys: AtomicU64,
    /// Keys that the last load left out because they had expired.
    pub expired: AtomicU64,
}

impl Progress {
    /// A load of so many bytes begins, at a time in unix milliseconds.
    pub fn begin(&self, total_bytes: u64, now_ms: i64) {
        self.started_ms.store(now_ms, Relaxed);
        self.total_bytes.store(total_bytes, Relaxed);
        for counter in [&self.loaded_bytes, &self.keys, &self.expired] {
            counter.store(0, Relaxed);
        }
        self.is_loading.store(true, Relaxed);
    }

    /// The load is over.
    pub fn end(&self) {
        self.is_loading.store(false, SeqCst);
    }
}

/// How files are loaded.
pub struct Loader<'l> {
    /// Where the keys go.
    pub space: &'l Keyspace,
    /// The settings that shape collections.
    pub limits: Limits,
    /// The time of the load: what has expired by then, unix milliseconds.
    pub now_ms: i64,
    /// What keys without a usage of their own start with.
    pub access: Access,
    /// Whether keys and fields that have expired are left out: not where a log follows that was written later.
    pub skips_expired: bool,
    /// Whether a key that is there gives way, instead of being an error.
    pub replaces: bool,
    /// `rdbchecksum`
    pub checks_sum: bool,
    /// How many threads put keys in.
    pub threads: usize,
    /// Runs after so many keys came into the table of a shard and a database, nothing being locked.
    pub after_batch: &'l (dyn Fn(usize, usize, usize) + Sync),
    /// Where others look.
    pub progress: &'l Progress,
}

/// A fact that a file tells about itself or the server that wrote it: name and value.
pub type Fact = (Box<[u8]>, Box<[u8]>);

/// What a file held.
#[derive(Debug, Default)]
pub struct Report {
    /// The version of the format.
    pub version: u16,
    /// Facts that the file tells about itself.
    pub aux: Vec<Fact>,
    /// Function libraries.
    pub functions: Functions,
    /// Keys that were put in.
    pub keys: u64,
    /// Keys that were left out because they had expired.
    pub expired: u64,
    /// Names of keys without elements, which were left out; the first few.
    pub empty_names: Vec<Box<[u8]>>,
    /// How many of these there were.
    pub empty: u64,
    /// Values and records of modules, which were left out, by the name of their type.
    pub of_modules: Vec<(Box<str>, u64)>,
    /// Whether the file was written without a checksum.
    pub has_no_sum: bool,
    /// Where it ends; what follows is not part of it.
    pub end: usize,
}

/// Why a file was not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// It is damaged, or no such file.
    Fault(Fault),
    /// A key stands in it twice, or was there before.
    Duplicate(Box<[u8]>, usize),
    /// It has keys of a database that there is not.
    Database {
        /// How many there are.
        databases: usize,
    },
    /// No thread could be started.
    Threads,
}

impl From<Fault> for LoadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Duplicate(key, db) => {
                write!(f, "RDB has duplicated key '{}' in DB {db}", String::from_utf8_lossy(key))
            }
            Self::Database { databases } => write!(
                f,
                "FATAL: Data file was created with a Redis server configured to handle more than {databases} \
                 databases. Exiting"
            ),
            Self::Threads => f.write_str("The system gives no threads to load the data with"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Names of empty keys that are told.
const NAMES_MAX: usize = 10;

/// Keys of one shard and database.
pub(in crate::rdb) struct Batch<'a> {
    pub(in crate::rdb) shard: usize,
    pub(in crate::rdb) db: usize,
    /// How many the shard is likely to get in all.
    pub(in crate::rdb) expected: usize,
    pub(in crate::rdb) keys: Vec<(u64, Found<'a>)>,
}

/// What the threads have in common.
pub(in crate::rdb) struct Shared<'s> {
    pub(in crate::rdb) loader: &'s Loader<'s>,
    failure: Mutex<Option<LoadError>>,
    pub(in crate::rdb) has_failed: AtomicBool,
    report: Mutex<Report>,
}

impl Loader<'_> {
    /// Loads the file that `bytes` begin with. On an error some of its keys are in the keyspace.
    pub fn load(&self, bytes: &[u8]) -> Result<Report, LoadError> {
        let mut scanner = Scanner::new(bytes, self.checks_sum)?;
        let (dialect, version) = (scanner.dialect(), scanner.version());
        let shared = Shared::new(self, Report { version, ..Report::default() });
        let scanned = thread::scope(|scope| {
            let mut queues = Vec::new();
            for index in 0..self.threads.max(1) {
                let (queue, batches) = sync_channel(QUEUE);
                let shared = &shared;
                let run = move || shared.work(dialect, &batches);
                let worker = thread::Builder::new().name(format!("load-{index}"));
                worker.spawn_scoped(scope, run).map_err(|_| LoadError::Threads)?;
                queues.push(queue);
            }
            Feeder::new(&shared, queues).scan(&mut scanner)
        });
        let mut report = shared.into_report()?;
        let mut feed = scanned?;
        (report.aux, report.functions) = (mem::take(&mut feed.aux), mem::take(&mut feed.functions));
        for (name, count) in feed.of_modules {
            report.count_module(name, count);
        }
        report.expired += feed.expired;
        (report.has_no_sum, report.end) = (scanner.has_no_sum(), scanner.offset());
        self.progress.keys.store(report.keys, Relaxed);
        self.progress.expired.store(report.expired, Relaxed);
        Ok(report)
    }

    fn clock_of(&self, usage: Usage) -> u32 {
        match (self.access, usage) {
            (Access::Lru(seconds), Usage::IdleSeconds(idle)) => {
                seconds.wrapping_sub(idle.min(0x00FF_FFFE)) & 0x00FF_FFFF
            }
            (Access::Lfu { minutes, .. }, Usage::Frequency(counter)) => minutes << 8 | u32::from(counter),
            (access, _) => access.initial(),
        }
    }
}

impl Report {
    fn count_module(&mut self, name: Box<str>, count: u64) {
        match self.of_modules.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known += count,
            None => self.of_modules.push((name, count)),
        }
    }
}

impl<'s> Shared<'s> {
    pub(in crate::rdb) fn new(loader: &'s Loader<'s>, report: Report) -> Self {
        Self { loader, failure: Mutex::default(), has_failed: AtomicBool::new(false), report: Mutex::new(report) }
    }

    /// What came in, or why not all did.
    pub(in crate::rdb) fn into_report(self) -> Result<Report, LoadError> {
        match self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => Err(failure),
            None => Ok(self.report.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Lets others see how much memory this thread has taken, and frees what growing tables have left behind.
    pub(in crate::rdb) fn publish(&self) {
        keyspace::epoch::sweep();
        keyspace::memory::publish_all();
    }

    pub(in crate::rdb) fn count_expired(&self) {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).expired += 1;
    }

    pub(in crate::rdb) fn fail(&self, error: LoadError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.has_failed.store(true, Relaxed);
    }

    /// A thread that puts keys in. After a failure it only empties its queue.
    fn work(&self, dialect: Dialect<'_>, batches: &Receiver<Batch<'_>>) {
        for (index, batch) in batches.iter().enumerate() {
            if !self.has_failed.load(Relaxed)
                && let Err(error) = self.put(dialect, &batch)
            {
                self.fail(error);
            }
            (self.loader.after_batch)(batch.shard, batch.db, batch.keys.len());
            if index.is_multiple_of(PUBLISH_EVERY) {
                self.publish();
            }
        }
        self.publish();
    }

    /// Puts keys in.
    pub(in crate::rdb) fn put(&self, dialect: Dialect<'_>, batch: &Batch<'_>) -> Result<(), LoadError> {
        let loader = self.loader;
        let (mut values, mut hashes) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        for (hash, found) in &batch.keys {
            values.push(dialect.decode(found, &loader.limits, *hash)?);
            hashes.push(*hash);
        }
        let mut left_out = Vec::new();
        let mut put = 0;
        let duplicate = loader.space.with_table_mut(batch.shard, batch.db, |db| {
            if db.is_empty() {
                db.expect(batch.expected);
            }
            db.dict().prefetch(&hashes);
            for ((hash, found), decoded) in batch.keys.iter().zip(values) {
                let clock = loader.clock_of(found.usage);
                if loader.replaces
                    && let Some(slot) = db.find(*hash, &found.key)
                {
                    db.remove(slot);
                }
                match decoded.put(|fresh| db.load(*hash, &found.key, fresh, found.deadline_ms, clock)) {
                    Ok(false) => return Some(found.key.clone()),
                    Ok(true) => put += 1,
                    Err(decoded) => left_out.push((&found.key, decoded)),
                }
            }
            None
        });
        self.loader.progress.keys.fetch_add(put, Relaxed);
        if let Some(key) = duplicate {
            return Err(LoadError::Duplicate(key.into_owned().into(), batch.db));
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.keys += put;
        for (key, why) in left_out {
            match why {
                Decoded::Module(name) => report.count_module(name, 1),
                Decoded::Empty => {
                    report.empty += 1;
                    if report.empty_names.len() < NAMES_MAX {
                        report.empty_names.push(key[..].into());
                    }
                }
                Decoded::Text(_) | Decoded::Int(_) | Decoded::Value(_) => {}
            }
        }
        Ok(())
    }
}

/// The thread that goes over the records and hands keys out.
struct Feeder<'f, 'a> {
    shared: &'f Shared<'f>,
    queues: Vec<SyncSender<Batch<'a>>>,
    /// Keys that wait until there are enough, by shard.
    waiting: Vec<Vec<(u64, Found<'a>)>>,
    db: usize,
    /// How many of its keys a shard is likely to get.
    expected: usize,
    feed: Feed,
}

/// What it came upon.
#[derive(Default)]
struct Feed {
    aux: Vec<Fact>,
    functions: Functions,
    of_modules: Vec<(Box<str>, u64)>,
    expired: u64,
}

impl<'f, 'a> Feeder<'f, 'a> {
    fn new(shared: &'f Shared<'f>, queues: Vec<SyncSender<Batch<'a>>>) -> Self {
        let waiting = (0..shared.loader.space.shards()).map(|_| Vec::new()).collect();
        Self { shared, queues, waiting, db: 0, expected: 0, feed: Feed::default() }
    }

    fn scan(mut self, scanner: &mut Scanner<'a>) -> Result<Feed, LoadError> {
        let loader = self.shared.loader;
        let bytes = scanner.len();
        let before = loader.progress.loaded_bytes.load(Relaxed);
        while let Some(record) = scanner.next_record()? {
            match record {
                Record::Key(found) => {
                    if loader.skips_expired && found.deadline_ms.is_some_and(|at| at < loader.now_ms) {
                        self.feed.expired += 1;
                        continue;
                    }
                    self.hand_out(found);
                }
                Record::Select(db) => {
                    self.flush();
                    self.expected = 0;
                    let databases = loader.space.databases();
                    self.db = usize::try_from(db)
                        .ok()
                        .filter(|db| *db < databases)
                        .ok_or(LoadError::Database { databases })?;
                }
                Record::Aux(name, value) => self.feed.aux.push((name[..].into(), value[..].into())),
                Record::Function(source) => self.feed.functions.push(source[..].into()),
                Record::Module(name) => self.feed.of_modules.push((name, 1)),
                Record::Resize(keys, _) => {
                    // What a file says without having it costs no more memory than a file of that size may.
                    let keys = keys.min((bytes - scanner.offset()) as u64 / KEY_SIZE_LIKELY);
                    self.expected = keys as usize / self.waiting.len();
                }
                Record::Slots => {}
            }
            if self.shared.has_failed.load(Relaxed) {
                break;
            }
            loader.progress.loaded_bytes.store(before + scanner.offset() as u64, Relaxed);
        }
        self.flush();
        Ok(self.feed)
    }

    #[inline]
    fn hand_out(&mut self, found: Found<'a>) {
        let space = self.shared.loader.space;
        let hash = space.hash(&found.key);
        let shard = space.shard_of(hash);
        let waiting = &mut self.waiting[shard];
        if waiting.capacity() == 0 {
            waiting.reserve_exact(BATCH);
        }
        waiting.push((hash, found));
        if waiting.len() == BATCH {
            self.send(shard);
        }
    }

    fn send(&mut self, shard: usize) {
        let keys = mem::take(&mut self.waiting[shard]);
        let queue = &self.queues[shard % self.queues.len()];
        // A thread that is gone has panicked, which the scope passes on.
        let _ = queue.send(Batch { shard, db: self.db, expected: self.expected, keys });
    }

    fn flush(&mut self) {
        for shard in 0..self.waiting.len() {
            if !self.waiting[shard].is_empty() {
                self.send(shard);
            }
        }
    }
}
