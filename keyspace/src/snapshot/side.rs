//! What the writers and the capturer of one capture share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::batch::Batch;
use super::gathering::Gathering;
use crate::db::Db;

/// Bytes of copies in memory, of all captures.
static COPIED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of memory that captures keep for the disk, beside the keyspace.
pub fn copied_bytes() -> usize {
    COPIED_BYTES.load(Relaxed)
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Side {
    /// Copies that writers made of what they were about to change; full batches.
    pub(super) saved: Mutex<VecDeque<Batch>>,
    /// Tables that were taken out of the keyspace while their capture ran; they stay until its end.
    pub(super) orphans: Mutex<Vec<Db>>,
    /// Collections that the capture has begun.
    pub(super) gatherings: Mutex<Vec<Arc<Gathering>>>,
    /// Bytes of copies in memory.
    bytes: AtomicUsize,
    bytes_peak: AtomicUsize,
    /// Nobody wants the picture any more: nothing is copied, the marks are still brought to their end.
    cancelled: AtomicBool,
}

impl Side {
    /// Takes a table over that leaves the keyspace.
    pub(crate) fn adopt(&self, table: Box<Db>) {
        self.orphans.lock().push(*table);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        COPIED_BYTES.fetch_add(bytes, Relaxed);
        let sum = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        if sum > self.bytes_peak.load(Relaxed) {
            self.bytes_peak.store(sum, Relaxed);
        }
    }

    pub(super) fn sub_bytes(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
        COPIED_BYTES.fetch_sub(bytes, Relaxed);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub(super) fn bytes_peak(&self) -> usize {
        self.bytes_peak.load(Relaxed)
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        COPIED_BYTES.fetch_sub(*self.bytes.get_mut(), Relaxed);
    }
}
