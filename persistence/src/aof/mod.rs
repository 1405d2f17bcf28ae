//! Redis's append-only files, read: one file, one that begins with a snapshot, or several that a manifest names.
//!
//! - `manifest`: which files there are, and in which order.
//! - `reader`: the requests of one file, transactions as a whole or not at all.
//! - `judge`: a file looked at as `redis-check-aof` does, which is stricter than a start.
//!
//! # Invariants
//! - Nothing here changes a file, and no input makes it panic, loop or allocate more than the input is long.

mod judge;
mod manifest;
mod reader;

pub use judge::{Judge, TooLate, Verdict};
pub use manifest::{Flaw, Manifest, Part};
pub use reader::{End, Reader};

/// How a file begins that has a snapshot in front of its requests.
pub fn begins_with_snapshot(bytes: &[u8]) -> bool {
    bytes.starts_with(b"REDIS") || bytes.starts_with(b"VALKEY")
}
