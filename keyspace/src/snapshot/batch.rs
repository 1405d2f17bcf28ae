//! Copies of entries, one behind the other.
//!
//! # Invariants
//! - `words` is a row of whole entries, each from a multiple of 8 bytes on.
//! - The value of a copy of a kind with [`is_gathered`] is the address of the [`Gathering`] that collects the
//!   object's parts, and owns a count of that. Of the other object kinds it owns an object.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use super::gathering::Gathering;
use crate::entry::{Entry, EntryMut, Kind};
use crate::object::Object;

/// See the module's head.
#[derive(Default)]
pub(crate) struct Batch {
    /// The database that the entries were in.
    pub(super) db: usize,
    words: Vec<u64>,
    count: usize,
    /// Whether some value owns something.
    owns: bool,
}

/// Whether values of a kind are copied part by part.
pub(super) fn is_gathered(kind: Kind) -> bool {
    matches!(kind, Kind::Hash | Kind::List | Kind::Set | Kind::Zset)
}

/// One copied entry.
pub(super) enum Copied<'a> {
    /// With its value.
    Whole(Entry<'a>),
    /// A collection whose parts follow.
    Parts(Entry<'a>, &'a Arc<Gathering>),
}

impl Batch {
    pub(super) fn new(db: usize) -> Self {
        Self { db, words: Vec::new(), count: 0, owns: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the copies.
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// The copies that can be moved as bytes, and the others.
    pub(super) fn split(mut self) -> (Self, Self) {
        let (mut plain, mut rest) = (Self::new(self.db), Self::new(self.db));
        if !self.owns {
            return (self, rest);
        }
        let Ok(()) = self.try_for_each(|copied| {
            match copied {
                Copied::Whole(entry) if !entry.kind().is_object() => drop(plain.copy(entry)),
                Copied::Whole(entry) | Copied::Parts(entry, _) => drop(rest.copy(entry)),
            }
            Ok::<(), std::convert::Infallible>(())
        });
        // What the copies own went to `rest` with their bytes.
        rest.owns = true;
        self.owns = false;
        (plain, rest)
    }

    /// The copies as they are.
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Copies that were moved as bytes.
    ///
    /// # Safety
    /// `words` are those of a batch of this database and length that was plain.
    pub(super) unsafe fn from_words(db: usize, words: Vec<u64>, count: usize) -> Self {
        Self { db, words, count, owns: false }
    }

    /// Copies an entry whose value is inline.
    pub(super) fn push(&mut self, entry: Entry<'_>) {
        debug_assert!(!entry.kind().is_object());
        self.copy(entry);
    }

    /// Copies an entry with an object of its kind in the place of its own.
    pub(super) fn push_object(&mut self, entry: Entry<'_>, object: Object) {
        debug_assert_eq!(entry.kind(), object.kind());
        self.push_word(entry, object.into_word());
    }

    /// Copies an entry whose object's parts are gathered.
    pub(super) fn push_parts(&mut self, entry: Entry<'_>, gathering: Arc<Gathering>) {
        self.push_word(entry, Arc::into_raw(gathering).expose_provenance() as u64);
    }

    fn push_word(&mut self, entry: Entry<'_>, word: u64) {
        let copy = self.copy(entry);
        // SAFETY: the copy is a whole entry that nobody else refers to; the value of an object kind is 8 bytes.
        unsafe { EntryMut::at(copy).value_mut() }.copy_from_slice(&word.to_ne_bytes());
        self.owns = true;
    }

    fn copy(&mut self, entry: Entry<'_>) -> NonNull<u8> {
        let size = entry.shape().size();
        let (at, len) = (self.words.len(), size.div_ceil(8));
        self.words.reserve(len);
        self.count += 1;
        // SAFETY: there is room for `len` words from `at` on, of which the last is zeroed before the copy fills its
        // part; an entry is `size` bytes.
        unsafe {
            let to = self.words.as_mut_ptr().add(at);
            to.add(len - 1).write(0);
            to.cast::<u8>().copy_from_nonoverlapping(entry.record().as_ptr(), size);
            self.words.set_len(at + len);
            NonNull::new_unchecked(to.cast())
        }
    }

    /// Visits the copies until one fails.
    pub(super) fn try_for_each<E>(&self, mut visit: impl FnMut(Copied<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut at = 0;
        while at < self.words.len() {
            // SAFETY: entries stand here one behind the other, and nothing changes them while the batch is borrowed.
            let entry = unsafe { Entry::at(NonNull::from(&self.words[at..]).cast()) };
            at += entry.shape().size().div_ceil(8);
            if !is_gathered(entry.kind()) {
                visit(Copied::Whole(entry))?;
                continue;
            }
            let gathering: *const Gathering = std::ptr::with_exposed_provenance(entry.word() as usize);
            // SAFETY: the word is an Arc's address that the copy owns one count of; this count is only borrowed.
            let gathering = ManuallyDrop::new(unsafe { Arc::from_raw(gathering) });
            visit(Copied::Parts(entry, &gathering))?;
        }
        Ok(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.owns {
            return;
        }
        let Ok(()) = self.try_for_each(|copied| {
            // SAFETY: the copy owns one count or the object, and is not used again.
            unsafe {
                match copied {
                    Copied::Whole(entry) if entry.kind().is_object() => {
                        Object::from_word(entry.kind(), entry.word()).discard();
                    }
                    Copied::Whole(_) => {}
                    Copied::Parts(_, gathering) => Arc::decrement_strong_count(Arc::as_ptr(gathering)),
                }
            }
            Ok::<(), std::convert::Infallible>(())
        });
    }
}
