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
}

/// Objects of more parts than this are freed in the background.
const FREE_AT_ONCE_MAX: usize = 64;

static PENDING: AtomicUsize = AtomicUsize::new(0);
static FREED: AtomicUsize = AtomicUsize::new(0);

/// Anything that takes long to drop.
type Garbage = Box<dyn Send>;

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::StrShared,
            Self::Hash(_) => Kind::Hash,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Zset(_) => Kind::Zset,
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
                _ => unreachable!("kinds without an object have no word"),
            }
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
        }
    }

    /// Frees it: at once when that is quick, in the background otherwise.
    pub fn discard(self) {
        if self.free_effort() > FREE_AT_ONCE_MAX {
            discard_later(Box::new(self));
        }
    }
}

/// Drops `garbage` on the background thread.
pub fn discard_later(garbage: Garbage) {
    static REAPER: OnceLock<Sender<Garbage>> = OnceLock::new();
    let reaper = REAPER.get_or_init(|| {
        let (sender, receiver) = channel::<Garbage>();
        let run = move || {
            for garbage in receiver {
                drop(garbage);
                crate::epoch::sweep();
                PENDING.fetch_sub(1, Relaxed);
                FREED.fetch_add(1, Relaxed);
                crate::memory::publish_idle();
            }
        };
        // Without the thread the channel is closed, and `send` below gives the garbage back to be dropped here.
        drop(std::thread::Builder::new().name("lazyfree".into()).spawn(run));
        sender
    });
    PENDING.fetch_add(1, Relaxed);
    if reaper.send(garbage).is_err() {
        PENDING.fetch_sub(1, Relaxed);
    }
}

/// Objects waiting for the background thread, and objects that it freed since start.
pub fn lazy_free_counts() -> (usize, usize) {
    (PENDING.load(Relaxed), FREED.load(Relaxed))
}

/// Sets the freed count back to 0 (CONFIG RESETSTAT).
pub fn reset_lazy_freed() {
    FREED.store(0, Relaxed);
}
