//! The warm tier: values that gave way to others in memory, in files, until somebody asks for them.
//!
//! The files are room, not memory of anything: what is acknowledged is in the log and its base, or was never promised
//! to outlive the process. They are made anew at each start and removed at its end, and nothing is ever synced.
//!
//! - `payload`: a value's bytes. `block`: what stands around them in a file, and tells damage.
//! - `file`: the files. Blocks are only ever appended; a file goes when nothing in it is needed.
//! - `spill`: the thread that writes values and copies what is left in files that are mostly garbage.
//! - `fetch`: the threads that read. `cache`: blocks that were read lately.
//!
//! # Invariants
//! - Nobody here takes a shard's lock; the index of `keyspace::warm` says what is needed.
//! - A value leaves memory only after its block was written as a whole.
//! - A block that is not what was written, whatever the disk does, is an error for its value alone. Files are read by
//!   pread(2): one that is cut short is an error too, not a signal.

mod block;
mod cache;
mod fetch;
mod file;
mod payload;
mod spill;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use keyspace::import::Limits;
use keyspace::warm::held_bytes;
use parking_lot::Mutex;

pub use fetch::{Fault, Fetched};

use crate::disk::Disk;
use cache::Cache;
use fetch::Reads;
use file::Files;
use spill::Spill;

/// How a tier is set up.
pub struct Options {
    /// The directory of its files.
    pub dir: PathBuf,
    /// Bytes that the files may take; 0: as much as there is.
    pub bytes_max: u64,
    /// Bytes of blocks that were read once and are kept for a while.
    pub cache_bytes: usize,
    /// The settings that shape collections, at any time.
    pub limits: Box<dyn Fn() -> Limits + Send + Sync>,
}

/// What a tier did since it was opened.
#[derive(Default)]
pub struct Counts {
    /// Values that were written.
    pub demotions: AtomicU64,
    /// Values that were in the cache of blocks when somebody asked.
    pub cache_hits: AtomicU64,
    /// Values that were read from a file.
    pub reads: AtomicU64,
    /// Reads that failed.
    pub read_errors: AtomicU64,
    /// Writes that failed.
    pub write_errors: AtomicU64,
    /// Files that were emptied by copying what was needed.
    pub compactions: AtomicU64,
    /// Bytes that this copied.
    pub compacted_bytes: AtomicU64,
    /// Bytes of blocks that were written.
    pub written_bytes: AtomicU64,
}

/// Whether the tier takes more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// It does.
    Free,
    /// It will, once what it has was written or tidied.
    Soon,
    /// It is full, or cannot write.
    None,
}

/// See the module's head.
pub struct Tier {
    inner: Arc<Inner>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Inner {
    options: Options,
    bytes_max: AtomicU64,
    files: Files,
    spill: Spill,
    reads: Reads,
    cache: Mutex<Cache>,
    counts: Counts,
    is_over: AtomicBool,
}

/// Threads that read: a slow block must not hold up all others.
const READERS: usize = 4;

impl Tier {
    /// Opens a tier in a directory, which is made, and removes the files of an earlier one from it.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> io::Result<Arc<Self>> {
        let files = Files::open(disk, &options.dir)?;
        let inner = Arc::new(Inner {
            bytes_max: AtomicU64::new(options.bytes_max),
            files,
            spill: Spill::default(),
            reads: Reads::default(),
            cache: Mutex::new(Cache::new(options.cache_bytes)),
            counts: Counts::default(),
            is_over: AtomicBool::new(false),
            options,
        });
        let mut threads = Vec::new();
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        let spilling = inner.clone();
        threads.push(named("warm-write").spawn(move || spilling.spill_until_over())?);
        for _ in 0..READERS {
            let reading = inner.clone();
            threads.push(named("warm-read").spawn(move || reading.read_until_over())?);
        }
        Ok(Arc::new(Self { inner, threads: Mutex::new(threads) }))
    }

    /// The directory of its files.
    pub fn dir(&self) -> &Path {
        &self.inner.options.dir
    }

    /// Changes how much the files may take.
    pub fn set_bytes_max(&self, bytes: u64) {
        self.inner.bytes_max.store(bytes, Relaxed);
        self.inner.spill.nudge();
    }

    /// Changes how much the cache of blocks may take.
    pub fn set_cache_bytes(&self, bytes: usize) {
        self.inner.cache.lock().set_bytes_max(bytes);
    }

    /// Whether it takes more, when at most `held_max` bytes may wait to be written.
    pub fn room(&self, held_max: usize) -> Room {
        self.inner.spill.set_held_max(held_max);
        self.inner.room(held_max)
    }

    /// What it did.
    pub fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    /// Bytes of its files, of the blocks in them that are needed, and how many files there are.
    pub fn sizes(&self) -> (u64, u64, usize) {
        (self.inner.files.bytes(), self.inner.files.live_bytes(), self.inner.files.count())
    }

    /// Bytes that the files may take.
    pub fn bytes_max(&self) -> u64 {
        self.inner.bytes_max.load(Relaxed)
    }

    /// Bytes of the cache of blocks.
    pub fn cache_bytes(&self) -> usize {
        self.inner.cache.lock().bytes()
    }

    /// Why it cannot write at the moment, if so.
    pub fn failure(&self) -> Option<String> {
        self.inner.spill.failure()
    }
}

impl Inner {
    fn room(&self, held_max: usize) -> Room {
        if self.spill.is_failing() {
            return Room::None;
        }
        let (held, max) = (held_bytes(), self.bytes_max.load(Relaxed));
        let used = self.files.bytes() + held as u64;
        if max == 0 || used < max {
            return if held < held_max { Room::Free } else { Room::Soon };
        }
        // What is garbage by now is room to come, unless too little of it is left to make tidying worth it.
        let hopes = self.files.live_bytes() + (held as u64) < max / 4 * 3 && !self.spill.is_stuck();
        if hopes { Room::Soon } else { Room::None }
    }
}

impl Drop for Tier {
    fn drop(&mut self) {
        self.inner.is_over.store(true, Relaxed);
        self.inner.spill.nudge();
        self.inner.reads.nudge();
        for thread in self.threads.lock().drain(..) {
            // The last owner may be a job of one of them.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
        self.inner.files.remove_all();
    }
}
