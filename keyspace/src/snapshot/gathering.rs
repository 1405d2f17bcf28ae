//! A collection while its picture is taken: some parts are copied already, the others are in their places.
//!
//! A large hash cannot be copied under one lock. What the capture needs of it (its outline) is noted when it is first
//! touched; from then on writers copy each part that they are about to change, and the capturer walks the rest in
//! steps. Its owner may rename or delete it meanwhile: the object keeps its address, and one that is to go is handed
//! over to the capture.
//!
//! # Invariants
//! - While an object is at home, its shard's lock guards it; `shard` and `at` change only under that lock (or, for a
//!   rename, under the locks of both shards).
//! - Lock order: the shard, then `state`.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::parts::{FlatKind, Parts};
use super::side::Side;
use super::spill::Chunk;
use crate::entry::Type;
use crate::export::Outline;
use crate::hash::Hash;
use crate::list::List;
use crate::object::Object;
use crate::set::Set;
use crate::zset::SortedSet;

/// What collections do while their picture is taken.
pub(crate) trait Captured {
    /// Begins: from now on, what changes is copied first.
    fn begin_capture(&mut self, gathering: Arc<Gathering>);

    /// Copies parts that are not copied yet, until they take about `bytes_max`; whether none is left. Then the
    /// collection has told its gathering, and forgotten it.
    fn capture_step(&mut self, bytes_max: usize) -> bool;

    /// The gathering, while it lasts.
    fn gathering(&self) -> Option<&Arc<Gathering>>;
}

/// What a collection keeps while its picture is taken.
pub(crate) struct InCapture {
    /// Where copies go.
    pub(crate) gathering: Arc<Gathering>,
    /// How far the capturer came.
    pub(crate) cursor: u64,
}

/// A collection's place for that: a word while there is no capture.
pub(crate) type CaptureSlot = Option<Box<InCapture>>;

impl InCapture {
    /// The beginning.
    pub(crate) fn slot(gathering: Arc<Gathering>) -> CaptureSlot {
        Some(Box::new(Self { gathering, cursor: 0 }))
    }
}

/// See the module's head.
pub(crate) struct Gathering {
    outline: Outline,
    shard: AtomicUsize,
    side: Arc<Side>,
    state: Mutex<State>,
}

struct State {
    at: At,
    parts: Parts,
    /// Parts that were moved to the disk.
    spilled: Vec<Chunk>,
}

enum At {
    /// Owned by its entry.
    Home(NonNull<u8>),
    /// Its owner gave it up.
    Orphan(Object),
    /// The capturer is at it.
    Away,
    /// Every part is copied.
    Whole,
}

// SAFETY: the address in `At::Home` is used only under the lock that guards the object.
unsafe impl Send for Gathering {}
// SAFETY: as above; the rest is behind a mutex or atomic.
unsafe impl Sync for Gathering {}

impl Gathering {
    /// For an object at home, whose shard is locked.
    pub(super) fn new(outline: Outline, object: NonNull<u8>, shard: usize, side: Arc<Side>) -> Arc<Self> {
        let state = State { at: At::Home(object), parts: Parts::default(), spilled: Vec::new() };
        Arc::new(Self { outline, shard: AtomicUsize::new(shard), side, state: Mutex::new(state) })
    }

    /// The outline that the collection had at the instant of the picture.
    pub(super) fn outline(&self) -> Outline {
        self.outline
    }

    /// What the flat parts are; None for a list.
    pub(super) fn flat_kind(&self) -> Option<FlatKind> {
        match self.outline.kind {
            Type::Hash => Some(FlatKind::Fields),
            Type::Set => Some(FlatKind::Members),
            Type::Zset => Some(FlatKind::Scored),
            _ => None,
        }
    }

    /// Says in which shard the object is from now on; the locks of the old and the new one are held.
    pub(crate) fn move_to(&self, shard: usize) {
        self.shard.store(shard, Ordering::Release);
    }

    /// The shard whose lock guards the object while it is at home.
    pub(super) fn shard(&self) -> usize {
        self.shard.load(Ordering::Acquire)
    }

    /// Takes over an object that its owner gives up, in whose shard's lock this is called.
    pub(crate) fn adopt(&self, object: Object) {
        let mut state = self.state.lock();
        match state.at {
            At::Home(_) => state.at = At::Orphan(object),
            _ => {
                drop(state);
                drop(object);
            }
        }
    }

    /// Adds a copy of a part.
    pub(crate) fn add(&self, push: impl FnOnce(&mut Parts)) {
        if self.side.is_cancelled() {
            return;
        }
        let mut state = self.state.lock();
        let before = state.parts.bytes();
        push(&mut state.parts);
        self.side.add_bytes(state.parts.bytes() - before);
    }

    /// Adds copies.
    pub(crate) fn give(&self, parts: Parts) {
        self.add(|mine| mine.append(parts));
    }

    /// Says that every part is copied.
    pub(crate) fn finish(&self) {
        self.state.lock().at = At::Whole;
    }

    /// Takes the copies that are there.
    pub(super) fn take(&self) -> Parts {
        let parts = std::mem::take(&mut self.state.lock().parts);
        self.side.sub_bytes(parts.bytes());
        parts
    }

    /// Takes a piece of what was spilled.
    pub(super) fn take_spilled(&self) -> Option<Chunk> {
        self.state.lock().spilled.pop()
    }

    /// Notes that parts were moved to the disk.
    pub(super) fn note_spilled(&self, chunk: Chunk) {
        self.state.lock().spilled.push(chunk);
    }

    /// Bytes of copies in memory.
    pub(super) fn bytes(&self) -> usize {
        self.state.lock().parts.bytes()
    }

    /// Whether every part is copied.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.state.lock().at, At::Whole)
    }

    /// Copies some more parts. The lock of `self.shard()` is held.
    pub(super) fn step(&self, bytes_max: usize) {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.at, At::Away) {
            At::Home(address) => {
                state.at = At::Home(address);
                drop(state);
                // SAFETY: an object at home is of the outline's type and lives; the lock of its shard is held, so
                // nobody else is at it.
                unsafe { self.step_at(address, bytes_max) };
            }
            At::Orphan(mut object) => {
                drop(state);
                if object.captured().is_none_or(|captured| captured.capture_step(bytes_max)) {
                    self.finish();
                    object.discard();
                } else {
                    self.state.lock().at = At::Orphan(object);
                }
            }
            at => state.at = at,
        }
    }

    /// # Safety
    /// `address` is that of a live object of the outline's type, and nobody else is at it.
    unsafe fn step_at(&self, address: NonNull<u8>, bytes_max: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.outline.kind {
                Type::Hash => address.cast::<Hash>().as_mut().capture_step(bytes_max),
                Type::List => address.cast::<List>().as_mut().capture_step(bytes_max),
                Type::Set => address.cast::<Set>().as_mut().capture_step(bytes_max),
                Type::Zset => address.cast::<SortedSet>().as_mut().capture_step(bytes_max),
                Type::String | Type::Stream => true,
            }
        };
    }
}
