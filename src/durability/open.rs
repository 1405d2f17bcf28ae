//! The log at a start: settings to options, and the lines that an operator reads.

use std::path::PathBuf;
use std::sync::Arc;

use commands::node::Node;
use persistence::disk::RealDisk;
use persistence::wal::{Base, Log, Notice, Options, Policy};
use settings::{AppendFsync, Settings};

use super::journal::Journal;
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

/// How the log of this instance is kept.
pub(crate) fn options(settings: &Settings, journal: &Journal) -> Options {
    Options { policy: policy(settings), slots: journal.slots(), notice: Arc::new(tell), ..Options::default() }
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
pub(crate) fn create(node: &Node, journal: &Journal, base: Base) -> std::io::Result<Arc<Log>> {
    let settings = &node.settings;
    let id = base::id::Rng::from_os()?.next_u64();
    let log = Log::create(Arc::new(RealDisk), &directory(settings), id, base, options(settings, journal))?;
    Ok(Arc::new(log))
}
