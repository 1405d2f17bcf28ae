//! Reading values: at once where that needs no waiting, by threads where the disk may take its time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use keyspace::db::Value;
use keyspace::warm::{Borrowed, Segment, Spot, Ticket, borrow, give_back, locate};
use parking_lot::{Condvar, Mutex};

use super::{Inner, Tier, block, payload};

/// Why a value could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nobody needs it any more.
    Gone,
    /// The disk says so.
    Io(String),
    /// What is there is not what was written.
    Damaged,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => out.write_str("it is gone"),
            Self::Io(reason) => out.write_str(reason),
            Self::Damaged => out.write_str("its block is damaged"),
        }
    }
}

/// A value that was read, or why not.
pub struct Fetched {
    /// What was asked for.
    pub ticket: Ticket,
    /// The value.
    pub value: Result<Value, Fault>,
    /// It was asked for before, not long ago, or is too large to be read twice: it should stay in memory.
    pub stays: bool,
}

type Done = Box<dyn FnOnce(Vec<Fetched>) + Send>;

struct Job {
    tickets: Vec<Ticket>,
    done: Done,
}

/// What waits to be read.
#[derive(Default)]
pub(super) struct Reads {
    jobs: Mutex<VecDeque<Job>>,
    wake: Condvar,
}

impl Reads {
    /// Wakes the threads.
    pub(super) fn nudge(&self) {
        self.wake.notify_all();
    }
}

/// A value that is being written is soon where it can be read.
const BUSY_PAUSE: Duration = Duration::from_micros(100);
const IDLE: Duration = Duration::from_secs(1);

impl Tier {
    /// Has values read; `done` runs on another thread.
    pub fn fetch(&self, tickets: Vec<Ticket>, done: impl FnOnce(Vec<Fetched>) + Send + 'static) {
        let reads = &self.inner.reads;
        reads.jobs.lock().push_back(Job { tickets, done: Box::new(done) });
        reads.wake.notify_one();
    }

    /// Reads a value if that surely needs no waiting for the disk.
    pub fn fetch_now(&self, ticket: Ticket) -> Option<Fetched> {
        let inner = &*self.inner;
        if let Some(found) = inner.cached(ticket) {
            return Some(found);
        }
        let spot = locate(ticket)?;
        let mut bytes = vec![0; spot.len as usize];
        spot.segment.backing().read_now(u64::from(spot.at), &mut bytes).ok()?;
        let mut stays = false;
        let payload = checked_payload(ticket, &spot, &bytes);
        let value = inner.counted(payload.and_then(|bytes| inner.take_in(ticket, bytes, true, &mut stays)));
        Some(Fetched { ticket, value, stays })
    }

    /// Reads a value, however long that takes.
    pub fn fetch_here(&self, ticket: Ticket) -> Fetched {
        self.inner.fetch(ticket)
    }

    /// As `fetch_here`, for somebody whose asking says nothing about what others will ask for.
    pub fn read(&self, ticket: Ticket) -> Result<Value, Fault> {
        let inner = &*self.inner;
        inner.load(ticket, |_, bytes| inner.decoded(ticket, bytes))
    }
}

impl Inner {
    /// A thread's work until the tier ends.
    pub(super) fn read_until_over(&self) {
        loop {
            let job = {
                let mut jobs = self.reads.jobs.lock();
                loop {
                    if let Some(job) = jobs.pop_front() {
                        break job;
                    }
                    if self.is_over.load(Relaxed) {
                        return;
                    }
                    self.reads.wake.wait_for(&mut jobs, IDLE);
                }
            };
            let fetched = job.tickets.into_iter().map(|ticket| self.fetch(ticket)).collect();
            // Before anybody who was waiting looks how much memory is in use.
            keyspace::memory::publish_all();
            (job.done)(fetched);
        }
    }

    fn cached(&self, ticket: Ticket) -> Option<Fetched> {
        let bytes = self.cache.lock().take(ticket)?;
        self.counts.cache_hits.fetch_add(1, Relaxed);
        Some(Fetched { ticket, value: self.decoded(ticket, &bytes), stays: true })
    }

    fn decoded(&self, ticket: Ticket, bytes: &[u8]) -> Result<Value, Fault> {
        let limits = (self.options.limits)();
        let value = ticket.kind().and_then(|kind| payload::value(kind, bytes, &limits, ticket.number()));
        value.ok_or(Fault::Damaged)
    }

    fn fetch(&self, ticket: Ticket) -> Fetched {
        if let Some(found) = self.cached(ticket) {
            return found;
        }
        let mut stays = false;
        let value = self.load(ticket, |is_written, bytes| self.take_in(ticket, bytes, is_written, &mut stays));
        Fetched { ticket, value, stays }
    }

    /// Gives a value's bytes to `take`, and says whether they come from a file.
    fn load(&self, ticket: Ticket, take: impl FnOnce(bool, &[u8]) -> Result<Value, Fault>) -> Result<Value, Fault> {
        loop {
            match borrow(ticket) {
                Borrowed::Spot(spot) => {
                    let mut block = vec![0; spot.len as usize];
                    let read = self.read_at(&spot.segment, u64::from(spot.at), &mut block);
                    if read.is_err() && locate(ticket).is_some_and(|now| !now.is(&spot)) {
                        // It was moved meanwhile.
                        continue;
                    }
                    let checked = read.map_err(|error| Fault::Io(error.to_string()));
                    let checked = checked.and_then(|()| checked_payload(ticket, &spot, &block));
                    return self.counted(checked.and_then(|bytes| take(true, bytes)));
                }
                Borrowed::Held(held) => {
                    // Others need it too: who asks gets one of his own.
                    let mut bytes = Vec::new();
                    if let Some(value) = held.value() {
                        payload::push(value, &mut bytes);
                    }
                    give_back(ticket, held);
                    return take(false, &bytes);
                }
                Borrowed::Busy => std::thread::sleep(BUSY_PAUSE),
                Borrowed::Gone => return Err(Fault::Gone),
            }
        }
    }

    /// The value of a block that was read for a client, who may ask again.
    fn take_in(&self, ticket: Ticket, bytes: &[u8], is_written: bool, stays: &mut bool) -> Result<Value, Fault> {
        let value = self.decoded(ticket, bytes)?;
        if is_written {
            let mut cache = self.cache.lock();
            *stays = !cache.takes(bytes.len());
            cache.put(ticket, bytes);
        }
        Ok(value)
    }

    fn counted<T>(&self, read: Result<T, Fault>) -> Result<T, Fault> {
        self.counts.reads.fetch_add(1, Relaxed);
        if read.is_err() {
            self.counts.read_errors.fetch_add(1, Relaxed);
        }
        read
    }

    pub(super) fn read_at(&self, segment: &Segment, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        segment.backing().read(at, buffer)
    }
}

/// The payload of a block that was read from a spot.
fn checked_payload<'b>(ticket: Ticket, spot: &Spot, block: &'b [u8]) -> Result<&'b [u8], Fault> {
    let head = block::head(block, spot.segment.number, u64::from(spot.at)).filter(|head| head.ticket == ticket);
    head.and_then(|head| block::payload(block, head)).ok_or(Fault::Damaged)
}
