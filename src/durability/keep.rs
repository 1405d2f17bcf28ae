//! Who keeps the log while the server runs: turns it on and off, rewrites it, tells how it is.
//!
//! Invariant: one rewrite runs at a time, on a thread of its own, and no snapshot beside it.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use commands::node::Node;
use commands::node::keeper::{Keeper, LogFacts};
use commands::node::snapshot::Job;
use persistence::snapshot::lower_own_priority;
use persistence::wal::{Base, Log, Threads};

use super::journal::Journal;
use super::open;
use super::rewrite::{Haste, rewrite};
use super::start;
use crate::log;

/// How often it is looked whether a rewrite is due.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Growth is looked at less often.
const LOOKS_PER_SIZE: u64 = 10;

/// Records are written at once; an error of the disk may last.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

const STARTED: &str = "Background append only file rewriting started";
const SCHEDULED: &str = "Background append only file rewriting scheduled";

/// When a rewrite begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Now,
    Later,
}

/// See the module's head.
pub(crate) struct Keep {
    node: Weak<Node>,
    journal: Arc<Journal>,
    threads: Mutex<Option<Threads>>,
    is_on: AtomicBool,
    is_rewriting: AtomicBool,
    /// The rewrite that runs is to end: nobody wants it any more.
    is_ending: AtomicBool,
    /// A rewrite is to begin when no other job runs.
    is_scheduled: AtomicBool,
    is_over: AtomicBool,
    began_ms: AtomicI64,
    last_seconds: AtomicI64,
    has_failed: AtomicBool,
    count: AtomicU64,
    failures: AtomicU64,
    /// Bytes after the last rewrite, or at the start.
    base_len: AtomicU64,
}

impl Keep {
    pub(crate) fn new(node: &Arc<Node>, journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self {
            node: Arc::downgrade(node),
            journal,
            threads: Mutex::default(),
            is_on: AtomicBool::new(false),
            is_rewriting: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            is_scheduled: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            began_ms: AtomicI64::new(0),
            last_seconds: AtomicI64::new(-1),
            has_failed: AtomicBool::new(false),
            count: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            base_len: AtomicU64::new(0),
        })
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Option<Threads>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log is open, and effects go there.
    pub(crate) fn is_kept(&self, threads: Threads) {
        *self.threads() = Some(threads);
        self.is_on.store(true, SeqCst);
        self.base_len.store(self.len(), Relaxed);
    }

    /// The end: everything is synced.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, SeqCst);
        if let Some(threads) = self.threads().take() {
            match threads.stop() {
                Ok(()) => log::notice("The log is synced."),
                Err(reason) => log::warning(&format!("The log could not be synced: {reason}")),
            }
        }
    }

    /// Bytes of base and segments.
    fn len(&self) -> u64 {
        let Some(log) = self.journal.log() else { return 0 };
        let base = match log.base() {
            Base::Snapshot { name, .. } => std::fs::metadata(log.dir().join(name)).map_or(0, |file| file.len()),
            Base::Empty | Base::Pending => 0,
        };
        base + log.stats().segments_len
    }

    /// Begins a rewrite; where another job runs, it begins after that.
    fn begin_rewrite(self: &Arc<Self>, node: &Arc<Node>, log: Arc<Log>) -> Result<Begun, String> {
        let Some(ticket) = node.begin_job_of_thread(Job::Rewrite) else {
            self.is_scheduled.store(true, SeqCst);
            log::notice("Background append only file rewriting scheduled.");
            return Ok(Begun::Later);
        };
        self.is_scheduled.store(false, SeqCst);
        self.is_ending.store(false, SeqCst);
        self.is_rewriting.store(true, SeqCst);
        self.began_ms.store(base::clock::unix_ms(), Relaxed);
        let (keep, node) = (self.clone(), node.clone());
        let run = move || {
            let began = Instant::now();
            lower_own_priority();
            let result = rewrite(&node, &log, Haste::Polite, &keep.is_on);
            if result.is_err() && node.snapshots.is_stopped() {
                log::notice("Background AOF rewrite terminated by signal 10");
            } else {
                keep.note(began, result);
            }
            drop(ticket);
            keep.end_rewrite(&node, &log);
        };
        let pid = std::process::id();
        log::notice(&format!("Background append only file rewriting started by pid {pid}"));
        let spawned = std::thread::Builder::new().name("log-rewrite".into()).spawn(run);
        spawned.map(|_| Begun::Now).map_err(|error| {
            self.is_rewriting.store(false, SeqCst);
            format!("Can't rewrite append only file in background: {}", base::system::reason(&error))
        })
    }

    /// The thread of a rewrite is done; what was asked for while that was to end begins at once.
    fn end_rewrite(self: &Arc<Self>, node: &Arc<Node>, log: &Arc<Log>) {
        let goes_on = self.is_ending.load(SeqCst) && self.is_scheduled.load(SeqCst);
        if goes_on {
            self.try_rewrite(node, log);
        }
        if !goes_on || self.is_scheduled.load(SeqCst) {
            self.is_rewriting.store(false, SeqCst);
        }
        self.is_ending.store(false, SeqCst);
    }

    fn note(&self, began: Instant, result: std::io::Result<()>) {
        self.last_seconds.store(began.elapsed().as_secs() as i64, Relaxed);
        self.has_failed.store(result.is_err(), Relaxed);
        match result {
            Ok(()) => {
                self.count.fetch_add(1, Relaxed);
                self.failures.store(0, Relaxed);
                self.base_len.store(self.len(), Relaxed);
                log::notice("Background AOF rewrite terminated with success");
            }
            Err(error) => {
                self.failures.fetch_add(1, Relaxed);
                log::warning(&format!("Background AOF rewrite failed: {}", base::system::reason(&error)));
            }
        }
    }

    /// Looks now and then whether the log has grown so much that it is to be rewritten.
    pub(crate) fn watch(self: &Arc<Self>) -> std::io::Result<()> {
        let keep = Arc::downgrade(self);
        let run = move || {
            for look in 1_u64.. {
                std::thread::sleep(LOOK_EVERY);
                let Some(keep) = keep.upgrade().filter(|keep| !keep.is_over.load(SeqCst)) else { return };
                keep.look(look.is_multiple_of(LOOKS_PER_SIZE));
            }
        };
        std::thread::Builder::new().name("log-watch".into()).spawn(run).map(drop)
    }

    fn look(self: &Arc<Self>, at_size: bool) {
        let (Some(node), Some(log)) = (self.node.upgrade(), self.journal.log()) else { return };
        if node.snapshots.job().is_some() {
            return;
        }
        if self.is_scheduled.load(SeqCst) {
            return self.try_rewrite(&node, log);
        }
        if at_size {
            self.look_at_size(&node, log);
        }
    }

    fn try_rewrite(self: &Arc<Self>, node: &Arc<Node>, log: &Arc<Log>) {
        if let Err(reason) = self.begin_rewrite(node, log.clone()) {
            log::warning(&reason);
        }
    }

    fn look_at_size(self: &Arc<Self>, node: &Arc<Node>, log: &Arc<Log>) {
        let percentage = u64::from(node.settings.auto_aof_rewrite_percentage());
        if !self.is_on.load(SeqCst) || percentage == 0 || !log.is_healthy() {
            return;
        }
        // After a failure not at once again.
        let is_too_soon =
            self.failures.load(Relaxed) > 0 && base::clock::unix_ms() - self.began_ms.load(Relaxed) < 60_000;
        let (len, base) = (self.len(), self.base_len.load(Relaxed).max(1));
        let growth = (len.saturating_sub(base)).saturating_mul(100) / base;
        if len > node.settings.auto_aof_rewrite_min_size() && growth >= percentage && !is_too_soon {
            log::notice(&format!("Starting automatic rewriting of AOF on {growth}% growth"));
            self.try_rewrite(node, log);
        }
    }

    /// The log, and a new one where there is none. Without a base it counts for nothing: a rewrite is to follow.
    fn log(&self, node: &Node, took: u64) -> std::io::Result<Arc<Log>> {
        if self.journal.log().is_none() {
            let log = open::create(node, &self.journal, Base::Pending, took)?;
            self.journal.connect(log);
            node.set_log(self.journal.clone());
        }
        let log = self.journal.log().cloned().ok_or_else(|| std::io::Error::other("there is no log"))?;
        if self.threads().is_none() {
            *self.threads() = Some(Threads::start(&log)?);
        }
        Ok(log)
    }

    fn turn_on(self: &Arc<Self>, node: &Arc<Node>, waits: bool) -> Result<(), String> {
        let plain = |error: std::io::Error| base::system::reason(&error).to_string();
        let took = open::superseded(&node.settings);
        let log = self.log(node, took).map_err(plain)?;
        log.forget_base(took).map_err(plain)?;
        self.is_on.store(true, SeqCst);
        if waits {
            self.is_scheduled.store(true, SeqCst);
            log::notice(
                "AOF was enabled during a transaction. An AOF background was scheduled to start when possible.",
            );
            return Ok(());
        }
        // A rewrite that runs by now began before the log was wanted again: the one after it counts.
        if self.begin_rewrite(node, log)? == Begun::Later {
            log::notice(
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to \
                 start when possible.",
            );
        }
        Ok(())
    }

    fn turn_off(&self, node: &Node) {
        self.is_on.store(false, SeqCst);
        self.is_scheduled.store(false, SeqCst);
        // Before it is told: its thread takes this back when it is done.
        self.is_ending.store(self.is_rewriting.load(SeqCst), SeqCst);
        if self.is_ending.load(SeqCst) && node.snapshots.stop_rewrite() {
            log::notice("Killing AOF child: nobody wants the rewrite that is under way any more");
        }
        // Requests that have begun still leave their records; nobody needs them.
        node.set_logging(false);
        if let Some(log) = self.journal.log() {
            log.flush();
        }
    }
}

/// The keeper as the instance holds it.
pub(crate) struct Kept(pub(crate) Arc<Keep>);

impl Keeper for Kept {
    fn facts(&self) -> LogFacts {
        let keep = &self.0;
        let log = keep.journal.log();
        let stats = log.map(|log| log.stats()).unwrap_or_default();
        let seconds = |ms: i64| (base::clock::unix_ms() - ms) / 1000;
        let is_on = keep.is_on.load(SeqCst);
        let (is_rewriting, is_scheduled) = (keep.is_rewriting.load(SeqCst), keep.is_scheduled.load(SeqCst));
        let has_no_base = log.is_some_and(|log| log.base() == Base::Pending);
        LogFacts {
            is_on,
            awaits_base: is_on && has_no_base && (is_rewriting || is_scheduled),
            rewriting_seconds: is_rewriting.then(|| seconds(keep.began_ms.load(Relaxed))),
            is_rewrite_scheduled: is_scheduled,
            last_rewrite_seconds: Some(keep.last_seconds.load(Relaxed)).filter(|seconds| *seconds >= 0),
            has_rewrite_failed: keep.has_failed.load(Relaxed),
            rewrites: keep.count.load(Relaxed),
            rewrite_failures: keep.failures.load(Relaxed),
            failure: log.filter(|_| is_on).and_then(|log| log.failure()),
            current_len: keep.len(),
            base_len: keep.base_len.load(Relaxed),
            buffer_len: stats.unwritten_len,
            is_syncing: stats.is_syncing,
            delayed_syncs: stats.delayed,
        }
    }

    fn buffers_len(&self) -> u64 {
        self.0.journal.log().map_or(0, |log| log.buffers_len())
    }

    fn follow_policy(&self) {
        if let (Some(node), Some(log)) = (self.0.node.upgrade(), self.0.journal.log()) {
            log.set_policy(open::policy(&node.settings));
        }
    }

    fn follow_switch(&self, waits: bool) -> Result<(), String> {
        let Some(node) = self.0.node.upgrade() else { return Ok(()) };
        if node.loading.is_loading.load(SeqCst) {
            // Who loads looks at it again when all is there.
            return Ok(());
        }
        match (node.settings.appendonly(), self.0.is_on.load(SeqCst)) {
            (true, false) => self.0.turn_on(&node, waits).map_err(|reason| {
                log::warning(&format!("The log cannot be turned on: {reason}"));
                "Unable to turn on AOF. Check server logs.".to_owned()
            }),
            (false, true) => {
                self.0.turn_off(&node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn rewrite(&self, waits: bool) -> Result<&'static str, String> {
        let Some(node) = self.0.node.upgrade() else { return Err("ERR the server is going down".to_owned()) };
        let is_ending = self.0.is_ending.load(SeqCst);
        if self.0.is_rewriting.load(SeqCst) && !is_ending {
            return Err("ERR Background append only file rewriting already in progress".to_owned());
        }
        // Also while the log is off: then it has what was there at this instant, and nothing is added to it.
        let log = self.0.log(&node, open::superseded(&node.settings));
        let log = log.map_err(|error| format!("ERR Can't rewrite append only file in background: {error}"))?;
        if waits {
            self.0.is_scheduled.store(true, SeqCst);
            return Ok(SCHEDULED);
        }
        if is_ending {
            // It begins when the thread of the other one is done, in some milliseconds.
            self.0.is_scheduled.store(true, SeqCst);
            return Ok(STARTED);
        }
        match self.0.begin_rewrite(&node, log) {
            Ok(Begun::Now) => Ok(STARTED),
            Ok(Begun::Later) => Ok(SCHEDULED),
            Err(reason) => Err(format!("ERR {reason}")),
        }
    }

    fn load(&self, empty: &mut dyn FnMut()) -> Result<(), String> {
        let (Some(node), Some(log)) = (self.0.node.upgrade(), self.0.journal.log()) else {
            return Err("there is no log".to_owned());
        };
        let start = Instant::now();
        // Requests that were under way may only now hand their records over.
        loop {
            log.write_all();
            if log.written() >= log.last_reserved() {
                break;
            }
            if start.elapsed() > WRITTEN_WITHIN {
                return Err(log.failure().unwrap_or_else(|| "its last records are not written yet".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        start::load_again(&node, log.dir(), empty).map_err(|error| error.to_string())
    }
}
