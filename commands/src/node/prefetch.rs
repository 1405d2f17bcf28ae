//! The two prefetch passes over a batch, safe to call on a [`Core`].
//!
//! # Invariants
//! - A `Core` is made on its own thread, says there that it takes part in `keyspace::epoch`, never leaves that
//!   thread (it is not `Send`) and, when dropped, takes no further part.
#![allow(unsafe_code)]

use super::Node;
use super::core::Core;

impl Core {
    /// First pass: the key's bucket.
    #[inline]
    pub fn prefetch_bucket(&self, node: &Node, db: usize, hash: u64) {
        // SAFETY: see the module's head.
        unsafe { node.space.prefetch_bucket(db, hash) }
    }

    /// Second pass: the key's entry.
    #[inline]
    pub fn prefetch_entry(&self, node: &Node, db: usize, hash: u64) {
        // SAFETY: see the module's head.
        unsafe { node.space.prefetch_entry(db, hash) }
    }
}
