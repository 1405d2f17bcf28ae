//! Snapshots of the instance: when one is taken, how it goes, and how the last ones went.
//!
//! # Invariants
//! - At most one job runs: a snapshot in the foreground or the background, or another that takes a picture of all
//!   keys; whoever begins one holds its [`Ticket`].
//! - A job has a thread of its own; no core waits for it.

use std::ops::{ControlFlow, Deref};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64};
use std::time::Duration;

use keyspace::export::Usage;
use keyspace::keys::Access;
use keyspace::snapshot::{Capture, Progress};
use persistence::rdb::Version;
use persistence::rdb::file::{Options, Writer};
use persistence::snapshot::{self, Pace, Plan, SaveError, Saved, Share, lower_own_priority};
use settings::{LogLevel, MaxmemoryPolicy};

use super::Node;
use super::pause::Paused;

/// What runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Job {
    /// SAVE, and what else somebody waits for.
    Save = 1,
    /// BGSAVE and save points.
    Background = 2,
    /// The log is rewritten.
    Rewrite = 3,
}

/// Seconds after a failure before save points try again.
const RETRY_SECONDS: i64 = 5;
/// The share of a processor that a snapshot in the background takes.
const BACKGROUND: Share = Share(70);
/// How long one sleeps at a time who may be told to stop.
const NAP: Duration = Duration::from_millis(5);

/// See the module's head.
#[derive(Debug)]
pub struct Snapshots {
    job: AtomicU8,
    stopped: AtomicBool,
    /// BGSAVE SCHEDULE, and what a flush asks for.
    scheduled: AtomicBool,
    started_ms: AtomicI64,
    keys: AtomicU64,
    keys_total: AtomicU64,
    waiting_bytes: AtomicU64,
    waiting_bytes_peak: AtomicU64,
    last_save_seconds: AtomicI64,
    last_try_seconds: AtomicI64,
    last_took_seconds: AtomicI64,
    last_failed: AtomicBool,
    last_copied_bytes: AtomicU64,
    count: AtomicU64,
    background_jobs: AtomicU64,
}

/// The right to be the one job.
pub struct Ticket<N: Deref<Target = Node>>(N);

impl<N: Deref<Target = Node>> Drop for Ticket<N> {
    fn drop(&mut self) {
        self.0.snapshots.stopped.store(false, SeqCst);
        self.0.snapshots.job.store(0, SeqCst);
    }
}

/// Figures for INFO.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// The job that runs.
    pub job: Option<Job>,
    /// Since when, unix milliseconds.
    pub started_ms: i64,
    /// Keys written, of so many.
    pub keys: (u64, u64),
    /// Bytes of copies that wait, and the most of them.
    pub waiting_bytes: (u64, u64),
    /// When the last one succeeded, unix seconds.
    pub last_save_seconds: i64,
    /// How long the last one took, -1 for none.
    pub last_took_seconds: i64,
    /// Whether the last one failed.
    pub last_failed: bool,
    /// The most bytes of copies during the last one.
    pub last_copied_bytes: u64,
    /// How many there were.
    pub count: u64,
}

impl Snapshots {
    /// None so far; `now_ms` counts as the time of the last one.
    pub fn new(now_ms: i64) -> Self {
        Self {
            job: AtomicU8::new(0),
            stopped: AtomicBool::new(false),
            scheduled: AtomicBool::new(false),
            started_ms: AtomicI64::new(0),
            keys: AtomicU64::new(0),
            keys_total: AtomicU64::new(0),
            waiting_bytes: AtomicU64::new(0),
            waiting_bytes_peak: AtomicU64::new(0),
            last_save_seconds: AtomicI64::new(now_ms / 1000),
            last_try_seconds: AtomicI64::new(0),
            last_took_seconds: AtomicI64::new(-1),
            last_failed: AtomicBool::new(false),
            last_copied_bytes: AtomicU64::new(0),
            count: AtomicU64::new(0),
            background_jobs: AtomicU64::new(0),
        }
    }

    /// The job that runs.
    pub fn job(&self) -> Option<Job> {
        match self.job.load(SeqCst) {
            1 => Some(Job::Save),
            2 => Some(Job::Background),
            3 => Some(Job::Rewrite),
            _ => None,
        }
    }

    /// Jobs in the background that were begun: Redis forks for each.
    pub fn background_jobs(&self) -> u64 {
        self.background_jobs.load(Relaxed)
    }

    /// Whether the last snapshot failed.
    #[inline]
    pub fn has_failed(&self) -> bool {
        self.last_failed.load(Relaxed)
    }

    /// Asks for a snapshot as soon as nothing else runs.
    pub fn schedule(&self) {
        self.scheduled.store(true, SeqCst);
    }

    /// Takes [`Snapshots::schedule`] back; whether there was anything to take back.
    pub fn unschedule(&self) -> bool {
        self.scheduled.swap(false, SeqCst)
    }

    /// Breaks off the snapshot that runs; the next one may begin a moment later.
    pub fn stop(&self) {
        if matches!(self.job(), Some(Job::Save | Job::Background)) {
            self.stopped.store(true, SeqCst);
        }
    }

    /// Breaks off the rewrite of the log that runs; false when none does.
    pub fn stop_rewrite(&self) -> bool {
        let runs = self.job() == Some(Job::Rewrite);
        if runs {
            self.stopped.store(true, SeqCst);
        }
        runs
    }

    /// Breaks off whatever runs.
    fn stop_any(&self) {
        if self.job().is_some() {
            self.stopped.store(true, SeqCst);
        }
    }

    /// Whether the job that runs is to break off.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// What INFO tells.
    pub fn figures(&self) -> Figures {
        Figures {
            job: self.job(),
            started_ms: self.started_ms.load(Relaxed),
            keys: (self.keys.load(Relaxed), self.keys_total.load(Relaxed)),
            waiting_bytes: (self.waiting_bytes.load(Relaxed), self.waiting_bytes_peak.load(Relaxed)),
            last_save_seconds: self.last_save_seconds.load(Relaxed),
            last_took_seconds: self.last_took_seconds.load(Relaxed),
            last_failed: self.last_failed.load(Relaxed),
            last_copied_bytes: self.last_copied_bytes.load(Relaxed),
            count: self.count.load(Relaxed),
        }
    }

    fn forget_progress(&self) {
        for counter in [&self.keys, &self.keys_total, &self.waiting_bytes, &self.waiting_bytes_peak] {
            counter.store(0, Relaxed);
        }
    }

    fn note_progress(&self, progress: Progress) {
        self.keys.store(progress.keys as u64, Relaxed);
        self.waiting_bytes.store(progress.waiting_bytes as u64, Relaxed);
        self.waiting_bytes_peak.fetch_max(progress.waiting_bytes as u64, Relaxed);
    }
}

impl Node {
    /// Becomes the one job; None while another runs.
    pub fn begin_job(&self, job: Job) -> Option<Ticket<&Self>> {
        self.take_job(job).then_some(Ticket(self))
    }

    /// As [`Node::begin_job`], for a thread.
    pub fn begin_job_of_thread(self: &Arc<Self>, job: Job) -> Option<Ticket<Arc<Self>>> {
        self.take_job(job).then(|| Ticket(self.clone()))
    }

    fn take_job(&self, job: Job) -> bool {
        let is_ours = self.snapshots.job.compare_exchange(0, job as u8, SeqCst, SeqCst).is_ok();
        if is_ours {
            if job != Job::Save {
                self.snapshots.background_jobs.fetch_add(1, Relaxed);
            }
            self.snapshots.started_ms.store(base::clock::unix_ms(), Relaxed);
        }
        is_ours
    }

    /// Changes of keys since the server started.
    pub fn dirty(&self) -> u64 {
        self.cores.iter().map(|core| core.dirty.get()).sum()
    }

    /// Changes of keys since the last snapshot.
    pub fn changes_since_save(&self) -> u64 {
        self.dirty().saturating_sub(self.monitoring.saved_dirty.load(Relaxed))
    }

    /// Whether save points are configured.
    pub fn has_save_points(&self) -> bool {
        !self.settings.save().is_empty()
    }

    /// Takes a snapshot while the caller waits; for threads that are no cores. None while another job runs.
    pub fn save(&self) -> Option<Result<(), SaveError>> {
        let _ticket = self.begin_job(Job::Save)?;
        Some(self.take_snapshot(Share(100)))
    }

    /// Takes a snapshot into a file that is not the instance's own; for threads that are no cores. None while another
    /// job runs.
    pub fn save_apart(&self, path: PathBuf) -> Option<Result<(), SaveError>> {
        let _ticket = self.begin_job(Job::Save)?;
        let result = self.write_snapshot(Plan { path, ..self.snapshot_plan() }, BACKGROUND);
        self.snapshots.forget_progress();
        Some(result.map(drop))
    }

    /// A snapshot file that has functions, and no keys.
    pub fn functions_file(&self) -> std::io::Result<Vec<u8>> {
        let plan = self.snapshot_plan();
        let mut writer = Writer::new(Vec::new(), plan.options);
        for (name, value) in &plan.aux {
            writer.aux(name, value)?;
        }
        for source in self.library_sources() {
            writer.function(&source)?;
        }
        writer.finish()
    }

    /// Takes a snapshot in the background; false while another job runs.
    pub fn save_in_background(&self) -> bool {
        let Some(node) = self.arc() else { return false };
        let Some(ticket) = node.begin_job_of_thread(Job::Background) else { return false };
        let was_scheduled = self.snapshots.scheduled.swap(false, SeqCst);
        self.snapshots.last_try_seconds.store(base::clock::unix_ms() / 1000, Relaxed);
        self.snapshots.count.fetch_add(1, Relaxed);
        let pid = std::process::id();
        self.host().log(LogLevel::Notice, &format!("Background saving started by pid {pid}"));
        let run = move || {
            lower_own_priority();
            match node.take_snapshot(BACKGROUND) {
                Ok(()) => node.host().log(LogLevel::Notice, "Background saving terminated with success"),
                Err(_) if node.snapshots.stopped.load(SeqCst) => {
                    node.host().log(LogLevel::Warning, "Background saving terminated by signal 10");
                }
                Err(_) => {
                    if was_scheduled {
                        // What asked for it counts its changes as saved.
                        node.snapshots.schedule();
                    }
                    node.host().log(LogLevel::Warning, "Background saving error");
                }
            }
            drop(ticket);
        };
        if let Err(error) = std::thread::Builder::new().name("bgsave".into()).spawn(run) {
            self.snapshots.last_failed.store(true, Relaxed);
            let text = format!("Can't save in background: {}", base::system::reason(&error));
            self.host().log(LogLevel::Warning, &text);
        }
        true
    }

    /// Takes a snapshot; the caller is the one job.
    fn take_snapshot(&self, share: Share) -> Result<(), SaveError> {
        let started_ms = base::clock::unix_ms();
        let result = self.write_snapshot(self.snapshot_plan(), share);
        let snapshots = &self.snapshots;
        let now_ms = base::clock::unix_ms();
        match &result {
            Ok((saved, dirty)) => {
                self.monitoring.saved_dirty.fetch_max(*dirty, Relaxed);
                snapshots.last_save_seconds.store(now_ms / 1000, Relaxed);
                snapshots.last_copied_bytes.store(saved.copied_bytes_peak as u64, Relaxed);
                snapshots.last_failed.store(false, Relaxed);
                self.host().log(LogLevel::Notice, "DB saved on disk");
            }
            // Who stopped it does not mean that the disk is bad.
            Err(_) if snapshots.stopped.load(SeqCst) => {}
            Err(error) => {
                // Who waited for it has been told; only what nobody waits for has to stop writes.
                if self.snapshots.job() == Some(Job::Background) {
                    snapshots.last_failed.store(true, Relaxed);
                }
                self.host().log(LogLevel::Warning, &error.to_string());
            }
        }
        snapshots.last_took_seconds.store((now_ms - started_ms + 500) / 1000, Relaxed);
        snapshots.forget_progress();
        result.map(|_| ())
    }

    /// The snapshot, and the changes of keys up to its instant.
    fn write_snapshot(&self, mut plan: Plan, share: Share) -> Result<(Saved, u64), SaveError> {
        // A rewrite of the log may have its picture taken now: this one comes after it.
        let (capture, (dirty, functions)) = loop {
            match self.space.begin_capture(|| (self.dirty(), self.library_sources())) {
                // Who stopped it may have emptied the instance before: that is not what was to be saved.
                _ if self.snapshots.stopped.load(SeqCst) => {
                    return Err(SaveError {
                        what: "Saving was stopped".into(),
                        source: std::io::ErrorKind::Interrupted.into(),
                    });
                }
                Some(begun) => break begun,
                None => std::thread::sleep(NAP),
            }
        };
        plan.functions = functions;
        let saved = self.write_capture(capture, &plan, share)?;
        Ok((saved, dirty))
    }

    fn write_capture(&self, capture: Capture<'_>, plan: &Plan, share: Share) -> Result<Saved, SaveError> {
        let total: usize = capture.counts().iter().map(|count| count.keys).sum();
        self.snapshots.keys_total.store(total as u64, Relaxed);
        let (mut pace, mut delayed) = (Pace::new(share), 0);
        let usage = self.usage_reader();
        snapshot::save(capture, plan, &usage, &mut |progress| {
            self.snapshots.note_progress(progress);
            self.delay_keys(progress.keys - delayed);
            delayed = progress.keys;
            pace.step();
            if self.snapshots.stopped.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// Reads access clocks as Redis's files keep them: where the policy has a use for them.
    fn usage_reader(&self) -> impl Fn(u32) -> Usage {
        let unix_ms = base::clock::unix_ms();
        let access = match self.settings.maxmemory_policy() {
            MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu => Some(Access::Lfu {
                minutes: (unix_ms / 60_000) as u32 & 0xFFFF,
                log_factor: self.settings.lfu_log_factor(),
                decay_minutes: self.settings.lfu_decay_time(),
                random: 0,
            }),
            MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => Some(Access::Lru(0)),
            _ => None,
        };
        let now_seconds = (unix_ms / 1000) as u32;
        move |clock| access.map_or(Usage::Untold, |access| Usage::of_clock(clock, access, now_seconds))
    }

    /// Where the snapshot goes.
    pub fn snapshot_path(&self) -> PathBuf {
        self.settings.dir().as_path().join(self.settings.dbfilename().as_path())
    }

    fn snapshot_plan(&self) -> Plan {
        let settings = &self.settings;
        let options = Options {
            version: Version(settings.rdb_version() as u16),
            compresses: settings.rdbcompression(),
            sums: settings.rdbchecksum(),
        };
        let text = |value: String| value.into_bytes();
        let mut aux = vec![
            ("redis-ver", text(settings.redis_version_reported().to_string_lossy().into_owned())),
            ("redis-bits", text(usize::BITS.to_string())),
            ("ctime", text((base::clock::unix_ms() / 1000).to_string())),
            ("used-mem", text(self.used_memory().to_string())),
            ("aof-base", b"0".to_vec()),
        ];
        aux.extend(self.manifest().map(|rules| (crate::ownership::AUX, text(rules))));
        aux.extend(self.ownership_state().map(|state| (crate::ownership::STATE_AUX, text(state))));
        let syncs_in_steps = settings.rdb_save_incremental_fsync();
        Plan { path: self.snapshot_path(), options, syncs_in_steps, aux, functions: Vec::new() }
    }

    /// Begins what save points and schedules ask for; by the clock.
    pub(crate) fn look_after_snapshots(&self, now_ms: i64) {
        if self.snapshots.job().is_some() {
            return;
        }
        let figures = self.snapshots.figures();
        let now_seconds = now_ms / 1000;
        let (changes, age) = (self.changes_since_save(), now_seconds - figures.last_save_seconds);
        let may_try =
            !figures.last_failed || now_seconds - self.snapshots.last_try_seconds.load(Relaxed) > RETRY_SECONDS;
        if may_try {
            let points = self.settings.save();
            let due = points.iter().find(|point| changes >= point.changes && age > point.seconds as i64);
            if let Some(point) = due {
                let text = format!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
                self.host().log(LogLevel::Notice, &text);
                self.save_in_background();
                return;
            }
        }
        if self.snapshots.scheduled.load(SeqCst) && may_try {
            self.save_in_background();
        }
    }

    /// Why writes are refused: the last snapshot failed, and operators want to hear of it.
    #[inline]
    pub(crate) fn refuses_writes_unsaved(&self) -> bool {
        self.snapshots.has_failed() && self.settings.stop_writes_on_bgsave_error() && self.has_save_points()
    }

    /// Gets everything to the disk before the end, where it is to be: from here on clients wait. False when that
    /// failed, and the server goes on.
    pub fn prepare_end(&self, saves: bool, is_forced: bool) -> bool {
        if self.keeper().facts().awaits_base {
            let what = if is_forced { "Writing initial AOF. Exit anyway." } else { "Writing initial AOF, can't exit." };
            self.host().log(LogLevel::Warning, what);
            if !is_forced {
                return false;
            }
        }
        self.pause.extend(Paused::All, i64::MAX >> 2);
        self.snapshots.stop_any();
        if !saves {
            return true;
        }
        self.host().log(LogLevel::Notice, "Saving the final RDB snapshot before exiting.");
        let result = loop {
            match self.save() {
                Some(result) => break result,
                None => std::thread::sleep(NAP),
            }
        };
        if result.is_err() {
            self.host().log(LogLevel::Warning, "Error trying to save the DB, can't exit.");
            self.unpause();
        }
        result.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use settings::{Settings, Startup};

    use super::{BACKGROUND, Job};
    use crate::testing::Fixture;

    #[test]
    fn a_stop_before_the_picture_counts() {
        let dir = std::env::temp_dir().join(format!("snapshot-stopped-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let words = ["--dir", &dir.display().to_string()].map(|word| word.as_bytes().to_vec());
        let Ok(Startup::Serve(configured)) = Settings::load(&words, &mut std::io::empty()) else {
            unreachable!("the words are in order")
        };
        let fixture = Fixture::with_settings(configured.settings);
        let ticket = fixture.node.begin_job(Job::Background).expect("nothing else runs");
        fixture.node.snapshots.stop();
        assert!(fixture.node.take_snapshot(BACKGROUND).is_err());
        assert_eq!(std::fs::read_dir(&dir).expect("a directory").count(), 0);
        drop(ticket);
        assert!(fixture.node.take_snapshot(BACKGROUND).is_ok());
        let _left_behind = std::fs::remove_dir_all(dir);
    }
}
