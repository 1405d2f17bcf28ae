//! Transcripts: redis-cli sessions with the replies they expect (the grammar is in `compat-tests/README.md`).
//!
//! [`parse`] reads a file, [`run`] plays it on a target, [`compare`] holds a reply against the expected lines,
//! [`update`] writes the replies of a real server into lines that have none yet.

pub mod compare;
pub mod parse;
pub mod run;
pub mod update;

use crate::target::Target;
use parse::{File, Proto};
use std::path::{Path, PathBuf};

/// What came of a set of files.
#[derive(Default)]
pub struct Report {
    /// Commands whose reply was compared.
    pub compared: usize,
    /// One text per case that failed, ready to print.
    pub failures: Vec<String>,
}

/// The folder of the transcripts.
pub fn cases_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Every transcript below `dir`, in the order of their paths.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads one transcript, named in messages by its path below the crate's folder.
pub fn read(path: &Path) -> Result<File, String> {
    let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    parse::parse(&shown, &text)
}

/// Plays the transcripts whose path contains `filter` on `target`. With `update`, expected replies that
/// are missing are taken from the target and written into the files.
pub fn play(target: &dyn Target, filter: &str, update: bool) -> Report {
    let mut report = Report::default();
    for path in files(&cases_dir()).iter().filter(|path| path.to_string_lossy().contains(filter)) {
        let file = match read(path) {
            Ok(file) => file,
            Err(failure) => {
                report.failures.push(failure);
                continue;
            }
        };
        let mut fills = update::Fills::new(update);
        for proto in [Proto::Resp2, Proto::Resp3] {
            if file.protos.contains(&proto) {
                run::file(&file, proto, target, &mut fills, &mut report);
            }
        }
        if let Err(failure) = fills.write(path) {
            report.failures.push(failure);
        }
    }
    report
}

/// Plays everything that `TRANSCRIPTS` (a part of a path) selects and panics with what differs.
pub fn check(target: &dyn Target) {
    let filter = std::env::var("TRANSCRIPTS").unwrap_or_default();
    let report = play(target, &filter, false);
    assert!(report.compared > 0, "no transcript matches '{filter}'");
    let failures = report.failures.join("\n");
    assert!(failures.is_empty(), "{} on {}:\n\n{failures}", report.failures.len(), target.name());
}
