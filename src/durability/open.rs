//! The log at a start: settings to options, and the lines that an operator reads.

use std::path::PathBuf;
use std::sync::Arc;

use commands::node::Node;
use persistence::disk::{Disk, RealDisk};
use persistence::wal::{Base, Log, Notice, Options, Policy, Recovery};
use settings::{AppendFsync, Settings};

use super::journal::Journal;
use super::theirs::Theirs;
use crate::log;

/// Where the log is.
pub(crate) fn directory(settings: &Settings) -> PathBuf {
    settings.dir().as_path().join(settings.appenddirname().as_path())
}

/// `appendfsync`.
pub(crate) fn policy(settings: &Settings) -> Policy {
    match settings.appendfsync() {
        AppendFsync::Always => Policy::Always,
        AppendFsync::Everysec => Policy::EverySecond,
        AppendFsync::No => Policy::No,
    }
}

/// How the log of this instance is kept; `took`: see [`Options::took`].
pub(crate) fn options(settings: &Settings, journal: &Journal, took: u64) -> Options {
    Options { policy: policy(settings), slots: journal.slots(), took, notice: Arc::new(tell), ..Options::default() }
}

/// The seed by which the keys of the log's base are in order, if there is such a base.
pub(crate) fn seed(settings: &Settings) -> Option<u64> {
    let recovery = Recovery::open(Arc::new(RealDisk), &directory(settings)).ok()??;
    let bytes = RealDisk.read_start(&recovery.base_path()?, 64).ok()?;
    persistence::rdb::sections::seed_of(&bytes)
}

/// A mark of the append-only file of Redis that lies here, if there is one: what is logged from now on is newer.
pub(crate) fn superseded(settings: &Settings) -> u64 {
    Theirs::find(settings).ok().flatten().and_then(|theirs| theirs.mark().ok()).unwrap_or(0)
}

fn tell(notice: Notice) {
    match notice {
        Notice::Failed(reason) => {
            log::warning(&format!(
                "Writes are refused from now on, and those under way are not acknowledged: {reason}"
            ));
        }
        Notice::StillFailed(reason) => log::warning(&format!("The log still cannot go on: {reason}")),
        Notice::Mended { segment } => log::warning(&format!(
            "The log goes on in segment {segment}, which has everything that was not durable: writes are accepted again"
        )),
        Notice::SlowSync(took) => log::notice(&format!(
            "Syncing the log took {} ms: replies waited, so that no more than a second of writes can be lost",
            took.as_millis()
        )),
    }
}

/// A new log in place of what is there.
pub(crate) fn create(node: &Node, journal: &Journal, base: Base, took: u64) -> std::io::Result<Arc<Log>> {
    let settings = &node.settings;
    let id = base::id::Rng::from_os()?.next_u64();
    let log = Log::create(Arc::new(RealDisk), &directory(settings), id, base, options(settings, journal, took))?;
    Ok(Arc::new(log))
}
