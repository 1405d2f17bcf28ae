//! The calling thread gives way to others.
//!
//! Invariant: the call concerns the calling thread alone and no memory.
#![allow(unsafe_code)]

/// Half of what an ordinary thread gets where all want the processor, and less of a delay to those who wake.
const NICENESS: libc::c_int = 10;

/// Lowers the priority of the calling thread. Where the system refuses, it stays as it was.
pub fn lower_own_priority() {
    // SAFETY: on Linux, `who` 0 is the calling thread; no pointer is passed.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS as _, 0, NICENESS);
    }
}
