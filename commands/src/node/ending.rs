//! A shutdown that a signal asked for and that has not begun: SHUTDOWN ABORT calls it off.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// See the module's head.
#[derive(Debug, Default)]
pub struct Ending(AtomicBool);

impl Ending {
    /// A signal asks for the end.
    pub fn ask(&self) {
        self.0.store(true, SeqCst);
    }

    /// Whether the end is asked for and not called off.
    pub fn is_asked(&self) -> bool {
        self.0.load(SeqCst)
    }

    /// Calls it off, or begins it; false when it was not asked for.
    pub fn take(&self) -> bool {
        self.0.swap(false, SeqCst)
    }
}
