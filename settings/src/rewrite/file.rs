//! Replacing the configuration file so that a crash leaves the old one or the new one.
//!
//! The new text goes to a file of its own in the same directory, is forced to disk, takes the old one's name, and
//! the directory is forced to disk.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::Extent;
use crate::store::Settings;

/// Why the file was not rewritten. Displayed, it is Redis's error without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RewriteError {
    /// There is no file to rewrite.
    NoFile,
    /// The system refused.
    System {
        /// The system's words.
        reason: String,
    },
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => f.write_str("The server is running without a config file"),
            Self::System { reason } => write!(f, "Rewriting config file: {reason}"),
        }
    }
}

impl std::error::Error for RewriteError {}

impl Settings {
    /// Rewrites the file that the server was started with. `users` are the lines of all users, each from its name
    /// on; `None` leaves `user` lines alone.
    ///
    /// Blocks on the disk: keep it off the threads that serve clients.
    pub fn rewrite(&self, users: Option<&[Vec<u8>]>, extent: Extent) -> Result<(), RewriteError> {
        let path = self.config_file().ok_or(RewriteError::NoFile)?;
        let _writer = self.writer.lock();
        let system = |error: io::Error| RewriteError::System { reason: base::system::reason(&error) };
        // A link stays a link: what it leads to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let old = match fs::read(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(system)?,
        };
        replace(&target, &self.rewritten(&old, users, extent)).map_err(system)
    }
}

fn replace(target: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(target);
    let written = write_new(&temporary, target, text).and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        // What is left is of no use to anyone; the error that counts is the first.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Rewriting is done under a lock, so a process needs one name.
fn temporary_beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", process::id()));
    target.with_file_name(name)
}

fn write_new(temporary: &Path, target: &Path, text: &[u8]) -> io::Result<()> {
    // One that a crash of an earlier process with this id left behind must not stand in the way.
    let _ = fs::remove_file(temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    if let Ok(metadata) = fs::metadata(target) {
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()
}
