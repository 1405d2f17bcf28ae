//! Blocks that were read lately: a value that is asked for again while it is here is worth its place in memory.

use std::sync::Arc;

use keyspace::warm::Ticket;
use lru::LruCache;

/// See the module's head.
pub(super) struct Cache {
    payloads: LruCache<Ticket, Arc<[u8]>>,
    bytes: usize,
    bytes_max: usize,
}

/// What an entry takes beside its bytes, roughly.
const OVERHEAD: usize = 96;

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { payloads: LruCache::unbounded(), bytes: 0, bytes_max }
    }

    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        self.shrink();
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a payload is small enough to share the room with others.
    pub(super) fn takes(&self, len: usize) -> bool {
        len <= self.bytes_max / 16
    }

    pub(super) fn put(&mut self, ticket: Ticket, payload: &[u8]) {
        if self.takes(payload.len()) {
            self.bytes += payload.len() + OVERHEAD;
            if let Some(old) = self.payloads.put(ticket, payload.into()) {
                self.bytes -= old.len() + OVERHEAD;
            }
            self.shrink();
        }
    }

    /// Takes a payload out: whoever asks a second time keeps the value.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Arc<[u8]>> {
        let payload = self.payloads.pop(&ticket)?;
        self.bytes -= payload.len() + OVERHEAD;
        Some(payload)
    }

    fn shrink(&mut self) {
        while self.bytes > self.bytes_max {
            let Some((_, old)) = self.payloads.pop_lru() else { break };
            self.bytes -= old.len() + OVERHEAD;
        }
    }
}
