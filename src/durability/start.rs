//! A start with `appendonly yes`: what the log has is run again, and the log goes on behind it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use commands::node::Node;
use commands::replay::Replay;
use keyspace::keys::Access;
use persistence::disk::RealDisk;
use persistence::rdb::file::{Loader, Progress};
use persistence::wal::{Base, Cut, Damage, Log, Recovered, Recovery, Threads};

use super::journal::Journal;
use super::open;
use super::rewrite::{Haste, rewrite};
use crate::{loading, log};

/// Why a start cannot use the log.
#[derive(Debug)]
pub enum RefusedLog {
    /// The files are not what was written.
    Damaged(Damage),
    /// The base cannot be loaded.
    Base(PathBuf, String),
    /// The system refused something.
    System(PathBuf, io::Error),
}

impl fmt::Display for RefusedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => write!(
                f,
                "the log is damaged: {damage}. Nothing was changed. Restore its directory from a backup, or look at it \
with --check-wal, and cut it there with --repair-wal, which loses what stands behind"
            ),
            Self::Base(path, reason) => write!(
                f,
                "the base of the log, {}, is damaged: {reason}. Nothing was changed. Restore the log's directory from a \
backup",
                path.display()
            ),
            Self::System(path, error) => {
                write!(f, "the log in {}: {}", path.display(), base::system::reason(error))
            }
        }
    }
}

/// Reads the log of `appenddirname`, where there is one, and starts to write behind it; a new one otherwise, over
/// what the instance has already.
pub(crate) fn start(node: &Arc<Node>, journal: &Arc<Journal>) -> Result<Threads, RefusedLog> {
    let dir = open::directory(&node.settings);
    let system = |error: io::Error| RefusedLog::System(dir.clone(), error);
    let recovery = Recovery::open(Arc::new(RealDisk), &dir).map_err(RefusedLog::Damaged)?;
    let log = match recovery.filter(|recovery| *recovery.base() != Base::Pending) {
        Some(recovery) => {
            load_base(node, &recovery)?;
            let recovered = replay(node, &recovery)?;
            let log = Arc::new(recovery.go_on(&recovered, open::options(&node.settings, journal)).map_err(system)?);
            connect(node, journal, &log);
            log
        }
        None => create(node, journal).map_err(system)?,
    };
    node.set_logging(true);
    Threads::start(&log).map_err(system)
}

/// A new log; what the instance has is its base.
fn create(node: &Node, journal: &Arc<Journal>) -> io::Result<Arc<Log>> {
    loading::load(node).map_err(|_| io::Error::other("the snapshot to begin with cannot be loaded"))?;
    let log = open::create(node, journal, Base::Pending)?;
    connect(node, journal, &log);
    rewrite(node, &log, Haste::Alone, &AtomicBool::new(true))?;
    log::notice(&format!("A new log begins in {}", log.dir().display()));
    Ok(log)
}

fn connect(node: &Node, journal: &Arc<Journal>, log: &Arc<Log>) {
    journal.connect(log.clone());
    node.set_log(journal.clone());
}

fn load_base(node: &Node, recovery: &Recovery) -> Result<(), RefusedLog> {
    let Some(path) = recovery.base_path() else { return Ok(()) };
    let began = Instant::now();
    let bytes = std::fs::read(&path).map_err(|error| RefusedLog::System(path.clone(), error))?;
    let loader = Loader {
        space: &node.space,
        limits: node.limits(),
        now_ms: base::clock::unix_ms(),
        access: Access::Lru(0),
        // What the log says of them was said when they lived.
        skips_expired: false,
        checks_sum: true,
        replaces: false,
        threads: node.cores.len(),
        progress: &Progress::default(),
    };
    let report = loader.load(&bytes).map_err(|error| RefusedLog::Base(path.clone(), error.to_string()))?;
    node.load_libraries(&report.functions, false).map_err(|reason| RefusedLog::Base(path, reason))?;
    log::notice(&format!("Base of the log loaded: {} keys, {:.3} seconds", report.keys, began.elapsed().as_secs_f64()));
    Ok(())
}

fn replay(node: &Node, recovery: &Recovery) -> Result<Recovered, RefusedLog> {
    let began = Instant::now();
    let mut replay = Replay::new(node).map_err(|error| RefusedLog::System(PathBuf::from("random numbers"), error))?;
    let recovered = recovery.read(&mut |_, record| replay.record(record)).map_err(RefusedLog::Damaged)?;
    if let (refused, Some(first)) = (replay.refused, &replay.first_refusal) {
        log::warning(&format!("{refused} effects of the log were answered with an error, the first is {first}"));
    }
    log::notice(&format!(
        "DB loaded from append only file: {:.3} seconds ({} records, {} effects)",
        began.elapsed().as_secs_f64(),
        recovered.records,
        replay.effects
    ));
    replay.finish();
    if let Some(cut) = &recovered.cut {
        tell_cut(cut);
    }
    Ok(recovered)
}

fn tell_cut(cut: &Cut) {
    let Cut { path, offset, bytes, reason } = cut;
    log::warning(&format!(
        "The log has a torn tail: {reason}, at offset {offset} of {}. The {bytes} bytes from there on were never \
acknowledged as durable, and are left out",
        Path::display(path)
    ));
}
