//! A snapshot: the picture of all keys at one instant, as a file in Redis's format.
//!
//! # Invariants
//! - The file's name always stands for a whole snapshot, the old one or the new one: what is written goes to a
//!   temporary file, which is synced before it takes the name, and the directory after that.
//! - What could not be finished leaves no file behind.

mod pace;
mod priority;
mod stepped;

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyspace::export::Usage;
use keyspace::snapshot::{Capture, Failure, Progress};

use crate::rdb::file::{Options, Writer};

pub use pace::{Pace, Share};
pub use priority::lower_own_priority;
pub use stepped::Stepped;

/// What a snapshot is made of beside the keys, and where it goes.
pub struct Plan {
    /// The file.
    pub path: PathBuf,
    /// Its form.
    pub options: Options,
    /// `rdb-save-incremental-fsync`
    pub syncs_in_steps: bool,
    /// Facts about the server.
    pub aux: Vec<(&'static str, Vec<u8>)>,
    /// Sources of function libraries.
    pub functions: Vec<Arc<[u8]>>,
}

/// A snapshot that was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saved {
    /// Keys in it.
    pub keys: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// The most bytes of copies that waited in memory.
    pub copied_bytes_peak: usize,
}

/// Why there is no snapshot: what was to be done, and the system's reason.
#[derive(Debug)]
pub struct SaveError {
    /// As Redis's log says it.
    pub what: String,
    /// The reason.
    pub source: io::Error,
}

impl std::fmt::Display for SaveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, base::system::reason(&self.source))
    }
}

impl std::error::Error for SaveError {}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> SaveError {
    move |source| SaveError { what: what.into(), source }
}

/// A name beside the file's that no other process uses.
pub fn temporary(path: &Path, ending: &str) -> PathBuf {
    path.with_file_name(format!("temp-{}.{ending}", std::process::id()))
}

/// Writes the picture that `capture` takes.
pub fn save(
    mut capture: Capture<'_>,
    plan: &Plan,
    usage: &dyn Fn(u32) -> Usage,
    pace: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Saved, SaveError> {
    let temporary = temporary(&plan.path, "rdb");
    let shown = temporary.display().to_string();
    let file =
        File::create(&temporary).map_err(failed(format!("Failed opening the temp RDB file {shown} for saving")))?;
    let spill = spill_file(&plan.path).map_err(failed("Failed opening a file for copies"))?;
    capture.spill_to(spill);
    let result = write(capture, file, plan, usage, pace).and_then(|saved| {
        let what = format!("Error moving temp DB file {shown} on the final destination {}", plan.path.display());
        fs::rename(&temporary, &plan.path).map_err(failed(what))?;
        sync_dir(&plan.path).map_err(failed("Failed syncing the directory of the RDB file"))?;
        Ok(saved)
    });
    if result.is_err() {
        // Nothing is lost when it stays: the next one takes its place.
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn write(
    capture: Capture<'_>,
    file: File,
    plan: &Plan,
    usage: &dyn Fn(u32) -> Usage,
    pace: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Saved, SaveError> {
    let wrote = || failed("Write error saving DB on disk");
    let mut writer = Writer::new(Stepped::new(file, plan.syncs_in_steps), plan.options);
    for (name, value) in &plan.aux {
        writer.aux(name, value).map_err(wrote())?;
    }
    for source in &plan.functions {
        writer.function(source).map_err(wrote())?;
    }
    for (db, count) in capture.counts().iter().enumerate().filter(|(_, count)| count.keys > 0) {
        writer.database(db, count.keys, count.expiring).map_err(wrote())?;
    }
    let mut peak = 0;
    let result = capture.run(&mut writer, usage, &mut |progress: Progress| {
        peak = peak.max(progress.waiting_bytes);
        pace(progress)
    });
    let progress = result.map_err(|failure| match failure {
        Failure::Sink(error) => wrote()(error),
        Failure::Spill(error) => failed("Write error saving copies on disk")(error),
        Failure::Stopped => failed("Saving was stopped")(io::ErrorKind::Interrupted.into()),
        Failure::Warm(reason) => failed("Read error in the warm tier while saving")(io::Error::other(reason)),
        Failure::Torn(count) => {
            failed("Internal error while saving")(io::Error::other(format!("{count} collections are not whole")))
        }
    })?;
    let bytes = writer.written();
    let file = writer.finish().map_err(wrote())?.into_file();
    file.sync_all().map_err(wrote())?;
    Ok(Saved { keys: progress.keys, bytes, copied_bytes_peak: peak })
}

/// A file without a name, for copies that find no room in memory.
fn spill_file(path: &Path) -> io::Result<File> {
    let path = temporary(path, "copies");
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}
