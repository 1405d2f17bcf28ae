//! The disk as the log sees it: the real one, and one in memory that fails and forgets on command.
//!
//! Invariants: nothing is durable before `sync_data` of its file has returned without an error; a name (created,
//! renamed, removed) is durable only after `sync_dir` of its directory; after a failed `sync_data` nothing that was
//! written to that file since its last successful one may be believed, however many syncs succeed afterwards.

mod cached;
mod real;
pub mod simulated;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use real::RealDisk;

/// Directories and whole files.
pub trait Disk: Send + Sync {
    /// A new empty file to append to; what had the name is emptied.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// The whole content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The first bytes of a file, at most `len` of them.
    fn read_start(&self, path: &Path, len: usize) -> io::Result<Vec<u8>>;
    /// Bytes that a file has.
    fn len(&self, path: &Path) -> io::Result<u64>;
    /// Gives a file another name, atomically in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names of the files in a directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory and those above it; one that is there is no error.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Gives back what [`DiskFile::set_aside`] took and nothing was appended to.
    fn trim(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that grows at its end.
pub trait DiskFile: Send + Sync {
    /// Appends some of the bytes, as write(2) does: how many.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Takes room on the disk for so many bytes, which are about to be appended, where the file system can do that;
    /// the file stays as long as it is, and appending never depends on it.
    fn set_aside(&self, len: u64);
    /// Makes what was appended durable.
    fn sync_data(&self) -> io::Result<()>;
    /// Fills the buffer with bytes from a place on, as pread(2) does: how many; 0 at the file's end.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// As `read_at`, as far as it needs no waiting for a device; [`io::ErrorKind::WouldBlock`] where it would.
    fn read_at_now(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Appends all of the bytes; on an error, `done` tells how many the file has.
pub fn append_all(file: &dyn DiskFile, bytes: &[u8], done: &mut usize) -> io::Result<()> {
    while *done < bytes.len() {
        match file.append(&bytes[*done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => *done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts `bytes` in the place of a file so that after a crash there is the old content or the new, never a mixture.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let file = disk.create(&temporary)?;
    append_all(&*file, bytes, &mut 0)?;
    file.sync_data()?;
    disk.rename(&temporary, path)?;
    match path.parent() {
        Some(dir) => disk.sync_dir(dir),
        None => Ok(()),
    }
}
