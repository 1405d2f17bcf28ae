//! What the tables hold back: bytes that the allocator counts as given out but no record uses.
//!
//! `used_memory` = allocator's bytes - idle bytes, so that deleting keys lowers it even while their page is
//! still shared with others (an eviction loop that only saw whole pages would evict everything).
//! Each thread counts for itself and publishes now and then, so no cache line is shared on the hot path.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

thread_local! {
    static IDLE_BYTES: Cell<i64> = const { Cell::new(0) };
}

static HOOK: OnceLock<fn()> = OnceLock::new();
static PUBLISHED: AtomicI64 = AtomicI64::new(0);

#[inline]
pub(crate) fn add_idle(delta: i64) {
    IDLE_BYTES.with(|idle| idle.set(idle.get() + delta));
}

/// What this thread has not published yet; may be negative.
#[inline]
pub fn unpublished_idle_bytes() -> i64 {
    IDLE_BYTES.with(Cell::get)
}

/// Has `publish` called wherever a thread of this crate publishes, so that it can publish more.
pub fn on_publish(publish: fn()) {
    // A second one is the same one, of another instance in the process.
    let _ = HOOK.set(publish);
}

/// As `publish_idle`, with what was added by `on_publish`.
pub(crate) fn publish_all() {
    publish_idle();
    if let Some(publish) = HOOK.get() {
        publish();
    }
}

/// Adds this thread's count to the total.
pub fn publish_idle() {
    PUBLISHED.fetch_add(IDLE_BYTES.take(), Relaxed);
}

/// Idle bytes of all threads, as published.
pub fn idle_bytes() -> i64 {
    PUBLISHED.load(Relaxed)
}
