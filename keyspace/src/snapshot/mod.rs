//! A picture of all keys at one instant, taken while they go on changing.
//!
//! No fork: at the instant every shard is locked once, and each table turns one bit (`dict/capture.rs`), after which
//! no entry counts as captured. A thread then walks the tables, a few entries under each short lock, and copies
//! them; whoever changes an entry before it comes by copies that one entry first. Copies are memory moves; encoding
//! them happens without locks. Large collections are taken part by part in the same way (`gathering.rs`).
//!
//! # Invariants
//! - Each entry of the instant is copied once: by the walk or by the first writer. Entries that come later bear the
//!   present sense from birth and are never copied.
//! - One capture at a time; its end leaves every word with its table's sense, also when nobody wants the picture.
//! - Lock order: shards, then `Keyspace::capture`, then the mutexes of `Side`, then those of gatherings.

#![allow(unsafe_code)]

mod batch;
mod gathering;
mod parts;
mod run;
mod side;
mod spill;
mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::Arc;

pub(crate) use gathering::{CaptureSlot, Captured, Gathering, InCapture};
pub(crate) use parts::Parts;
pub use run::{Failure, Progress};
pub(crate) use side::Side;
pub use side::copied_bytes;
use spill::Spill;
pub(crate) use table::TableCapture;

use crate::shard::Keyspace;

/// How many buckets are walked under one lock at most, where little is to be copied.
pub(crate) const STEP_BUCKETS: usize = 64;
/// Copies that writers make wait in batches, of all shards together at most so many bytes.
const BATCHES_BYTES_MAX: usize = 4 << 20;
const BATCH_BYTES_MAX: usize = 32 << 10;
const BATCH_BYTES_MIN: usize = 2 << 10;
/// How often all locks are tried for before they are waited for: a long command elsewhere must not make those wait
/// who could go on.
const TRIES: usize = 200;

/// The keys of one database at the instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All.
    pub keys: usize,
    /// Those with a deadline.
    pub expiring: usize,
}

/// A picture that is being taken. Dropping it gives the picture up.
pub struct Capture<'k> {
    space: &'k Keyspace,
    side: Arc<Side>,
    /// By database.
    counts: Vec<Count>,
    spill: Option<Spill>,
}

impl Keyspace {
    /// Fixes the instant of a picture: `at_instant` runs while nothing can change. None while another picture is
    /// taken.
    pub fn begin_capture<T>(&self, at_instant: impl FnOnce() -> T) -> Option<(Capture<'_>, T)> {
        let side = Arc::new(Side::default());
        {
            let mut running = self.capture.lock();
            if running.is_some() {
                return None;
            }
            *running = Some(side.clone());
        }
        let batch_bytes = (BATCHES_BYTES_MAX / self.shards()).clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX);
        let mut counts = vec![Count::default(); self.databases()];
        self.lock_all_soon(TRIES);
        let answer = at_instant();
        for shard in 0..self.shards() {
            for (db, count) in counts.iter_mut().enumerate() {
                // SAFETY: all shards are locked, and no other reference into them is in use.
                if let Some(table) = unsafe { self.db_mut(shard, db) }
                    && !table.is_empty()
                {
                    count.keys += table.len();
                    count.expiring += table.expiring();
                    table.begin_capture(TableCapture::new(side.clone(), db, shard, batch_bytes));
                }
            }
        }
        for shard in 0..self.shards() {
            // SAFETY: locked above; no directory changed.
            unsafe { self.unlock_unchanged(shard) };
        }
        Some((Capture { space: self, side, counts, spill: None }, answer))
    }

    /// Whether a picture is being taken.
    pub fn is_capturing(&self) -> bool {
        self.capture.lock().is_some()
    }
}

impl Capture<'_> {
    /// How many keys the picture has, by database.
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// The most bytes of copies that were in memory so far.
    pub fn copied_bytes_peak(&self) -> usize {
        self.side.bytes_peak()
    }

    /// A file for copies that find no room in memory, to which nobody else has access.
    pub fn spill_to(&mut self, file: File) {
        self.spill = Some(Spill::new(file));
    }
}
