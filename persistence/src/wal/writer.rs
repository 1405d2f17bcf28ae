//! From the cores' buffers, in the order of their sequence numbers, into the segment.
//!
//! Invariants: `records` followed by nothing is what comes after the last chunk; `records_written` of its bytes are
//! in the segment; a chunk is written as a whole, and ends where a sync began, so that a sync that succeeds frees
//! whole chunks; nothing is written to a segment after a failure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use super::Seq;
use super::files::{SEGMENT_HEAD_LEN, SegmentHead};
use super::log::{Log, Policy};
use super::record::{HEAD_LEN, Kind, Sealer, effect_head};
use crate::disk::{DiskFile, append_all};

/// No reply leaves while something older than this is not durable, with `everysec`.
pub(super) const LOSS_MAX: Duration = Duration::from_secs(1);
/// From here on replies wait for a sync, whatever the policy: the disk does not keep up.
const UNSYNCED_TIMES_MAX: usize = 8;
/// A buffer that has grown beyond this gives its room back.
const KEPT_LEN: usize = 1 << 20;
/// Room for a chunk that ends by its length, and for what comes with the last write to it.
const CHUNK_ROOM: usize = KEPT_LEN + (KEPT_LEN >> 2);
/// Buffers that are kept for the next chunks while there is something to write, at most: as many as wait for a sync.
const SPARE_MAX: usize = 32;

/// Effects of one slot that were taken from it; those before `at` are in order already.
#[derive(Default)]
pub(super) struct Taken {
    effects: Vec<u8>,
    at: usize,
}

/// Written records that are not durable.
pub(super) struct Chunk {
    pub(super) records: Vec<u8>,
    pub(super) last: Seq,
}

/// A segment that is still needed.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) first_seq: Seq,
    pub(super) len: u64,
}

/// See the module's head.
pub(super) struct Writer {
    pub(super) file: Arc<dyn DiskFile>,
    /// All that are needed; the last is the one that is written.
    pub(super) segments: VecDeque<Segment>,
    /// Ended segments that are not synced.
    pub(super) ended: Vec<Arc<dyn DiskFile>>,
    /// The next segment's file, named durably, without its head.
    pub(super) prepared: Option<Arc<dyn DiskFile>>,
    taken: Vec<Taken>,
    /// The sequence number that comes next into `records`.
    pub(super) next: Seq,
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) records: Vec<u8>,
    pub(super) records_written: usize,
    pub(super) chunks_len: usize,
    /// The memory that the chunks take, which is more than their records.
    chunks_capacity: usize,
    /// Since when something is written and not durable, that no running sync covers.
    pub(super) oldest: Option<Instant>,
    /// The same of what the running sync covers.
    pub(super) oldest_in_sync: Option<Instant>,
    /// What the last [`Kind::Synced`] record said.
    pub(super) marked: Seq,
    spare: Vec<Vec<u8>>,
}

impl Writer {
    pub(super) fn new(file: Arc<dyn DiskFile>, segments: VecDeque<Segment>, next: Seq) -> Self {
        Self {
            file,
            segments,
            ended: Vec::new(),
            prepared: None,
            taken: Vec::new(),
            next,
            chunks: VecDeque::new(),
            records: Vec::new(),
            records_written: 0,
            chunks_len: 0,
            chunks_capacity: 0,
            oldest: None,
            oldest_in_sync: None,
            marked: 0,
            spare: Vec::new(),
        }
    }

    /// The last sequence number that is in order.
    pub(super) fn last(&self) -> Seq {
        self.next - 1
    }

    /// The number of the segment that is written.
    pub(super) fn number(&self) -> u64 {
        self.segments.back().map_or(0, |segment| segment.number)
    }

    pub(super) fn unsynced_len(&self) -> usize {
        self.chunks_len + self.records.len()
    }

    /// Bytes of memory of all that is kept for the disk.
    fn buffers_len(&self) -> usize {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        self.chunks_capacity + self.records.capacity() + spare
    }

    /// Since when something that was acknowledged may be lost.
    fn at_risk_since(&self) -> Option<Instant> {
        self.oldest_in_sync.or(self.oldest)
    }

    /// Ends the chunk that grows.
    pub(super) fn end_chunk(&mut self) {
        if !self.records.is_empty() {
            // One that has filled up is followed by one that will, and growing costs copies and page faults.
            let room = if self.records.len() > KEPT_LEN { CHUNK_ROOM } else { 0 };
            let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(room));
            let records = std::mem::replace(&mut self.records, next);
            self.chunks_len += records.len();
            self.chunks_capacity += records.capacity();
            self.chunks.push_back(Chunk { records, last: self.last() });
            self.records_written = 0;
        }
    }

    /// Forgets what is durable now.
    pub(super) fn forget_until(&mut self, durable: Seq) {
        while let Some(chunk) = self.chunks.pop_front_if(|chunk| chunk.last <= durable) {
            self.chunks_len -= chunk.records.len();
            self.chunks_capacity -= chunk.records.capacity();
            let mut records = chunk.records;
            if self.spare.len() < SPARE_MAX && records.capacity() <= 4 * KEPT_LEN {
                records.clear();
                self.spare.push(records);
            }
        }
    }

    /// Nothing was written for a while: gives back the room for more.
    pub(super) fn rest(&mut self) {
        self.spare = Vec::new();
        if self.records.is_empty() {
            self.records = Vec::new();
        }
    }

    /// Takes what the slots have, and puts what is next in the order into `records`, as one record, as far as there is
    /// no gap.
    pub(super) fn gather(&mut self, log: &Log) {
        self.taken.resize_with(log.slots.len(), Taken::default);
        for (slot, taken) in log.slots.iter().zip(&mut self.taken) {
            if slot.is_filled.load(SeqCst) {
                taken.take_from(slot);
            }
        }
        let (first, start) = (self.next, Sealer::begin(&mut self.records));
        let mut idle = 0;
        while idle < self.taken.len() {
            for taken in &mut self.taken {
                match taken.move_run(self.next, &mut self.records) {
                    0 => idle += 1,
                    moved => {
                        self.next += moved;
                        idle = 0;
                    }
                }
            }
        }
        if self.next == first {
            self.records.truncate(start);
        } else {
            debug_assert!(self.records.len() > start + HEAD_LEN);
            log.sealer.seal(&mut self.records, start, Kind::Effects, first);
        }
    }
}

impl Taken {
    fn take_from(&mut self, slot: &super::log::Slot) {
        let mut effects = slot.effects.lock();
        slot.is_filled.store(false, SeqCst);
        if self.at == self.effects.len() {
            self.effects.clear();
            self.effects.shrink_to(KEPT_LEN);
            self.at = 0;
            std::mem::swap(&mut self.effects, &mut effects);
        } else {
            self.effects.drain(..std::mem::take(&mut self.at));
            self.effects.append(&mut effects);
        }
    }

    /// Moves the effects from `next` on that stand here without a gap: how many.
    fn move_run(&mut self, next: Seq, out: &mut Vec<u8>) -> u64 {
        let start = self.at;
        let mut moved = 0;
        while let Some((seq, len)) = effect_head(&self.effects[self.at..]) {
            if seq != next + moved {
                break;
            }
            self.at += len;
            moved += 1;
        }
        out.extend_from_slice(&self.effects[start..self.at]);
        moved
    }
}

impl Log {
    /// Writes what was appended, as far as there is no gap in the order, and advances what follows from it.
    pub(super) fn drain(&self, writer: &mut Writer) {
        if self.is_failed.load(SeqCst) {
            return;
        }
        let is_behind = writer.unsynced_len() > UNSYNCED_TIMES_MAX * self.unsynced_max;
        if is_behind {
            return self.sync_thread.kick();
        }
        let before = writer.last();
        writer.gather(self);
        if writer.last() == before && writer.records_written == writer.records.len() {
            return self.settle(writer);
        }
        self.mark(writer);
        self.rotate_if_long(writer, before + 1);
        self.write(writer);
        if !self.is_failed.load(SeqCst) {
            self.written.advance(writer.last());
            if writer.oldest.is_none() {
                writer.oldest = Some((self.clock)());
                self.sync_thread.kick();
            }
            self.settle(writer);
        }
        if writer.records.len() > KEPT_LEN {
            if !self.is_failed.load(SeqCst) {
                writer.end_chunk();
            }
            if writer.unsynced_len() > self.unsynced_max {
                self.sync_thread.kick();
            }
        }
        self.note_unsynced(writer);
    }

    /// Says in the log how far it was durable, where that has not been said.
    pub(super) fn mark(&self, writer: &mut Writer) {
        let durable = self.durable.get();
        if durable > writer.marked {
            let start = Sealer::begin(&mut writer.records);
            self.sealer.seal(&mut writer.records, start, Kind::Synced, durable);
            writer.marked = durable;
        }
    }

    /// Brings the rest of `records` into the segment.
    pub(super) fn write(&self, writer: &mut Writer) {
        if self.is_failed.load(SeqCst) {
            return;
        }
        let start = writer.records_written;
        let result = append_all(&*writer.file, &writer.records, &mut writer.records_written);
        if let Some(segment) = writer.segments.back_mut() {
            segment.len += (writer.records_written - start) as u64;
        }
        self.note_len(writer);
        if let Err(error) = result {
            self.fail("cannot write to the log", &error);
        }
    }

    fn rotate_if_long(&self, writer: &mut Writer, first_seq: Seq) {
        let len = writer.segments.back().map_or(0, |segment| segment.len);
        if len >= self.segment_len && writer.prepared.is_some() {
            self.rotate(writer, first_seq);
        } else if len >= self.segment_len / 2 && writer.prepared.is_none() {
            self.sync_thread.kick();
        }
    }

    /// Goes on in the prepared segment; `first_seq` is the first that it gets.
    pub(super) fn rotate(&self, writer: &mut Writer, first_seq: Seq) {
        let Some(file) = writer.prepared.take() else { return };
        let number = writer.number() + 1;
        let head = SegmentHead { id: self.id, number, first_seq };
        if let Err(error) = append_all(&*file, &head.to_bytes(), &mut 0) {
            return self.fail("cannot write to the log", &error);
        }
        writer.ended.push(std::mem::replace(&mut writer.file, file));
        writer.segments.push_back(Segment { number, first_seq, len: SEGMENT_HEAD_LEN as u64 });
    }

    /// Lets the replies leave that may.
    pub(super) fn settle(&self, writer: &Writer) {
        let may = match self.policy() {
            Policy::Always => self.durable.get(),
            Policy::No => self.written.get(),
            Policy::EverySecond => {
                let age = writer.at_risk_since().map(|since| (self.clock)().saturating_duration_since(since));
                if age.is_some_and(|age| age > LOSS_MAX) { self.durable.get() } else { self.written.get() }
            }
        };
        self.settled.advance(may);
    }

    pub(super) fn note_unsynced(&self, writer: &Writer) {
        self.counters.unsynced_len.store(writer.unsynced_len() as u64, Relaxed);
        self.counters.buffers_len.store(writer.buffers_len() as u64, Relaxed);
    }

    pub(super) fn note_len(&self, writer: &Writer) {
        let len = writer.segments.iter().map(|segment| segment.len).sum();
        self.counters.segments_len.store(len, Relaxed);
    }
}
