//! A start with `appendonly yes`: what the log has is run again, and the log goes on behind it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use commands::node::Node;
use commands::replay::Replay;
use persistence::disk::RealDisk;
use persistence::wal::{Base, Cut, Damage, Log, Recovered, Recovery, Threads};

use super::journal::Journal;
use super::open;
use crate::log;

/// Why a start cannot use the log.
#[derive(Debug)]
pub enum RefusedLog {
    /// The files are not what was written.
    Damaged(Damage),
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
            Self::System(path, error) => {
                write!(f, "the log in {}: {}", path.display(), base::system::reason(error))
            }
        }
    }
}

/// Reads the log of `appenddirname`, where there is one, and starts to write behind it; a new one otherwise.
pub(crate) fn start(node: &Arc<Node>, journal: &Arc<Journal>) -> Result<Threads, RefusedLog> {
    let dir = open::directory(&node.settings);
    let system = |error: io::Error| RefusedLog::System(dir.clone(), error);
    let recovery = Recovery::open(Arc::new(RealDisk), &dir).map_err(RefusedLog::Damaged)?;
    let log = match recovery.filter(|recovery| *recovery.base() != Base::Pending) {
        Some(recovery) => {
            let recovered = replay(node, &recovery)?;
            Arc::new(recovery.go_on(&recovered, open::options(&node.settings, journal)).map_err(system)?)
        }
        None => create(node, journal).map_err(system)?,
    };
    connect(node, journal, &log);
    Threads::start(&log).map_err(system)
}

fn create(node: &Node, journal: &Journal) -> io::Result<Arc<Log>> {
    open::create(node, journal, Base::Empty)
}

/// From now on effects go to the log.
fn connect(node: &Node, journal: &Arc<Journal>, log: &Arc<Log>) {
    journal.connect(log.clone());
    node.set_log(journal.clone());
    node.set_logging(true);
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
