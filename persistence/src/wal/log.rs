//! The log as cores use it: a place in the order, bytes for it, and the question how far it has come.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Seq;
use super::files::{Base, Manifest};
use super::record::{Sealer, push_effect};
use super::threads::Signal;
use super::waiters::Watermark;
use super::writer::Writer;
use crate::disk::Disk;

/// When what was written is made durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// Before the reply.
    Always,
    /// So that a loss of power takes at most the last second of what was acknowledged.
    #[default]
    EverySecond,
    /// When the operating system likes to, or when much has been written.
    No,
}

/// How a log is kept.
pub struct Options {
    /// See [`Policy`].
    pub policy: Policy,
    /// Buffers for [`Log::append`]: one for each thread that appends.
    pub slots: usize,
    /// Bytes from which on a segment is followed by the next.
    pub segment_len: u64,
    /// Bytes that may be written without being durable before a sync is due at once: they are kept in memory.
    pub unsynced_max: usize,
    /// Of a log that is created: a mark of the files of another server whose data its base has. A start that finds
    /// such files tells by it whether they are those, or were written since.
    pub took: u64,
    /// The monotonic clock.
    pub clock: Arc<dyn Fn() -> Instant + Send + Sync>,
    /// Is told what an operator should know; it must not call the log.
    pub notice: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            slots: 1,
            segment_len: 64 << 20,
            unsynced_max: 32 << 20,
            took: 0,
            clock: Arc::new(Instant::now),
            notice: Arc::new(|_| {}),
        }
    }
}

/// What an operator should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Writes are not acknowledged any more, for this reason.
    Failed(String),
    /// Another try to go on in a new segment has failed.
    StillFailed(String),
    /// Writes are acknowledged again; all that was not durable is in the new segment.
    Mended {
        /// The new segment's number.
        segment: u64,
    },
    /// A sync took so long that replies had to wait to keep the bound.
    SlowSync(Duration),
}

/// What INFO and the metrics show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Bytes of all segments that are needed.
    pub segments_len: u64,
    /// Bytes that were appended and are not written.
    pub unwritten_len: u64,
    /// Bytes that are kept in memory until they are durable.
    pub unsynced_len: u64,
    /// Bytes of memory that this takes.
    pub buffers_len: u64,
    /// Syncs that succeeded.
    pub syncs: u64,
    /// Syncs and writes that failed.
    pub failures: u64,
    /// Syncs that were so slow that replies had to wait.
    pub delayed: u64,
    /// A sync is running.
    pub is_syncing: bool,
    /// How long the last sync took, in microseconds.
    pub last_sync_us: u64,
}

/// A buffer of one thread, alone on its cache lines.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct Slot {
    pub(super) is_filled: AtomicBool,
    pub(super) effects: Mutex<Vec<u8>>,
}

#[repr(align(128))]
struct Next(AtomicU64);

/// Numbers for [`Stats`].
#[derive(Default)]
pub(super) struct Counters {
    pub(super) segments_len: AtomicU64,
    pub(super) unsynced_len: AtomicU64,
    pub(super) buffers_len: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) delayed: AtomicU64,
    pub(super) last_sync_us: AtomicU64,
}

/// See the module's head.
pub struct Log {
    next: Next,
    pub(super) slots: Box<[Slot]>,
    pub(super) written: Watermark,
    pub(super) durable: Watermark,
    pub(super) settled: Watermark,
    policy: AtomicU8,
    /// A sync is running: cores leave writing to the helper, since a write may wait for the same device.
    pub(super) is_syncing: AtomicBool,
    /// Something was appended since the writer last looked.
    is_dirty: AtomicBool,
    pub(super) is_failed: AtomicBool,
    pub(super) failure: Mutex<String>,
    pub(super) writer: Mutex<Writer>,
    /// Held by who syncs.
    pub(super) stepping: Mutex<()>,
    /// Held while a segment is made: two must not get one number. Taken before `writer`.
    pub(super) making: Mutex<()>,
    /// Taken after `making`.
    pub(super) manifest: Mutex<Manifest>,
    pub(super) sync_thread: Signal,
    pub(super) write_thread: Signal,
    pub(super) counters: Counters,
    pub(super) id: u64,
    pub(super) sealer: Sealer,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) segment_len: u64,
    pub(super) unsynced_max: usize,
    pub(super) clock: Arc<dyn Fn() -> Instant + Send + Sync>,
    pub(super) notice: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl Log {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: &Path, manifest: Manifest, writer: Writer, options: Options) -> Self {
        let last = writer.last();
        let log = Self {
            next: Next(AtomicU64::new(last + 1)),
            slots: (0..options.slots.max(1)).map(|_| Slot::default()).collect(),
            written: Watermark::at(last),
            durable: Watermark::at(last),
            settled: Watermark::at(last),
            policy: AtomicU8::new(options.policy as u8),
            is_syncing: AtomicBool::new(false),
            is_dirty: AtomicBool::new(false),
            is_failed: AtomicBool::new(false),
            failure: Mutex::default(),
            id: manifest.id,
            sealer: Sealer::new(manifest.id),
            counters: Counters::default(),
            writer: Mutex::new(writer),
            stepping: Mutex::default(),
            making: Mutex::default(),
            manifest: Mutex::new(manifest),
            sync_thread: Signal::default(),
            write_thread: Signal::default(),
            disk,
            dir: dir.to_owned(),
            segment_len: options.segment_len,
            unsynced_max: options.unsynced_max,
            clock: options.clock,
            notice: options.notice,
        };
        log.note_len(&log.writer.lock());
        log
    }

    /// The next place in the order. To be called under the locks of all that the effect is about; a record for it
    /// must be appended soon, since nothing behind it is written before.
    #[inline]
    pub fn reserve(&self) -> Seq {
        self.next.0.fetch_add(1, SeqCst)
    }

    /// The last place that was reserved.
    #[inline]
    pub fn last_reserved(&self) -> Seq {
        self.next.0.load(SeqCst) - 1
    }

    /// Appends the record for a reserved place; `write` appends the payload. No lock but the slot's own is taken:
    /// a slot belongs to one thread at a time, which appends in the order in which it reserved.
    #[inline]
    pub fn append_with(&self, slot: usize, seq: Seq, write: impl FnOnce(&mut Vec<u8>)) {
        let slot = &self.slots[slot];
        push_effect(&mut slot.effects.lock(), seq, write);
        if !slot.is_filled.load(Relaxed) {
            slot.is_filled.store(true, SeqCst);
        }
    }

    /// As [`Self::append_with`], with the payload at hand.
    #[inline]
    pub fn append(&self, slot: usize, seq: Seq, payload: &[u8]) {
        self.append_with(slot, seq, |out| out.extend_from_slice(payload));
    }

    /// Sees to it that what was appended is written: by this thread now, unless the disk might make it wait; then,
    /// and with `always`, by the log's threads soon. To be called once for as many appends as possible, before
    /// their replies; [`Self::settled`] or [`Self::poll_settled`] then says when those may leave.
    pub fn flush(&self) {
        self.is_dirty.store(true, SeqCst);
        if self.policy() == Policy::Always {
            return self.sync_thread.kick();
        }
        if self.is_syncing.load(SeqCst) {
            return self.write_thread.kick();
        }
        self.write_if_free();
    }

    /// Writes unless another thread does; that one then looks again, so nothing is left behind.
    pub(super) fn write_if_free(&self) {
        while self.is_dirty.load(SeqCst) {
            let Some(mut writer) = self.writer.try_lock() else { return };
            self.is_dirty.store(false, SeqCst);
            self.drain(&mut writer);
        }
    }

    /// Writes what was appended, waiting for whoever writes now.
    pub fn write_all(&self) {
        self.with_writer(|writer| self.drain(writer));
    }

    /// Holds the writer; whoever came meanwhile and went away, since it was held, is served afterwards.
    pub(super) fn with_writer<R>(&self, run: impl FnOnce(&mut Writer) -> R) -> R {
        let mut writer = self.writer.lock();
        self.is_dirty.store(false, SeqCst);
        let result = run(&mut writer);
        drop(writer);
        if self.is_dirty.load(SeqCst) {
            self.flush();
        }
        result
    }

    /// Replies up to here may leave.
    #[inline]
    pub fn settled(&self) -> Seq {
        self.settled.get()
    }

    /// Written to the operating system up to here: survives the death of the process.
    pub fn written(&self) -> Seq {
        self.written.get()
    }

    /// Synced up to here: survives the loss of power.
    pub fn durable(&self) -> Seq {
        self.durable.get()
    }

    /// Ready when replies up to `seq` may leave. A task waits for one number at a time.
    pub fn poll_settled(&self, seq: Seq, cx: &mut Context<'_>) -> Poll<()> {
        self.settled.poll(seq, cx)
    }

    /// Ready when everything up to `seq` is durable. A task waits for one number at a time.
    pub fn poll_durable(&self, seq: Seq, cx: &mut Context<'_>) -> Poll<()> {
        self.durable.poll(seq, cx)
    }

    /// How it is kept.
    #[inline]
    pub fn policy(&self) -> Policy {
        match self.policy.load(Relaxed) {
            0 => Policy::Always,
            1 => Policy::EverySecond,
            _ => Policy::No,
        }
    }

    /// Keeps it another way from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.policy.store(policy as u8, SeqCst);
        // Both threads look: what waits under the old policy is settled under the new one.
        self.write_thread.kick();
        self.sync_thread.kick();
    }

    /// Whether writes can be acknowledged; while not, commands that write are refused with the [`Self::failure`].
    #[inline]
    pub fn is_healthy(&self) -> bool {
        !self.is_failed.load(Relaxed)
    }

    /// Why writes cannot be acknowledged; none when they can.
    pub fn failure(&self) -> Option<String> {
        self.is_failed.load(SeqCst).then(|| self.failure.lock().clone())
    }

    /// See [`Stats`].
    pub fn stats(&self) -> Stats {
        let counters = &self.counters;
        let unwritten: usize = self.slots.iter().map(|slot| slot.effects.lock().len()).sum();
        Stats {
            segments_len: counters.segments_len.load(Relaxed),
            unwritten_len: unwritten as u64,
            unsynced_len: counters.unsynced_len.load(Relaxed),
            buffers_len: counters.buffers_len.load(Relaxed),
            syncs: counters.syncs.load(Relaxed),
            failures: counters.failures.load(Relaxed),
            delayed: counters.delayed.load(Relaxed),
            is_syncing: self.is_syncing.load(Relaxed),
            last_sync_us: counters.last_sync_us.load(Relaxed),
        }
    }

    /// Bytes of memory that records take until they are durable.
    pub fn buffers_len(&self) -> u64 {
        self.counters.buffers_len.load(Relaxed)
    }

    /// What the log starts from now.
    pub fn base(&self) -> Base {
        self.manifest.lock().base.clone()
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The segment is dead from now on: nothing more is written to it, nothing more is acknowledged.
    pub(super) fn fail(&self, what: &str, error: &io::Error) {
        let reason = format!("{what}: {error}");
        self.counters.failures.fetch_add(1, Relaxed);
        self.failure.lock().clone_from(&reason);
        if !self.is_failed.swap(true, SeqCst) {
            (self.notice)(Notice::Failed(reason));
        }
        self.sync_thread.kick();
    }
}
