//! Runs that take long: who they are, and how they are ended.
//!
//! A run joins the list when it is first asked whether it should end, some hundred microseconds after its start: most
//! never do. Once one runs longer than `busy-reply-threshold`, all requests but a few are answered BUSY.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::node::Node;

const NOT_BUSY: Error = Error::Plain("NOTBUSY No scripts in execution right now.");
const UNKILLABLE: Error = Error::Plain(
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
     termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
);
/// To requests while a script of EVAL takes long.
const BUSY_SCRIPT: Error =
    Error::Plain("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
/// As above, for a function.
const BUSY_FUNCTION: Error =
    Error::Plain("BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.");
/// Younger runs end by themselves before anybody could mean them.
const KILLABLE_AFTER: Duration = Duration::from_millis(50);

/// A run.
pub(crate) struct Job {
    pub(crate) is_function: bool,
    /// The function's name, or the script's SHA-1.
    pub(crate) name: Box<[u8]>,
    /// The request's words.
    pub(crate) words: Vec<Box<[u8]>>,
    pub(crate) started: Instant,
    pub(crate) kill: AtomicBool,
    /// It changed something: it cannot be ended any more.
    pub(crate) wrote: AtomicBool,
    is_busy: AtomicBool,
    is_over: AtomicBool,
}

impl Job {
    pub(crate) fn new(is_function: bool, name: &[u8], words: Vec<Box<[u8]>>, started: Instant) -> Self {
        Self {
            is_function,
            name: name.into(),
            words,
            started,
            kill: AtomicBool::new(false),
            wrote: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// Its end, while its locks are still held.
    pub(crate) fn end(&self) {
        self.is_over.store(true, SeqCst);
    }
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<Vec<Arc<Job>>>);

impl Jobs {
    /// Adds a run.
    pub(crate) fn join(&self, job: &Arc<Job>) {
        self.0.lock().push(job.clone());
    }

    /// Makes it known that a run takes too long; whether that is news.
    pub(crate) fn make_busy(&self, node: &Node, job: &Job) -> bool {
        let _jobs = self.0.lock();
        let is_news = !job.is_busy.swap(true, SeqCst);
        if is_news {
            node.space.set_halted(true);
        }
        is_news
    }

    /// Removes the runs of a core that are over, once their locks are free.
    #[cold]
    pub(crate) fn settle(&self, node: &Node) {
        let mut jobs = self.0.lock();
        jobs.retain(|job| !job.is_over.load(SeqCst));
        let ends = node.space.is_halted() && !jobs.iter().any(|job| job.is_busy.load(SeqCst));
        if ends {
            node.space.set_halted(false);
        }
        drop(jobs);
        if ends {
            node.space.settle_watches();
        }
    }

    /// The run that others wait for, or else the eldest.
    pub(crate) fn current(&self, is_ours: impl Fn(&Job) -> bool) -> Option<Arc<Job>> {
        let jobs = self.0.lock();
        let running = jobs.iter().filter(|job| !job.is_over.load(SeqCst) && is_ours(job));
        running.min_by_key(|job| (!job.is_busy.load(SeqCst), job.started)).cloned()
    }

    /// What a request is told that cannot run now.
    #[cold]
    pub(crate) fn busy_error(&self) -> Error {
        match self.current(|job| job.is_busy.load(SeqCst)) {
            Some(job) if job.is_function => BUSY_FUNCTION,
            _ => BUSY_SCRIPT,
        }
    }

    /// SCRIPT KILL and FUNCTION KILL.
    pub(crate) fn kill(&self, function: bool) -> Result<()> {
        let is_old = |job: &Job| job.is_busy.load(SeqCst) || job.started.elapsed() > KILLABLE_AFTER;
        let job = self.current(|job| job.is_function == function && is_old(job));
        let Some(job) = job.or_else(|| self.current(is_old)) else { return Err(NOT_BUSY) };
        if job.wrote.load(SeqCst) {
            return Err(UNKILLABLE);
        }
        if job.is_function != function {
            return Err(if job.is_function { BUSY_FUNCTION } else { BUSY_SCRIPT });
        }
        job.kill.store(true, SeqCst);
        Ok(())
    }
}
