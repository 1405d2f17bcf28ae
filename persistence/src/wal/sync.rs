//! What the sync thread does: it makes durable what was written, prepares segments, and after a failure goes on in a
//! new one.
//!
//! Invariants: only one thread at a time is here; `durable` advances only after a sync without an error of all files
//! that have the records, or after all of them were written again and synced; the lock of the writer is not held
//! during a sync, so cores do not wait for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use super::Seq;
use super::files::{SEGMENT_HEAD_LEN, SegmentHead, segment_path};
use super::log::{Log, Notice, Policy};
use super::writer::{LOSS_MAX, Segment, Writer};
use crate::disk::{DiskFile, append_all};

/// Between two tries to go on after a failure.
const RETRY: Duration = Duration::from_millis(100);
/// How long the thread rests when nothing is due.
const REST: Duration = Duration::from_secs(1);
/// After so much of the second that may be lost a sync begins at the latest.
const SYNC_AFTER_MAX: Duration = Duration::from_millis(800);
const SYNC_AFTER_MIN: Duration = Duration::from_millis(100);

/// What a sync is about to make durable.
struct Target {
    files: Vec<Arc<dyn DiskFile>>,
    last: Seq,
}

impl Log {
    /// Does what is due now, and says when to come back unless kicked before.
    pub fn step(&self) -> Duration {
        let _stepping = self.stepping.lock();
        self.do_due()
    }

    fn do_due(&self) -> Duration {
        if self.is_failed.load(SeqCst) && self.go_on().is_err() {
            return RETRY;
        }
        if let Err(error) = self.prepare() {
            self.fail("cannot make a segment of the log", &error);
            return RETRY;
        }
        if self.policy() == Policy::Always {
            self.write_all();
        }
        let rest = self.until_sync();
        if !rest.is_zero() {
            if rest == REST {
                self.mark_idle();
            }
            return rest;
        }
        self.sync();
        if self.is_failed.load(SeqCst) { RETRY } else { self.until_sync() }
    }

    /// Makes everything durable that is appended without a gap; for the end of a process and for those who need to
    /// know. An error says why it could not be done.
    pub fn sync_all(&self) -> Result<(), String> {
        let _stepping = self.stepping.lock();
        let wanted = self.last_reserved();
        for _ in 0..3 {
            self.do_due();
            self.write_all();
            if !self.is_failed.load(SeqCst) {
                self.sync();
            }
            if self.durable.get() >= wanted {
                return Ok(());
            }
        }
        Err(self.failure().unwrap_or_else(|| "effects before it have not been appended yet".to_owned()))
    }

    fn until_sync(&self) -> Duration {
        let writer = self.writer.lock();
        let Some(oldest) = writer.oldest else { return REST };
        if writer.unsynced_len() > self.unsynced_max {
            return Duration::ZERO;
        }
        match self.policy() {
            Policy::Always => Duration::ZERO,
            Policy::No => REST,
            Policy::EverySecond => {
                // The sync itself has to fit into the second, too.
                let last = Duration::from_micros(self.counters.last_sync_us.load(Relaxed));
                let after = LOSS_MAX.saturating_sub(2 * last).clamp(SYNC_AFTER_MIN, SYNC_AFTER_MAX);
                after.saturating_sub((self.clock)().saturating_duration_since(oldest))
            }
        }
    }

    /// Without traffic nobody else says how far it is durable.
    fn mark_idle(&self) {
        self.with_writer(|writer| {
            if self.is_failed.load(SeqCst) || writer.oldest.is_some() {
                return;
            }
            writer.rest();
            self.note_unsynced(writer);
            if self.durable.get() > writer.marked {
                self.mark(writer);
                self.write(writer);
                if !self.is_failed.load(SeqCst) {
                    // It needs no sync: losing it loses nothing.
                    writer.records.clear();
                    writer.records_written = 0;
                }
            }
        });
    }

    /// Makes durable what is written now.
    fn sync(&self) {
        let Some(target) = self.with_writer(|writer| self.begin_sync(writer)) else { return };
        let start = (self.clock)();
        let result = target.files.iter().try_for_each(|file| file.sync_data());
        let took = (self.clock)().saturating_duration_since(start);
        self.is_syncing.store(false, SeqCst);
        self.counters.last_sync_us.store(took.as_micros() as u64, Relaxed);
        self.with_writer(|writer| match result {
            Ok(()) => self.end_sync(writer, &target, took),
            Err(error) => self.fail("cannot sync the log", &error),
        });
    }

    fn begin_sync(&self, writer: &mut Writer) -> Option<Target> {
        self.drain(writer);
        if self.is_failed.load(SeqCst) {
            return None;
        }
        writer.end_chunk();
        writer.oldest_in_sync = writer.oldest.take();
        self.is_syncing.store(true, SeqCst);
        let mut files = writer.ended.clone();
        files.push(writer.file.clone());
        Some(Target { files, last: self.written.get() })
    }

    fn end_sync(&self, writer: &mut Writer, target: &Target, took: Duration) {
        let is_late = writer
            .oldest_in_sync
            .take()
            .is_some_and(|oldest| (self.clock)().saturating_duration_since(oldest) > LOSS_MAX);
        // Whoever ended a segment meanwhile has put it behind these.
        writer.ended.drain(..(target.files.len() - 1).min(writer.ended.len()));
        writer.forget_until(target.last);
        self.counters.syncs.fetch_add(1, Relaxed);
        self.note_unsynced(writer);
        if is_late && self.policy() == Policy::EverySecond {
            self.counters.delayed.fetch_add(1, Relaxed);
            (self.notice)(Notice::SlowSync(took));
        }
        self.durable.advance(target.last);
        self.settle(writer);
    }

    /// Makes the file of the next segment, so that going over to it costs the writer one write.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let _making = self.making.lock();
        let number = {
            let writer = self.writer.lock();
            let len = writer.segments.back().map_or(0, |segment| segment.len);
            if writer.prepared.is_some() || len < self.segment_len / 2 {
                return Ok(());
            }
            writer.number() + 1
        };
        let file = self.make(number)?;
        // A log that has filled half a segment will fill the next: a write into room that is there costs a quarter less.
        file.set_aside(self.segment_len);
        self.writer.lock().prepared = Some(file);
        Ok(())
    }

    /// A new file with a durable name; `making` is held.
    pub(super) fn make(&self, number: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.create(&segment_path(&self.dir, number))?;
        self.disk.sync_dir(&self.dir)?;
        Ok(file)
    }

    /// After a failure: a new segment gets everything that is not surely durable, and is synced.
    fn go_on(&self) -> io::Result<()> {
        let _making = self.making.lock();
        let number = self.writer.lock().number() + 1;
        let result = self.make(number).and_then(|file| self.with_writer(|writer| self.write_again(writer, file)));
        match &result {
            Ok(()) => (self.notice)(Notice::Mended { segment: number }),
            Err(error) => {
                // What it took of a full disk is needed.
                let _ = self.disk.remove(&segment_path(&self.dir, number));
                *self.failure.lock() = format!("cannot go on in a new segment of the log: {error}");
                (self.notice)(Notice::StillFailed(error.to_string()));
            }
        }
        result
    }

    fn write_again(&self, writer: &mut Writer, file: Arc<dyn DiskFile>) -> io::Result<()> {
        writer.gather(self);
        writer.prepared = None;
        let (number, first_seq) = (writer.number() + 1, self.durable.get() + 1);
        let head = SegmentHead { id: self.id, number, first_seq };
        append_all(&*file, &head.to_bytes(), &mut 0)?;
        let mut len = SEGMENT_HEAD_LEN as u64;
        let chunks = writer.chunks.iter().map(|chunk| &chunk.records).chain([&writer.records]);
        for records in chunks {
            append_all(&*file, records, &mut 0)?;
            len += records.len() as u64;
        }
        file.sync_data()?;
        writer.file = file;
        writer.ended.clear();
        writer.segments.push_back(Segment { number, first_seq, len });
        writer.end_chunk();
        let last = writer.last();
        writer.forget_until(last);
        writer.oldest = None;
        writer.oldest_in_sync = None;
        self.note_len(writer);
        self.note_unsynced(writer);
        self.is_failed.store(false, SeqCst);
        self.written.advance(last);
        self.durable.advance(last);
        self.settle(writer);
        Ok(())
    }
}
