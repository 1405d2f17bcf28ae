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
use keyspace::snapshot::{Capture, Failure, Progress};
use persistence::rdb::sections::SectionWriter;
use persistence::snapshot::{Pace, Share, Stepped};
use persistence::wal::Log;

/// Between two looks whether another picture of the keys is finished.
const WAIT: Duration = Duration::from_millis(50);
/// The share of a processor that a rewrite takes beside clients.
const POLITE: Share = Share(70);

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
        // Rules change while everything is locked, as it is now.
        let seq = log.last_reserved();
        // Leases change at any time: what changed since that place is told again by the log.
        (seq, node.library_sources(), [node.manifest(), node.ownership_state()])
    };
    let (capture, (seq, libraries, facts)) = loop {
        match node.space.begin_capture(at_instant) {
            Some(begun) => break begun,
            None => std::thread::sleep(WAIT),
        }
    };
    let result = save(node, capture, &libraries, &facts, &compaction.path, haste)
        .and_then(|()| log.commit_compaction(&compaction, seq));
    if result.is_err() {
        log.abort_compaction(compaction);
    }
    result
}

fn save(
    node: &Node,
    mut capture: Capture<'_>,
    libraries: &[Source],
    [rules, state]: &[Option<String>; 2],
    path: &Path,
    haste: Haste,
) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let copies = path.with_extension("copies.tmp");
    let spill = File::options().read(true).write(true).create(true).truncate(true).open(&copies)?;
    fs::remove_file(&copies)?;
    capture.spill_to(spill);
    let settings = &node.settings;
    let step = settings.aof_rewrite_incremental_fsync();
    let mut writer = SectionWriter::new(
        Stepped::new(File::create(&temporary)?, step),
        node.space.seed(),
        settings.rdbcompression(),
    )?;
    writer.aux("redis-ver", settings.redis_version_reported().to_string_lossy().as_bytes());
    libraries.iter().for_each(|source| writer.function(source));
    for (name, text) in [(commands::ownership::AUX, rules), (commands::ownership::STATE_AUX, state)] {
        if let Some(text) = text {
            writer.aux(name, text.as_bytes());
        }
    }
    let counts = capture.counts().to_vec();
    for (db, count) in counts.iter().enumerate().filter(|(_, count)| count.keys > 0) {
        writer.database(db, count.keys, count.expiring);
    }
    let mut rest = Pace::new(if haste == Haste::Polite { POLITE } else { Share(100) });
    let mut delayed = 0;
    let mut pace = |progress: Progress| {
        node.delay_keys(progress.keys - delayed);
        delayed = progress.keys;
        rest.step();
        if node.snapshots.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    capture.run(&mut writer, &|_| Usage::Untold, &mut pace).map_err(|failure| match failure {
        Failure::Sink(error) | Failure::Spill(error) => error,
        Failure::Stopped => io::ErrorKind::Interrupted.into(),
        Failure::Warm(reason) => io::Error::other(reason),
        Failure::Torn(missing) => io::Error::other(format!("parts of {missing} collections are missing")),
    })?;
    writer.finish()?.into_file().sync_data()?;
    fs::rename(&temporary, path)
}
