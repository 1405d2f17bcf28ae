//! Who waits until the log has come to a sequence number.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::Seq;

/// A sequence number that only grows, and those who wait for it to.
///
/// Who waits registers before looking a second time, and who advances looks for waiters after advancing: both orders
/// are sequentially consistent, so one of them sees the other.
#[derive(Default)]
pub(super) struct Watermark {
    reached: AtomicU64,
    /// The lowest number that somebody waits for; `u64::MAX`: nobody. A cheap look for who advances.
    lowest: LowestWaiting,
    waiting: Mutex<Vec<(Seq, Waker)>>,
}

struct LowestWaiting(AtomicU64);

impl Default for LowestWaiting {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Watermark {
    pub(super) fn at(seq: Seq) -> Self {
        Self { reached: AtomicU64::new(seq), ..Self::default() }
    }

    #[inline]
    pub(super) fn get(&self) -> Seq {
        self.reached.load(SeqCst)
    }

    /// Advances to `seq` unless it is further already, and wakes who waited for no more.
    pub(super) fn advance(&self, seq: Seq) {
        let before = self.reached.fetch_max(seq, SeqCst);
        if before < seq && self.lowest.0.load(SeqCst) <= seq {
            self.wake(seq);
        }
    }

    fn wake(&self, seq: Seq) {
        let mut due = Vec::new();
        let mut waiting = self.waiting.lock();
        let mut lowest = u64::MAX;
        waiting.retain(|(wanted, waker)| {
            if *wanted <= seq {
                due.push(waker.clone());
                return false;
            }
            lowest = lowest.min(*wanted);
            true
        });
        self.lowest.0.store(lowest, SeqCst);
        drop(waiting);
        due.into_iter().for_each(Waker::wake);
    }

    /// Ready when it has come to `seq`; otherwise the task is woken then. A task waits for one number at a time.
    pub(super) fn poll(&self, seq: Seq, cx: &mut Context<'_>) -> Poll<()> {
        if self.get() >= seq {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.lock();
        match waiting.iter_mut().find(|(_, waker)| waker.will_wake(cx.waker())) {
            Some(entry) => entry.0 = seq,
            None => waiting.push((seq, cx.waker().clone())),
        }
        let lowest = waiting.iter().map(|(wanted, _)| *wanted).min().unwrap_or(u64::MAX);
        self.lowest.0.store(lowest, SeqCst);
        if self.get() < seq {
            return Poll::Pending;
        }
        waiting.retain(|(_, waker)| !waker.will_wake(cx.waker()));
        Poll::Ready(())
    }
}
