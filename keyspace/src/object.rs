//! Values that have allocations of their own, and what frees the large ones.
//!
//! Freeing ten million elements takes half a second; no command waits for it. Objects above a size go to one
//! background thread, so that DEL, UNLINK, expiry, eviction and FLUSHALL all cost their caller nothing.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};

use crate::entry::Kind;
use crate::hash::Hash;
use crate::list::List;
use crate::set::Set;
use crate::snapshot::{Captured, Gathering};
use crate::stream::Stream;
use crate::warm::Stub;
use crate::zset::SortedSet;

/// A value outside its entry.
pub enum Object {
    /// A large string; replies under way hold references to it.
    Text(Arc<Vec<u8>>),
    /// A large hash.
    Hash(Box<Hash>),
    /// A list.
    List(Box<List>),
    /// A large set.
    Set(Box<Set>),
    /// A large sorted set.
    Zset(Box<SortedSet>),
    /// A stream.
    Stream(Box<Stream>),
    /// Any of these that is not in memory.
    Warm(Stub),
}

/// Objects of more parts than this are freed in the background.
const FREE_AT_ONCE_MAX: usize = 64;

static PENDING: AtomicUsize = AtomicUsize::new(0);
static PENDING_BYTES: AtomicUsize = AtomicUsize::new(0);
static FREED: AtomicUsize = AtomicUsize::new(0);

/// Anything that takes long to drop.
pub type Garbage = Box<dyn Send>;

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::StrShared,
            Self::Hash(_) => Kind::Hash,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Zset(_) => Kind::Zset,
            Self::Stream(_) => Kind::Stream,
            Self::Warm(stub) => stub.kind().cooled(),
        }
    }

    /// The address that an entry keeps; the entry owns the object from now on.
    pub(crate) fn into_word(self) -> u64 {
        let address = match self {
            Self::Text(text) => Arc::into_raw(text).expose_provenance(),
            Self::Hash(hash) => Box::into_raw(hash).expose_provenance(),
            Self::List(list) => Box::into_raw(list).expose_provenance(),
            Self::Set(set) => Box::into_raw(set).expose_provenance(),
            Self::Zset(zset) => Box::into_raw(zset).expose_provenance(),
            Self::Stream(stream) => Box::into_raw(stream).expose_provenance(),
            Self::Warm(stub) => return stub.into_word(),
        };
        address as u64
    }

    /// The word that an entry would keep, to look at the object by it.
    pub(crate) fn word(&self) -> u64 {
        let address = match self {
            Self::Text(text) => Arc::as_ptr(text).expose_provenance(),
            Self::Hash(hash) => std::ptr::from_ref(&**hash).expose_provenance(),
            Self::List(list) => std::ptr::from_ref(&**list).expose_provenance(),
            Self::Set(set) => std::ptr::from_ref(&**set).expose_provenance(),
            Self::Zset(zset) => std::ptr::from_ref(&**zset).expose_provenance(),
            Self::Stream(stream) => std::ptr::from_ref(&**stream).expose_provenance(),
            Self::Warm(stub) => return stub.ticket().number(),
        };
        address as u64
    }

    /// # Safety
    /// `word` came from `into_word` of an object of this kind, and is not used again.
    pub(crate) unsafe fn from_word(kind: Kind, word: u64) -> Self {
        let address = word as usize;
        // SAFETY: the caller's promise.
        unsafe {
            match kind {
                Kind::StrShared => Self::Text(Arc::from_raw(std::ptr::with_exposed_provenance(address))),
                Kind::Hash => Self::Hash(Box::from_raw(std::ptr::with_exposed_provenance_mut(address))),
                Kind::List => Self::List(Box::from_raw(std::ptr::with_exposed_provenance_mut(address))),
                Kind::Set => Self::Set(Box::from_raw(std::ptr::with_exposed_provenance_mut(address))),
                Kind::Zset => Self::Zset(Box::from_raw(std::ptr::with_exposed_provenance_mut(address))),
                Kind::Stream => Self::Stream(Box::from_raw(std::ptr::with_exposed_provenance_mut(address))),
                kind if kind.is_warm() => Self::Warm(Stub::from_word(word)),
                _ => unreachable!("kinds without an object have no word"),
            }
        }
    }

    /// What it does while its picture is taken; None where it is handed out whole.
    pub(crate) fn captured(&mut self) -> Option<&mut dyn Captured> {
        match self {
            Self::Text(_) | Self::Stream(_) | Self::Warm(_) => None,
            Self::Hash(hash) => Some(&mut **hash),
            Self::List(list) => Some(&mut **list),
            Self::Set(set) => Some(&mut **set),
            Self::Zset(zset) => Some(&mut **zset),
        }
    }

    /// The gathering of a picture that still lacks parts of it.
    #[inline]
    pub(crate) fn gathering(&self) -> Option<&Arc<Gathering>> {
        match self {
            Self::Text(_) | Self::Stream(_) | Self::Warm(_) => None,
            Self::Hash(hash) => hash.gathering(),
            Self::List(list) => list.gathering(),
            Self::Set(set) => set.gathering(),
            Self::Zset(zset) => zset.gathering(),
        }
    }

    /// How many allocations go with it, roughly.
    pub fn free_effort(&self) -> usize {
        match self {
            Self::Text(text) => text.len() >> 20,
            Self::Hash(hash) => hash.free_effort(),
            Self::List(list) => list.free_effort(),
            Self::Set(set) => set.len(),
            Self::Zset(zset) => zset.len(),
            Self::Stream(stream) => stream.free_effort(),
            Self::Warm(_) => 0,
        }
    }

    /// Bytes that it occupies.
    pub fn memory_usage(&self) -> usize {
        match self {
            Self::Text(text) => text.capacity(),
            Self::Hash(hash) => hash.memory_usage(),
            Self::List(list) => list.memory_usage(),
            Self::Set(set) => set.memory_usage(),
            Self::Zset(zset) => zset.memory_usage(),
            Self::Stream(stream) => stream.memory_usage(),
            Self::Warm(_) => 0,
        }
    }

    /// Frees it: at once when that is quick, in the background otherwise; when its picture lacks parts, once it has
    /// them.
    pub fn discard(self) {
        if let Some(gathering) = self.gathering().cloned() {
            return gathering.adopt(self);
        }
        if self.free_effort() > FREE_AT_ONCE_MAX {
            let bytes = self.memory_usage();
            discard_weighed(Box::new(self), 1, bytes);
        }
    }
}

/// Garbage on its way, with what it counts as: so many objects, so many bytes.
struct Sack {
    garbage: Garbage,
    objects: usize,
    bytes: usize,
}

impl Sack {
    fn empty(self) {
        drop(self.garbage);
        crate::epoch::sweep();
        // First the memory, then the note that it is to come: nobody sees neither.
        crate::memory::publish_all();
        PENDING.fetch_sub(self.objects, Relaxed);
        PENDING_BYTES.fetch_sub(self.bytes, Relaxed);
        FREED.fetch_add(self.objects, Relaxed);
    }
}

/// Drops `garbage` on the background thread.
pub fn discard_later(garbage: Garbage) {
    discard_weighed(garbage, 1, 0);
}

/// As `discard_later`, for garbage that counts as so many objects.
pub fn discard_counted(garbage: Garbage, objects: usize) {
    discard_weighed(garbage, objects, 0);
}

/// As `discard_later`, for garbage that counts as so many objects and bytes.
pub(crate) fn discard_weighed(garbage: Garbage, objects: usize, bytes: usize) {
    static REAPER: OnceLock<Sender<Sack>> = OnceLock::new();
    let reaper = REAPER.get_or_init(|| {
        let (sender, receiver) = channel::<Sack>();
        // Without the thread the channel is closed, and `send` below gives the garbage back to be dropped here.
        let run = move || receiver.into_iter().for_each(Sack::empty);
        drop(std::thread::Builder::new().name("lazyfree".into()).spawn(run));
        sender
    });
    PENDING.fetch_add(objects, Relaxed);
    PENDING_BYTES.fetch_add(bytes, Relaxed);
    if let Err(refused) = reaper.send(Sack { garbage, objects, bytes }) {
        refused.0.empty();
    }
}

/// Counts objects that were freed elsewhere as freed in the background.
pub fn count_freed(objects: usize) {
    FREED.fetch_add(objects, Relaxed);
}

/// Bytes that the background thread is about to free, as far as they are known.
pub fn lazy_free_bytes() -> usize {
    PENDING_BYTES.load(Relaxed)
}

/// Objects waiting for the background thread, and objects that it freed since start.
pub fn lazy_free_counts() -> (usize, usize) {
    (PENDING.load(Relaxed), FREED.load(Relaxed))
}

/// Sets the freed count back to 0 (CONFIG RESETSTAT).
pub fn reset_lazy_freed() {
    FREED.store(0, Relaxed);
}
