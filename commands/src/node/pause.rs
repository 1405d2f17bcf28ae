//! CLIENT PAUSE: until when which commands wait.
//!
//! One word, so that a command needs one load to know that nobody is paused: the deadline in milliseconds, shifted
//! by one, and whether reads wait too in the lowest bit. 0: no pause.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// What waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paused {
    /// Commands that may write.
    Writes,
    /// All.
    All,
}

/// See the module's head.
#[derive(Debug, Default)]
pub struct Pause(AtomicU64);

impl Pause {
    /// Whether a pause was begun; it may be over.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(SeqCst) != 0
    }

    /// What waits now, and until when. A pause that is over is forgotten.
    pub fn state(&self, now_ms: i64) -> Option<(Paused, i64)> {
        let word = self.0.load(SeqCst);
        if word == 0 {
            return None;
        }
        let until_ms = (word >> 1) as i64;
        if until_ms <= now_ms {
            // Who extends it at this moment wins.
            let _ = self.0.compare_exchange(word, 0, SeqCst, SeqCst);
            return None;
        }
        Some((if word & 1 == 1 { Paused::All } else { Paused::Writes }, until_ms))
    }

    /// Begins a pause. One that is on becomes no shorter and no less strict.
    pub fn extend(&self, what: Paused, until_ms: i64) {
        let until = until_ms.max(0) as u64;
        let add = |word: u64| Some((word >> 1).max(until) << 1 | word & 1 | u64::from(what == Paused::All));
        let _ = self.0.fetch_update(SeqCst, SeqCst, add);
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        self.0.store(0, SeqCst);
    }
}
