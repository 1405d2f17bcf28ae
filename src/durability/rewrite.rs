//! A rewrite: a snapshot of all keys takes the place of the log so far.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use commands::node::Node;
use commands::node::functions::Source;
use keyspace::export::Usage;
use keyspace::snapshot::{Capture, Failure};
use persistence::rdb::Version;
use persistence::rdb::file::{Options, Writer};
use persistence::wal::Log;

/// Between two looks whether another picture of the keys is finished.
const WAIT: Duration = Duration::from_millis(50);
/// A rewrite rests so long after each so many keys, so that clients do not notice it.
const REST: Duration = Duration::from_micros(200);
const KEYS_PER_REST: usize = 1024;

/// How it is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Nobody is served yet.
    Alone,
    /// Clients come first.
    Polite,
}

/// Rewrites the log. From the instant of the snapshot on effects go to the log, if it is on.
pub(crate) fn rewrite(node: &Node, log: &Log, haste: Haste, is_on: &AtomicBool) -> io::Result<()> {
    let compaction = log.begin_compaction()?;
    let at_instant = || {
        node.set_logging(is_on.load(SeqCst));
        (log.last_reserved(), node.library_sources())
    };
    let (capture, (seq, libraries)) = loop {
        match node.space.begin_capture(at_instant) {
            Some(begun) => break begun,
            None => std::thread::sleep(WAIT),
        }
    };
    let result =
        save(node, capture, &libraries, &compaction.path, haste).and_then(|()| log.commit_compaction(&compaction, seq));
    if result.is_err() {
        log.abort_compaction(compaction);
    }
    result
}

fn save(node: &Node, mut capture: Capture<'_>, libraries: &[Source], path: &Path, haste: Haste) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let copies = path.with_extension("copies.tmp");
    let spill = File::options().read(true).write(true).create(true).truncate(true).open(&copies)?;
    fs::remove_file(&copies)?;
    capture.spill_to(spill);
    let settings = &node.settings;
    let options = Options { version: Version::V12, compresses: settings.rdbcompression(), sums: true };
    let mut writer = Writer::new(File::create(&temporary)?, options);
    writer.aux("redis-ver", settings.redis_version_reported().to_string_lossy().as_bytes())?;
    writer.aux("aof-base", b"1")?;
    for source in libraries {
        writer.function(source)?;
    }
    let counts = capture.counts().to_vec();
    for (db, count) in counts.iter().enumerate().filter(|(_, count)| count.keys > 0) {
        writer.database(db, count.keys, count.expiring)?;
    }
    let mut rested = 0;
    let mut pace = |progress: keyspace::snapshot::Progress| {
        if haste == Haste::Polite && progress.keys - rested >= KEYS_PER_REST {
            rested = progress.keys;
            std::thread::sleep(REST);
        }
        ControlFlow::Continue(())
    };
    capture.run(&mut writer, &|_| Usage::Untold, &mut pace).map_err(|failure| match failure {
        Failure::Sink(error) | Failure::Spill(error) => error,
        Failure::Stopped => io::ErrorKind::Interrupted.into(),
        Failure::Torn(missing) => io::Error::other(format!("parts of {missing} collections are missing")),
    })?;
    writer.finish()?.sync_data()?;
    fs::rename(&temporary, path)
}
