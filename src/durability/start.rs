//! A start with `appendonly yes`: what the log has is run again, and the log goes on behind it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use commands::node::Node;
use commands::replay::Replay;
use keyspace::keys::Access;
use persistence::disk::RealDisk;
use persistence::rdb::file::{Loader, Map};
use persistence::rdb::sections;
use persistence::wal::{Base, Cut, Damage, Log, Recovered, Recovery, Threads};

use super::aside;
use super::journal::Journal;
use super::open;
use super::rewrite::{Haste, rewrite};
use super::theirs::{Theirs, Unusable};
use crate::{loading, log};

/// Records between two looks at what else is to be done.
const RECORDS_PER_REST: u64 = 1024;

/// Why a start cannot use the log.
#[derive(Debug)]
pub enum RefusedLog {
    /// The files are not what was written.
    Damaged(Damage),
    /// The base cannot be loaded.
    Base(PathBuf, String),
    /// There is an append-only file of Redis beside the log, which is neither the one that the log began with nor newer.
    Ambiguous(PathBuf),
    /// The data to begin with cannot be loaded; the log says why.
    Said,
    /// The system refused something.
    System(PathBuf, io::Error),
}

impl From<Unusable> for RefusedLog {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::System(path, error) => Self::System(path, error),
            Unusable::Said => Self::Said,
        }
    }
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
            Self::Ambiguous(path) => write!(
                f,
                "there is a log of this server, and beside it {}, which is older and not what the log began with. Nothing \
was changed. Move away the one that is not to be loaded: the files 'log.*' and 'base.*', or those of Redis",
                path.display()
            ),
            Self::Said => f.write_str("the data to begin with cannot be loaded: see the lines above"),
            Self::System(path, error) => {
                write!(f, "the log in {}: {}", path.display(), base::system::reason(error))
            }
        }
    }
}

/// Reads the log of `appenddirname`, where there is one, and starts to write behind it; a new one otherwise, over
/// what Redis has left here.
pub(crate) fn start(node: &Arc<Node>, journal: &Arc<Journal>) -> Result<Threads, RefusedLog> {
    let dir = open::directory(&node.settings);
    let system = |error: io::Error| RefusedLog::System(dir.clone(), error);
    let recovery = Recovery::open(Arc::new(RealDisk), &dir).map_err(RefusedLog::Damaged)?;
    let recovery = recovery.filter(|recovery| *recovery.base() != Base::Pending);
    let theirs = Theirs::find(&node.settings)?;
    let log = match (recovery, theirs) {
        (Some(recovery), None) => go_on(node, journal, recovery)?,
        (Some(recovery), Some(theirs)) => {
            if theirs.mark().map_err(system)? == recovery.took() {
                go_on(node, journal, recovery)?
            } else if theirs.changed_at().map_err(system)? >= aside::written_at(&dir).map_err(system)? {
                let aside = aside::put_aside(&dir).map_err(system)?;
                log::warning(&format!(
                    "{} was written after the log of this server: it counts. The log is kept in {}",
                    theirs.path.display(),
                    aside.display()
                ));
                take_over(node, journal, &theirs)?
            } else {
                return Err(RefusedLog::Ambiguous(theirs.path));
            }
        }
        (None, Some(theirs)) => take_over(node, journal, &theirs)?,
        (None, None) => {
            loading::load(node).map_err(|_| RefusedLog::Said)?;
            create(node, journal, 0).map_err(system)?
        }
    };
    node.set_logging(true);
    Threads::start(&log).map_err(system)
}

/// Loads the log in `dir`, which is in use, while nothing is written to it; `empty` empties the instance before.
pub(super) fn load_again(node: &Node, dir: &Path, empty: &mut dyn FnMut()) -> Result<(), RefusedLog> {
    let recovery = Recovery::open(Arc::new(RealDisk), dir).map_err(RefusedLog::Damaged)?;
    let recovery = recovery.filter(|recovery| *recovery.base() != Base::Pending);
    let no_base = || RefusedLog::Base(dir.to_owned(), "there is none yet: the log counts after a rewrite".to_owned());
    let recovery = recovery.ok_or_else(no_base)?;
    empty();
    load_base(node, &recovery)?;
    replay(node, &recovery).map(drop)
}

/// Reads a log and goes on behind it.
fn go_on(node: &Node, journal: &Arc<Journal>, recovery: Recovery) -> Result<Arc<Log>, RefusedLog> {
    let base_len = recovery.base_path().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |file| file.len());
    node.loading.begin(base_len + recovery.segments_len(), base::clock::unix_ms());
    load_base(node, &recovery)?;
    let recovered = replay(node, &recovery)?;
    let system = |error: io::Error| RefusedLog::System(open::directory(&node.settings), error);
    let options = open::options(&node.settings, journal, recovery.took());
    let log = Arc::new(recovery.go_on(&recovered, options).map_err(system)?);
    connect(node, journal, &log);
    Ok(log)
}

/// Loads what Redis has left; it is the base of a new log.
fn take_over(node: &Node, journal: &Arc<Journal>, theirs: &Theirs) -> Result<Arc<Log>, RefusedLog> {
    let system = |error: io::Error| RefusedLog::System(theirs.path.clone(), error);
    let (mark, began) = (theirs.mark(), Instant::now());
    theirs.load(node)?;
    log::notice(&format!("DB loaded from append only file: {:.3} seconds", began.elapsed().as_secs_f64()));
    let log = create(node, journal, mark.map_err(system)?).map_err(system)?;
    log::notice(&format!(
        "{} stays as it is, and is not read again unless something else writes to it: the log has its data now",
        theirs.path.display()
    ));
    Ok(log)
}

/// A new log; what the instance has is its base, which has the data of the files with the mark `took`.
fn create(node: &Node, journal: &Arc<Journal>, took: u64) -> io::Result<Arc<Log>> {
    let log = open::create(node, journal, Base::Pending, took)?;
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
    let map = std::fs::File::open(&path).and_then(|file| Map::of(&file));
    let bytes = map.map_err(|error| RefusedLog::System(path.clone(), error))?;
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
        progress: &node.loading,
        after_batch: &|shard, db, keys| node.after_loading(shard, db, keys),
    };
    let load = || if sections::is_sectioned(&bytes) { loader.load_sections(&bytes) } else { loader.load(&bytes) };
    let report = loading::watched(node, load).map_err(|error| RefusedLog::Base(path.clone(), error.to_string()))?;
    node.load_libraries(&report.functions, false).map_err(|reason| RefusedLog::Base(path, reason))?;
    loading::take_rules(node, &report);
    log::notice(&format!("Base of the log loaded: {} keys, {:.3} seconds", report.keys, began.elapsed().as_secs_f64()));
    Ok(())
}

fn replay(node: &Node, recovery: &Recovery) -> Result<Recovered, RefusedLog> {
    let began = Instant::now();
    let mut replay = Replay::new(node).map_err(|error| RefusedLog::System(PathBuf::from("random numbers"), error))?;
    let mut apply = |seq: u64, record: &[u8]| {
        node.loading.loaded_bytes.fetch_add(record.len() as u64, Relaxed);
        if seq.is_multiple_of(RECORDS_PER_REST) {
            replay.rest();
        }
        node.delay_load(1);
        replay.record(record)
    };
    let recovered = loading::watched(node, || recovery.read(&mut apply)).map_err(RefusedLog::Damaged)?;
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
