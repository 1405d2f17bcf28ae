//! The tier's files: blocks are appended to one of them; the others are read until nothing in them is needed.
//!
//! # Invariants
//! - A file is removed when the last one lets go of its segment: the list here, or a read that is under way.
//! - Only the writing thread appends and seals.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use keyspace::warm::{Backing, Segment};
use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile, append_all};

/// The names of its files are these around a number.
const PREFIX: &str = "warm-";
const SUFFIX: &str = ".blocks";

/// Numbers of all files of the process, so that no two are one in anybody's eyes.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What all files take together, and which there are.
#[derive(Default)]
struct Totals {
    bytes: AtomicU64,
    paths: Mutex<BTreeSet<PathBuf>>,
}

/// One file.
struct BlockFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    /// What was appended so far.
    len: Arc<AtomicU64>,
    totals: Arc<Totals>,
}

impl Backing for BlockFile {
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(at + done as u64, &mut buffer[done..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_now(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self.file.read_at_now(at, buffer)? {
            read if read == buffer.len() => Ok(()),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Drop for BlockFile {
    fn drop(&mut self) {
        self.totals.bytes.fetch_sub(self.len.load(Relaxed), Relaxed);
        if self.totals.paths.lock().remove(&self.path) {
            // One that stays is removed by the next start.
            let _ = self.disk.remove(&self.path);
        }
    }
}

/// A file that is written to.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    len: Arc<AtomicU64>,
}

impl Active {
    /// Where the next block is to stand.
    pub(super) fn end(&self) -> u64 {
        self.len.load(Relaxed)
    }
}

/// A file that only waits for its blocks to be needed no more.
#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) segment: Arc<Segment>,
    pub(super) len: u64,
    /// Its blocks cannot be told from each other, so that it stays until none is needed.
    pub(super) is_damaged: bool,
}

/// See the module's head.
pub(super) struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    totals: Arc<Totals>,
    sealed: Mutex<Vec<Sealed>>,
    active: Mutex<Option<Arc<Segment>>>,
}

impl Files {
    /// Makes the directory and removes what an earlier tier left in it.
    pub(super) fn open(disk: Arc<dyn Disk>, dir: &Path) -> io::Result<Self> {
        disk.create_dir(dir)?;
        for name in disk.list(dir)? {
            if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
                disk.remove(&dir.join(name))?;
            }
        }
        let files = Self {
            disk,
            dir: dir.to_owned(),
            totals: Arc::default(),
            sealed: Mutex::default(),
            active: Mutex::default(),
        };
        // Whether it can be written to is better known now than when memory is full.
        files.begin()?;
        *files.active.lock() = None;
        Ok(files)
    }

    /// Begins a file.
    pub(super) fn begin(&self) -> io::Result<Active> {
        let number = NEXT.fetch_add(1, Relaxed);
        let path = self.dir.join(format!("{PREFIX}{number:08}{SUFFIX}"));
        let file = self.disk.create(&path)?;
        self.totals.paths.lock().insert(path.clone());
        let (disk, totals, len) = (self.disk.clone(), self.totals.clone(), Arc::<AtomicU64>::default());
        let backing = BlockFile { disk, path, file: file.clone(), len: len.clone(), totals };
        let segment = Arc::new(Segment::new(number, Box::new(backing)));
        *self.active.lock() = Some(segment.clone());
        Ok(Active { segment, file, len })
    }

    /// Appends whole blocks. After an error the file takes no more.
    pub(super) fn append(&self, active: &mut Active, bytes: &[u8]) -> io::Result<()> {
        let mut done = 0;
        let result = append_all(&*active.file, bytes, &mut done);
        active.len.fetch_add(done as u64, Relaxed);
        self.totals.bytes.fetch_add(done as u64, Relaxed);
        result
    }

    /// Nothing is written to a file any more.
    pub(super) fn seal(&self, active: Active) {
        let len = active.end();
        let sealed = Sealed { segment: active.segment, len, is_damaged: false };
        self.sealed.lock().push(sealed);
        *self.active.lock() = None;
    }

    /// Lets go of files in which nothing is needed.
    pub(super) fn sweep(&self) {
        let mut gone = Vec::new();
        self.sealed.lock().retain(|sealed| {
            let is_needed = sealed.segment.live_bytes() > 0;
            if !is_needed {
                gone.push(sealed.clone());
            }
            is_needed
        });
        // Removing a file takes the disk: not under the lock.
        drop(gone);
    }

    /// The sealed file with the least of it needed, that share at most `share_max` of 256.
    pub(super) fn emptiest(&self, share_max: u64) -> Option<Sealed> {
        let sealed = self.sealed.lock();
        let share =
            |sealed: &Sealed| sealed.segment.live_bytes().saturating_mul(256).checked_div(sealed.len).unwrap_or(0);
        let best = sealed.iter().filter(|sealed| !sealed.is_damaged).min_by_key(|sealed| share(sealed))?;
        (share(best) <= share_max).then(|| best.clone())
    }

    /// Notes that a file cannot be tidied.
    pub(super) fn give_up(&self, number: u64) {
        for sealed in &mut *self.sealed.lock() {
            sealed.is_damaged |= sealed.segment.number == number;
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.totals.bytes.load(Relaxed)
    }

    pub(super) fn live_bytes(&self) -> u64 {
        let sealed: u64 = self.sealed.lock().iter().map(|sealed| sealed.segment.live_bytes()).sum();
        sealed + self.active.lock().as_ref().map_or(0, |segment| segment.live_bytes())
    }

    pub(super) fn count(&self) -> usize {
        self.totals.paths.lock().len()
    }

    /// Removes the files, though entries may still name blocks in them.
    pub(super) fn remove_all(&self) {
        self.sealed.lock().clear();
        *self.active.lock() = None;
        for path in std::mem::take(&mut *self.totals.paths.lock()) {
            let _ = self.disk.remove(&path);
        }
    }
}
