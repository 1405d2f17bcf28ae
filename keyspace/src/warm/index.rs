//! Where the values are that left their entries, by ticket.
//!
//! One index for the process: a stub is one word in an entry, and whoever drops the entry, a table or a copy of it,
//! drops the stub without knowing a file.
//!
//! # Invariants
//! - A slot is used while stubs of its generation count it; a ticket of another generation names nothing any more.
//! - Only who borrowed a held value settles it or gives it back. Dropping its last stub meanwhile makes both void.
//! - A shelf's lock is taken last and held for a few moves; nothing is dropped under it.

#![allow(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::db::Value;
use crate::entry::Kind;

/// A file of values.
pub struct Segment {
    /// Its number; no other of the process has had it.
    pub number: u64,
    live_bytes: AtomicU64,
    backing: Box<dyn Backing>,
}

/// What a segment's bytes are in.
pub trait Backing: Send + Sync {
    /// Fills the buffer with the bytes from a place on.
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// As `read`, if that surely needs no waiting; [`io::ErrorKind::WouldBlock`] else.
    fn read_now(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl Segment {
    /// An empty one.
    pub fn new(number: u64, backing: Box<dyn Backing>) -> Self {
        Self { number, live_bytes: AtomicU64::new(0), backing }
    }

    /// Bytes of blocks that some stub names.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes.load(Relaxed)
    }

    /// What it is in.
    pub fn backing(&self) -> &dyn Backing {
        &*self.backing
    }
}

/// Where a value's block is.
#[derive(Clone)]
pub struct Spot {
    /// The file.
    pub segment: Arc<Segment>,
    /// The block's first byte.
    pub at: u32,
    /// The block's bytes.
    pub len: u32,
}

impl Spot {
    /// Whether both are the same block.
    pub fn is(&self, other: &Self) -> bool {
        self.segment.number == other.segment.number && self.at == other.at
    }
}

/// A spot that counts as live.
struct Place(Spot);

impl Place {
    fn new(spot: Spot) -> Self {
        spot.segment.live_bytes.fetch_add(u64::from(spot.len), Relaxed);
        Self(spot)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.segment.live_bytes.fetch_sub(u64::from(self.0.len), Relaxed);
    }
}

/// A value in memory that is to be written, or could not be.
pub struct Held {
    value: Option<Value>,
    bytes: usize,
}

static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);
static STUBS: AtomicUsize = AtomicUsize::new(0);

/// Bytes of values that are to be free soon, since they are written.
pub fn held_bytes() -> usize {
    HELD_BYTES.load(Relaxed)
}

/// Values that are not in their entries.
pub fn stubs() -> usize {
    STUBS.load(Relaxed)
}

impl Held {
    fn new(value: Value, bytes: usize) -> Self {
        HELD_BYTES.fetch_add(bytes, Relaxed);
        Self { value: Some(value), bytes }
    }

    /// The value; None once it was taken.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    fn into_value(mut self) -> Option<Value> {
        self.value.take()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(Value::Object(object)) = self.value.take() {
            object.discard();
        }
        HELD_BYTES.fetch_sub(self.bytes, Relaxed);
    }
}

enum State {
    /// In no use; the next such slot of the shelf.
    Free(u32),
    Held(Box<Held>),
    /// Somebody has borrowed it.
    Busy,
    Placed(Place),
}

struct IndexSlot {
    stubs: u32,
    generation: u32,
    state: State,
}

#[derive(Default)]
struct Shelf {
    chunks: Vec<Box<[IndexSlot]>>,
    /// One more than the first free slot; 0: none.
    free: u32,
}

/// What the index keeps of a value.
pub const STUB_BYTES: usize = size_of::<IndexSlot>();

const SHELF_BITS: u32 = 6;
const CHUNK_LEN: usize = 256;
const GENERATION_BITS: u32 = 24;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

static SHELVES: [Mutex<Shelf>; 1 << SHELF_BITS] =
    [const { Mutex::new(Shelf { chunks: Vec::new(), free: 0 }) }; 1 << SHELF_BITS];

impl Shelf {
    fn slot(&mut self, index: u32) -> Option<&mut IndexSlot> {
        self.chunks.get_mut(index as usize / CHUNK_LEN)?.get_mut(index as usize % CHUNK_LEN)
    }

    fn add(&mut self, held: Box<Held>) -> (u32, u32) {
        if self.free == 0 {
            let first = (self.chunks.len() * CHUNK_LEN) as u32;
            let next = |at: usize| if at + 1 < CHUNK_LEN { first + at as u32 + 2 } else { 0 };
            let fresh = |at| IndexSlot { stubs: 0, generation: 0, state: State::Free(next(at)) };
            self.chunks.push((0..CHUNK_LEN).map(fresh).collect());
            self.free = first + 1;
        }
        let index = self.free - 1;
        let mut next = 0;
        let mut generation = 0;
        if let Some(slot) = self.slot(index) {
            if let State::Free(after) = slot.state {
                next = after;
            }
            slot.stubs = 1;
            slot.state = State::Held(held);
            generation = slot.generation;
        }
        self.free = next;
        (index, generation)
    }

    fn free(&mut self, index: u32) -> Option<State> {
        let next = self.free;
        let slot = self.slot(index)?;
        slot.stubs = 0;
        slot.generation = (slot.generation + 1) & GENERATION_MASK;
        let old = std::mem::replace(&mut slot.state, State::Free(next));
        self.free = index + 1;
        Some(old)
    }
}

/// Names a value as long as a stub for it is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket(u64);

impl Ticket {
    pub(crate) fn of_word(word: u64) -> Self {
        Self(word)
    }

    /// As a number, for a block's head.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Of a block's head.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The kind that the value has where it is in memory; None for a number that is no ticket's.
    pub fn kind(self) -> Option<Kind> {
        Kind::from_number((self.0 >> 56) as u8).filter(|kind| !kind.is_warm())
    }

    fn index(self) -> u32 {
        self.0 as u32 >> SHELF_BITS
    }

    fn shelf(self) -> &'static Mutex<Shelf> {
        &SHELVES[self.0 as usize & ((1 << SHELF_BITS) - 1)]
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32 & GENERATION_MASK
    }

    fn with<T>(self, change: impl FnOnce(&mut IndexSlot) -> T) -> Option<T> {
        let mut shelf = self.shelf().lock();
        let slot = shelf.slot(self.index())?;
        (slot.stubs > 0 && slot.generation == self.generation()).then(|| change(slot))
    }

    /// The value, where it is still in memory and one stub alone names it: that stub names nothing then.
    pub(super) fn take_held(self) -> Option<Value> {
        let held = self.with(|slot| {
            if slot.stubs != 1 || !matches!(slot.state, State::Held(_)) {
                return None;
            }
            match std::mem::replace(&mut slot.state, State::Busy) {
                State::Held(held) => Some(held),
                other => {
                    slot.state = other;
                    None
                }
            }
        })??;
        held.into_value()
    }

    /// Whether the value is needed and not written yet.
    pub fn is_pending(self) -> bool {
        self.with(|slot| matches!(slot.state, State::Held(_) | State::Busy)).unwrap_or(false)
    }
}

/// One count of a value that left its entry.
pub struct Stub(u64);

impl Stub {
    /// Takes a value over.
    pub(super) fn hold(value: Value, bytes: usize) -> Self {
        let kind = value.kind();
        let held = Box::new(Held::new(value, bytes));
        // Whichever is free: any spread will do.
        let shelf = STUBS.fetch_add(1, Relaxed) % SHELVES.len();
        let (index, generation) = SHELVES[shelf].lock().add(held);
        let id = index << SHELF_BITS | shelf as u32;
        Self(u64::from(id) | u64::from(generation) << 32 | u64::from(kind as u8) << 56)
    }

    /// What names it.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.0)
    }

    /// The kind that the value has where it is in memory.
    pub fn kind(&self) -> Kind {
        self.ticket().kind().unwrap_or(Kind::Str)
    }

    /// The word that an entry keeps, with this count.
    pub(crate) fn into_word(self) -> u64 {
        std::mem::ManuallyDrop::new(self).0
    }

    /// # Safety
    /// `word` came from `into_word` and is not used again.
    pub(crate) unsafe fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// # Safety
    /// `word` came from `into_word`, and its owner keeps it for as long as this takes.
    pub(crate) unsafe fn of_word(word: u64) -> Self {
        Ticket(word).with(|slot| slot.stubs += 1);
        Self(word)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        let ticket = self.ticket();
        let old = {
            let mut shelf = ticket.shelf().lock();
            match shelf.slot(ticket.index()) {
                Some(slot) if slot.stubs > 1 => {
                    slot.stubs -= 1;
                    return;
                }
                Some(_) => shelf.free(ticket.index()),
                None => None,
            }
        };
        STUBS.fetch_sub(1, Relaxed);
        drop(old);
    }
}

/// What somebody who wants to write or read a value is given.
pub enum Borrowed {
    /// The value, to be settled or given back.
    Held(Box<Held>),
    /// Where it is written.
    Spot(Spot),
    /// Another has it; soon it is one of the above.
    Busy,
    /// No stub names it any more.
    Gone,
}

/// Borrows a value.
pub fn borrow(ticket: Ticket) -> Borrowed {
    let borrowed = ticket.with(|slot| match std::mem::replace(&mut slot.state, State::Busy) {
        State::Held(held) => Borrowed::Held(held),
        State::Placed(place) => {
            let spot = place.0.clone();
            slot.state = State::Placed(place);
            Borrowed::Spot(spot)
        }
        other => {
            slot.state = other;
            Borrowed::Busy
        }
    });
    borrowed.unwrap_or(Borrowed::Gone)
}

/// Where a value is written, if it is.
pub fn locate(ticket: Ticket) -> Option<Spot> {
    ticket.with(|slot| match &slot.state {
        State::Placed(place) => Some(place.0.clone()),
        _ => None,
    })?
}

/// Puts a borrowed value back as it was.
pub fn give_back(ticket: Ticket, held: Box<Held>) {
    let mut held = Some(held);
    ticket.with(|slot| {
        if let (State::Busy, Some(held)) = (&slot.state, held.take()) {
            slot.state = State::Held(held);
        }
    });
}

/// Says where a borrowed value was written; false when nobody needs it any more.
pub fn settle(ticket: Ticket, spot: Spot) -> bool {
    let place = Place::new(spot);
    let mut place = Some(place);
    ticket.with(|slot| {
        if let (State::Busy, Some(place)) = (&slot.state, place.take()) {
            slot.state = State::Placed(place);
        }
    });
    place.is_none()
}

/// Says that a block was copied; false when it is needed no more.
pub fn relocate(ticket: Ticket, from: &Spot, to: Spot) -> bool {
    let mut place = Some(Place::new(to));
    let old = ticket.with(|slot| match &mut slot.state {
        State::Placed(old) if old.0.is(from) => place.take().map(|place| std::mem::replace(old, place)),
        _ => None,
    });
    drop(old);
    place.is_none()
}
