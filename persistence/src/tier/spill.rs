//! The thread that writes: values that left their entries, and what is still needed of files that are mostly garbage.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use keyspace::warm::{Borrowed, Held, Spot, Ticket, borrow, give_back, locate, relocate, settle};
use parking_lot::{Condvar, Mutex};

use super::block::{self, HEAD_SIZE};
use super::file::{Active, Sealed};
use super::{Inner, Room, Tier, payload};

/// Blocks are written together up to so many bytes.
const BATCH_BYTES: usize = 256 << 10;
/// Values that are taken from the queue together.
const BATCH_LEN: usize = 4096;
/// A buffer that an unusually large value left behind is given back.
const BUFFER_KEPT: usize = 512 << 10;
/// A file is full from so many bytes on; less where the tier is small.
const FILE_BYTES_MAX: u64 = 64 << 20;
const FILE_BYTES_MIN: u64 = 256 << 10;
/// Places in a file are numbers of 32 bits.
const PAYLOAD_LEN_MAX: usize = 2 << 30;
/// Of a file that is tidied, so much is read at a time.
const TIDY_BYTES: usize = 256 << 10;
/// How long the thread looks at nothing when there is nothing to do.
const IDLE: Duration = Duration::from_millis(100);
/// Between two steps of tidying that nobody waits for.
const TIDY_PAUSE: Duration = Duration::from_millis(4);
/// After a failed write.
const RETRY: Duration = Duration::from_secs(1);
/// A file is tidied when at most so much of it is needed, of 256; more where room is short.
const TIDY_SHARE: u64 = 128;
const TIDY_SHARE_PRESSED: u64 = 240;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Spill {
    queue: Mutex<VecDeque<Ticket>>,
    wake: Condvar,
    is_failing: AtomicBool,
    failure: Mutex<Option<String>>,
    /// Who waits for room, and how many bytes may wait to be written then.
    waiters: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    held_max: AtomicUsize,
    /// Room is short, and no file is worth tidying.
    is_stuck: AtomicBool,
}

impl Spill {
    /// Wakes the thread.
    pub(super) fn nudge(&self) {
        self.wake.notify_all();
    }

    /// How much may wait to be written.
    pub(super) fn set_held_max(&self, bytes: usize) {
        self.held_max.store(bytes, Relaxed);
    }

    /// Whether no room is to be hoped for but by values that go.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Relaxed)
    }

    /// Whether the last write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Relaxed)
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    fn set_failure(&self, failure: Option<String>) {
        self.is_failing.store(failure.is_some(), Relaxed);
        *self.failure.lock() = failure;
    }

    /// What waits, some of it; waits so long for it.
    fn take(&self, patience: Duration) -> Vec<Ticket> {
        let mut queue = self.queue.lock();
        if queue.is_empty() && !patience.is_zero() {
            self.wake.wait_for(&mut queue, patience);
        }
        let len = queue.len().min(BATCH_LEN);
        queue.drain(..len).collect()
    }

    fn put_back(&self, tickets: impl Iterator<Item = Ticket>) {
        self.queue.lock().extend(tickets);
    }
}

impl Tier {
    /// Has a value written that left its entry.
    pub fn offer(&self, ticket: Ticket) {
        let spill = &self.inner.spill;
        let mut queue = spill.queue.lock();
        queue.push_back(ticket);
        if queue.len() == 1 {
            spill.wake.notify_one();
        }
    }
}

impl Tier {
    /// Runs `then`, on another thread, when there is room as it was last asked for, or there will be none.
    pub fn when_room(&self, then: impl FnOnce() + Send + 'static) {
        self.inner.spill.waiters.lock().push(Box::new(then));
        self.inner.spill.nudge();
    }
}

/// A block that is about to be written, and what it is.
struct Pending {
    ticket: Ticket,
    from: From,
    at: u64,
    len: usize,
}

enum From {
    Memory(Box<Held>),
    File(Spot),
}

/// What the thread has in hand.
#[derive(Default)]
struct Desk {
    active: Option<Active>,
    buffer: Vec<u8>,
    pending: Vec<Pending>,
    tidied: Option<Tidied>,
    retry_at: Option<Instant>,
}

/// A file that is being tidied.
struct Tidied {
    sealed: Sealed,
    at: u64,
}

impl Inner {
    /// The thread's work until the tier ends.
    pub(super) fn spill_until_over(&self) {
        // All of the buffer counts from the start: memory that is full is no time to find that it grows.
        let mut desk = Desk { buffer: Vec::with_capacity(BUFFER_KEPT), ..Desk::default() };
        keyspace::memory::publish_all();
        while !self.is_over.load(Relaxed) {
            keyspace::memory::publish_all();
            if let Some(at) = desk.retry_at {
                self.spill.take_nothing(at.saturating_duration_since(Instant::now()).min(IDLE));
                if Instant::now() < at {
                    continue;
                }
                desk.retry_at = None;
            }
            self.seal_full(&mut desk);
            let is_pressed = self.is_pressed();
            let patience = match (&desk.tidied, is_pressed) {
                (None, _) => IDLE,
                (Some(_), false) => TIDY_PAUSE,
                (Some(_), true) => Duration::ZERO,
            };
            let tickets = self.spill.take(patience);
            let result = self.write(&mut desk, &tickets).and_then(|()| self.tidy(&mut desk, is_pressed));
            if let Err(error) = result {
                self.fail(&mut desk, &error);
            }
            self.files.sweep();
            self.admit();
        }
        self.spill.waiters.lock().drain(..).for_each(|waiter| waiter());
    }

    /// Lets those go on who wait for room, when there is some.
    fn admit(&self) {
        if self.room(self.spill.held_max.load(Relaxed)) != Room::Soon {
            let waiters = std::mem::take(&mut *self.spill.waiters.lock());
            waiters.into_iter().for_each(|waiter| waiter());
        }
    }

    /// Whether files take nearly all that they may.
    fn is_pressed(&self) -> bool {
        let max = self.bytes_max.load(Relaxed);
        max > 0 && self.files.bytes() > max / 8 * 7
    }

    fn file_bytes_max(&self) -> u64 {
        match self.bytes_max.load(Relaxed) {
            0 => FILE_BYTES_MAX,
            max => (max / 16).clamp(FILE_BYTES_MIN, FILE_BYTES_MAX),
        }
    }

    fn write(&self, desk: &mut Desk, tickets: &[Ticket]) -> io::Result<()> {
        for (done, &ticket) in tickets.iter().enumerate() {
            let Borrowed::Held(held) = borrow(ticket) else { continue };
            let result = match held.value() {
                Some(value) => {
                    let start = desk.buffer.len();
                    desk.buffer.resize(start + HEAD_SIZE, 0);
                    payload::push(value, &mut desk.buffer);
                    self.place(desk, start, ticket, From::Memory(held))
                }
                None => Ok(()),
            };
            if result.is_err() {
                self.spill.put_back(tickets[done + 1..].iter().copied());
                return result;
            }
        }
        self.flush(desk)
    }

    /// Gives the block whose payload was put behind `start` its place; what is full is written.
    fn place(&self, desk: &mut Desk, start: usize, ticket: Ticket, from: From) -> io::Result<()> {
        let len = desk.buffer.len() - start;
        if len > PAYLOAD_LEN_MAX {
            // It stays in memory.
            desk.buffer.truncate(start);
            if let From::Memory(held) = from {
                give_back(ticket, held);
            }
            return Ok(());
        }
        let active = match &mut desk.active {
            Some(active) => active,
            none => match self.files.begin() {
                Ok(fresh) => none.insert(fresh),
                Err(error) => {
                    desk.pending.push(Pending { ticket, from, at: 0, len });
                    return Err(error);
                }
            },
        };
        let at = active.end() + start as u64;
        block::seal(&mut desk.buffer[start..], ticket, active.segment.number, at);
        desk.pending.push(Pending { ticket, from, at, len });
        if desk.buffer.len() >= BATCH_BYTES { self.flush(desk) } else { Ok(()) }
    }

    /// Writes what is in the buffer, and says where everything is.
    fn flush(&self, desk: &mut Desk) -> io::Result<()> {
        let Some(active) = &mut desk.active else { return Ok(()) };
        if desk.buffer.is_empty() {
            return Ok(());
        }
        self.files.append(active, &desk.buffer)?;
        self.counts.written_bytes.fetch_add(desk.buffer.len() as u64, Relaxed);
        for Pending { ticket, from, at, len } in desk.pending.drain(..) {
            let spot = Spot { segment: active.segment.clone(), at: at as u32, len: len as u32 };
            match from {
                From::Memory(held) => {
                    let is_needed = settle(ticket, spot);
                    self.counts.demotions.fetch_add(u64::from(is_needed), Relaxed);
                    drop(held);
                }
                From::File(old) => {
                    if relocate(ticket, &old, spot) {
                        self.counts.compacted_bytes.fetch_add(len as u64, Relaxed);
                    }
                }
            }
        }
        desk.buffer.clear();
        desk.buffer.shrink_to(BUFFER_KEPT);
        self.seal_full(desk);
        if self.spill.is_failing() {
            self.spill.set_failure(None);
        }
        keyspace::memory::publish_all();
        Ok(())
    }

    /// Ends the file that is written to once it is full, or too large for a bound that was lowered.
    fn seal_full(&self, desk: &mut Desk) {
        if let Some(full) = desk.active.take_if(|active| active.end() >= self.file_bytes_max()) {
            self.files.seal(full);
        }
    }

    /// After an error nothing of what was in hand counts as written, and the file takes no more.
    #[cold]
    fn fail(&self, desk: &mut Desk, error: &io::Error) {
        self.counts.write_errors.fetch_add(1, Relaxed);
        self.spill.set_failure(Some(error.to_string()));
        self.admit();
        let mut again = Vec::new();
        for Pending { ticket, from, .. } in desk.pending.drain(..) {
            if let From::Memory(held) = from {
                give_back(ticket, held);
                again.push(ticket);
            }
        }
        self.spill.put_back(again.into_iter());
        desk.buffer.clear();
        if let Some(active) = desk.active.take() {
            self.files.seal(active);
        }
        desk.tidied = None;
        desk.retry_at = Some(Instant::now() + RETRY);
    }

    /// Copies some of what is needed out of a file that is mostly garbage.
    fn tidy(&self, desk: &mut Desk, is_pressed: bool) -> io::Result<()> {
        let share_max = if is_pressed { TIDY_SHARE_PRESSED } else { TIDY_SHARE };
        let next = || self.files.emptiest(share_max).map(|sealed| Tidied { sealed, at: 0 });
        let Some(mut tidied) = desk.tidied.take().or_else(next) else {
            self.spill.is_stuck.store(is_pressed, Relaxed);
            return Ok(());
        };
        self.spill.is_stuck.store(false, Relaxed);
        let left = tidied.sealed.len - tidied.at;
        let mut chunk = vec![0; (left as usize).min(TIDY_BYTES)];
        let is_read = self.read_blocks(&tidied, &mut chunk);
        let mut at = 0;
        while is_read && at < chunk.len() {
            let place = tidied.at + at as u64;
            let Some(head) = block::head(&chunk[at..], tidied.sealed.segment.number, place) else { break };
            let Some(whole) = chunk.get(at..at + head.block_len()) else { break };
            let here = Spot { segment: tidied.sealed.segment.clone(), at: place as u32, len: head.block_len() as u32 };
            let spot = locate(head.ticket).filter(|spot| spot.is(&here));
            at += head.block_len();
            if let Some(spot) = spot
                && block::payload(whole, head).is_some()
            {
                let start = desk.buffer.len();
                desk.buffer.extend_from_slice(whole);
                self.place(desk, start, head.ticket, From::File(spot))?;
            }
        }
        self.flush(desk)?;
        let is_stuck = at == 0 && left > 0;
        tidied.at += at as u64;
        if !is_stuck && tidied.at < tidied.sealed.len {
            desk.tidied = Some(tidied);
            return Ok(());
        }
        if is_stuck || tidied.sealed.segment.live_bytes() > 0 {
            // Blocks that cannot be told or read stay where they are, for whoever asks for them to be told so.
            self.files.give_up(tidied.sealed.segment.number);
        } else {
            self.counts.compactions.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// Reads blocks of a file that is tidied: as many as there is room for, but the first one whole.
    fn read_blocks(&self, tidied: &Tidied, chunk: &mut Vec<u8>) -> bool {
        let (segment, at) = (&tidied.sealed.segment, tidied.at);
        if self.read_at(segment, at, chunk).is_err() {
            return false;
        }
        let len = block::head(chunk, segment.number, at).map_or(0, |head| head.block_len());
        if len <= chunk.len() || len as u64 > tidied.sealed.len - at {
            return true;
        }
        chunk.resize(len, 0);
        self.read_at(segment, at, chunk).is_ok()
    }
}

impl Spill {
    /// Waits, whatever is there.
    fn take_nothing(&self, patience: Duration) {
        let mut queue = self.queue.lock();
        self.wake.wait_for(&mut queue, patience);
    }
}
