//! What the tables use of the page pool, which the allocator does not count.
//!
//! `used_memory` = allocator's bytes + these. They are bytes of live records (rounded to their classes) and of
//! segments, not of whole pages: deleting keys lowers them even while their page is still shared with others (an
//! eviction loop that only saw whole pages would evict everything). Each thread counts for itself and publishes now
//! and then, so no cache line is shared on the hot path.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

thread_local! {
    static POOLED_BYTES: Cell<i64> = const { Cell::new(0) };
}

static HOOK: OnceLock<fn()> = OnceLock::new();
static PUBLISHED: AtomicI64 = AtomicI64::new(0);

#[inline]
pub(crate) fn add_pooled(delta: i64) {
    POOLED_BYTES.with(|bytes| bytes.set(bytes.get() + delta));
}

/// What this thread has not published yet; may be negative.
#[inline]
pub fn unpublished_pooled_bytes() -> i64 {
    POOLED_BYTES.with(Cell::get)
}

/// Has `publish` called wherever a thread of this crate publishes, so that it can publish more.
pub fn on_publish(publish: fn()) {
    // A second one is the same one, of another instance in the process.
    let _ = HOOK.set(publish);
}

/// As `publish_pooled`, with what was added by `on_publish`.
pub fn publish_all() {
    publish_pooled();
    if let Some(publish) = HOOK.get() {
        publish();
    }
}

/// Adds this thread's count to the total.
pub fn publish_pooled() {
    PUBLISHED.fetch_add(POOLED_BYTES.take(), Relaxed);
}

/// Bytes of all threads, as published.
pub fn pooled_bytes() -> i64 {
    PUBLISHED.load(Relaxed)
}
