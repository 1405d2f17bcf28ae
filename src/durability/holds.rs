//! Replies of one core's connections that wait for the log, and the task that writes for all of them.
//!
//! A connection whose batch left records puts its replies aside and goes to the end of the line, behind the task,
//! which stands behind all connections that are ready now. So the task writes the records of all of them at once.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use commands::node::stats::CoreStats;
use persistence::wal::Seq;

use super::journal::Journal;

/// See the module's head.
pub(crate) struct Holds {
    journal: Arc<Journal>,
    stats: Arc<CoreStats>,
    waiting: RefCell<Vec<(Seq, Waker)>>,
    /// The task that writes; none before its first turn.
    writer: RefCell<Option<Waker>>,
    is_asked: Cell<bool>,
}

impl Holds {
    pub(crate) fn new(journal: Arc<Journal>, stats: Arc<CoreStats>) -> Self {
        Self { journal, stats, waiting: RefCell::default(), writer: RefCell::default(), is_asked: Cell::new(false) }
    }

    /// Whether replies that depend on `seq` may leave.
    #[inline]
    pub(crate) fn may_leave(&self, seq: Seq) -> bool {
        self.journal.log().is_none_or(|log| log.settled() >= seq)
    }

    /// Everything that was reserved so far: who sees the effects of others may depend on it.
    pub(crate) fn last_reserved(&self) -> Seq {
        self.journal.log().map_or(0, |log| log.last_reserved())
    }

    /// Has the task written, and the connection woken when replies that depend on `seq` may leave.
    pub(crate) fn wait(&self, seq: Seq, waker: &Waker) {
        self.waiting.borrow_mut().push((seq, waker.clone()));
        self.ask();
    }

    /// Has the task write what was appended by nobody's request.
    pub(crate) fn ask(&self) {
        if !self.is_asked.replace(true)
            && let Some(writer) = &*self.writer.borrow()
        {
            writer.wake_by_ref();
        }
    }

    /// The task: never over.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.writer.borrow().as_ref().is_none_or(|writer| !writer.will_wake(cx.waker())) {
            *self.writer.borrow_mut() = Some(cx.waker().clone());
        }
        let Some(log) = self.journal.log() else { return Poll::Pending };
        if self.is_asked.replace(false) {
            let began = Instant::now();
            log.flush();
            self.stats.log_ns.add(began.elapsed().as_nanos() as u64);
        }
        loop {
            let settled = log.settled();
            let mut lowest = Seq::MAX;
            self.waiting.borrow_mut().retain(|(seq, waker)| {
                if *seq <= settled {
                    waker.wake_by_ref();
                } else {
                    lowest = lowest.min(*seq);
                }
                *seq > settled
            });
            if lowest == Seq::MAX || log.poll_settled(lowest, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
