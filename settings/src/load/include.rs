//! Reading configuration files: patterns of `include`, and bounds on what is read.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::kind::Reason;
use crate::load::error::LoadError;

/// All configuration text together; files that include each other over and over end here.
const TEXT_MAX_BYTES: u64 = 64 << 20;

/// The most files that one pattern may name.
const FILES_MAX: usize = 1024;

/// How much may still be read.
pub(super) struct Budget {
    left_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left_bytes: TEXT_MAX_BYTES }
    }
}

impl Budget {
    pub(super) fn read_file(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let refuse = |reason| LoadError::File { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(|error| refuse(base::system::reason(&error)))?;
        self.read(&mut file, path)
    }

    pub(super) fn read(&mut self, from: &mut dyn Read, path: &Path) -> Result<Vec<u8>, LoadError> {
        let refuse = |reason| LoadError::File { path: path.to_owned(), reason };
        let mut text = Vec::new();
        let read = from.take(self.left_bytes + 1).read_to_end(&mut text);
        read.map_err(|error| refuse(base::system::reason(&error)))?;
        // A small file that is read again and again counts for more than its bytes.
        let cost = (text.len() as u64).max(4096);
        self.left_bytes = self.left_bytes.checked_sub(cost).ok_or_else(|| {
            let mebibytes = TEXT_MAX_BYTES >> 20;
            refuse(format!("the configuration and its includes are larger than {mebibytes} MiB together"))
        })?;
        Ok(text)
    }
}

/// The files that the pattern of an `include` names, in order. A pattern may name none; a plain path always names
/// its file.
pub(super) fn expand(base: &Path, pattern: &[u8]) -> Result<Vec<PathBuf>, Reason> {
    if !is_pattern(pattern) {
        return Ok(vec![base.join(OsStr::from_bytes(pattern))]);
    }
    let root = if pattern.starts_with(b"/") { Path::new("/") } else { base };
    let mut paths = vec![root.to_owned()];
    for part in pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        paths = if is_pattern(part) {
            matching(&paths, part)
        } else {
            paths.iter().map(|path| path.join(OsStr::from_bytes(part))).collect()
        };
        if paths.len() > FILES_MAX {
            return Err(format!("include names more than {FILES_MAX} files: use a narrower pattern"));
        }
    }
    paths.retain(|path| path.exists());
    Ok(paths)
}

fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The entries of the directories that match; one that cannot be read holds none.
fn matching(directories: &[PathBuf], part: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in directories.iter().filter_map(|path| path.read_dir().ok()).flatten().flatten() {
        let name = entry.file_name();
        let shown = part.starts_with(b".") || !name.as_bytes().starts_with(b".");
        if shown && base::glob::matches(part, name.as_bytes(), false) {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
