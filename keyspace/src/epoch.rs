//! Memory that another core may still be looking at is freed only after every core has passed a quiet point.
//!
//! Cores look at a table's directory and buckets without its lock, only to prefetch (`Dict::prefetch`). What
//! such a look may reach is retired here instead of freed. Each core announces quiet points (every few batches, at
//! the latest at its tick) and when it sleeps; memory retired before the oldest of these is freed. Without the sleep,
//! a growing table's old segments wait for the tick of every idle core: megabytes at full speed.
#![allow(unsafe_code)]

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

const CORES_MAX: usize = 256;
/// A few segments of the largest size.
const RETIRED_BYTES_MAX: usize = 64 * 1024;
const NOT_A_CORE: u64 = u64::MAX;

static EPOCH: AtomicU64 = AtomicU64::new(1);
static SEEN: [AtomicU64; CORES_MAX] = [const { AtomicU64::new(NOT_A_CORE) }; CORES_MAX];

struct Retired {
    /// 0 until the retiring thread is quiet itself: only then is the memory surely unreachable for new looks.
    epoch: u64,
    memory: NonNull<u8>,
    layout: Layout,
    free: Free,
}

/// What gives memory back to where it came from.
pub(crate) type Free = unsafe fn(NonNull<u8>, Layout);

#[derive(Default)]
struct Limbo(VecDeque<Retired>);

thread_local! {
    static LIMBO: RefCell<Limbo> = RefCell::default();
    static RETIRED_BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Announces that core `core` holds no unlocked reference, and frees what this thread retired long enough ago.
/// A thread takes part from its first call on; it must go on calling, or say [`leave`].
pub fn quiet(core: usize) {
    wake(core);
    LIMBO.with_borrow_mut(Limbo::sweep);
}

/// Whether this thread has retired so much that it should be [`quiet`] soon.
#[inline]
pub fn is_due() -> bool {
    RETIRED_BYTES.get() > RETIRED_BYTES_MAX
}

/// The core's thread is about to sleep, without any unlocked reference: nobody needs to wait for it until [`wake`].
pub fn rest(core: usize) {
    SEEN[core].store(NOT_A_CORE, Ordering::Release);
    LIMBO.with_borrow_mut(Limbo::sweep);
}

/// The core's thread goes on after [`rest`].
#[inline]
pub fn wake(core: usize) {
    SEEN[core].store(EPOCH.load(Ordering::SeqCst), Ordering::SeqCst);
    // What it looks at from now on is at least as new as what a sweep saw that still found it resting.
    fence(Ordering::SeqCst);
}

/// The core takes no further part.
pub fn leave(core: usize) {
    SEEN[core].store(NOT_A_CORE, Ordering::SeqCst);
}

/// Frees `memory` when no core can be looking at it any more.
///
/// # Safety
/// `free` may free `memory` of `layout`, on any thread; it is unreachable for new looks once the caller has given
/// back the lock it holds, and nobody else frees it.
pub(crate) unsafe fn retire(memory: NonNull<u8>, layout: Layout, free: Free) {
    RETIRED_BYTES.set(RETIRED_BYTES.get() + layout.size());
    LIMBO.with_borrow_mut(|limbo| limbo.0.push_back(Retired { epoch: 0, memory, layout, free }));
}

fn oldest_seen() -> u64 {
    fence(Ordering::SeqCst);
    SEEN.iter().map(|seen| seen.load(Ordering::SeqCst)).min().unwrap_or(NOT_A_CORE)
}

impl Limbo {
    fn sweep(&mut self) {
        if self.0.is_empty() {
            return;
        }
        // A thread that ends has no such count any more.
        let _ = RETIRED_BYTES.try_with(|bytes| bytes.set(0));
        if self.0.back().is_some_and(|retired| retired.epoch == 0) {
            let epoch = EPOCH.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.iter_mut().rev().take_while(|retired| retired.epoch == 0).for_each(|it| it.epoch = epoch);
        }
        let oldest = oldest_seen();
        while self.0.front().is_some_and(|retired| retired.epoch <= oldest) {
            if let Some(retired) = self.0.pop_front() {
                // SAFETY: `retire`'s contract; every core has been quiet since.
                unsafe { (retired.free)(retired.memory, retired.layout) };
            }
        }
    }
}

impl Drop for Limbo {
    fn drop(&mut self) {
        // A thread that ends early waits for the others rather than leaking or freeing under their eyes.
        let patience = std::time::Duration::from_millis(1);
        for _ in 0..1000 {
            self.sweep();
            if self.0.is_empty() {
                return;
            }
            std::thread::sleep(patience);
        }
    }
}

/// Frees what this thread retired and nobody can be looking at any more; for threads that are no cores, and
/// that hold no lock now.
pub fn sweep() {
    LIMBO.with_borrow_mut(Limbo::sweep);
}
