//! The instance's log: there from the moment it is first wanted.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use persistence::wal::{Log, Seq};

thread_local! {
    /// The slot of this thread; beyond all slots: the last one.
    static SLOT: Cell<usize> = const { Cell::new(usize::MAX) };
    /// The last place that this thread appended to since it was asked.
    static LAST: Cell<Seq> = const { Cell::new(0) };
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Journal {
    log: OnceLock<Arc<Log>>,
    cores: usize,
}

impl Journal {
    /// For so many cores; one more slot is for a thread that is none.
    pub(crate) fn new(cores: usize) -> Self {
        Self { log: OnceLock::new(), cores }
    }

    /// Buffers that the log needs.
    pub(crate) fn slots(&self) -> usize {
        self.cores + 1
    }

    /// Says that this thread is the one of a core.
    pub(crate) fn enter_core(core: usize) {
        SLOT.set(core);
    }

    /// Connects the log, once.
    pub(crate) fn connect(&self, log: Arc<Log>) {
        let _ = self.log.set(log);
    }

    /// The log, if there ever was one.
    #[inline]
    pub(crate) fn log(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    /// The last place that this thread appended to since it was last asked; 0 for none.
    #[inline]
    pub(crate) fn take_last() -> Seq {
        LAST.replace(0)
    }

    /// Undoes `take_last`, around what is done for others in the midst of a command.
    pub(crate) fn put_back(place: Seq) {
        LAST.set(place);
    }
}

impl commands::node::log::Log for Journal {
    fn reserve(&self) -> u64 {
        self.log.get().map_or(0, |log| log.reserve())
    }

    fn failure(&self) -> Option<String> {
        self.log.get()?.failure()
    }

    fn is_healthy(&self) -> bool {
        self.log.get().is_none_or(|log| log.is_healthy())
    }

    fn durable(&self) -> u64 {
        self.log.get().map_or(u64::MAX, |log| log.durable())
    }

    fn poll_durable(&self, place: u64, cx: &mut Context<'_>) -> Poll<()> {
        self.log.get().map_or(Poll::Ready(()), |log| log.poll_durable(place, cx))
    }

    fn append(&self, place: u64, record: &[u8]) {
        if let Some(log) = self.log.get() {
            log.append(SLOT.get().min(self.cores), place, record);
            LAST.set(place);
        }
    }
}
