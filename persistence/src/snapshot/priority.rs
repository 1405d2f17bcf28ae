//! The calling thread gives way to others.
//!
//! Invariant: the call concerns the calling thread alone and no memory.
#![allow(unsafe_code)]

/// Half of what an ordinary thread gets where all want the processor, and less of a delay to those who wake.
const NICENESS: libc::c_int = 10;

/// Lowers the priority of the calling thread. Where the system refuses, it stays as it was.
pub fn lower_own_priority() {
    if is_deadly() {
        return;
    }
    // SAFETY: on Linux, `who` 0 is the calling thread; no pointer is passed.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS as _, 0, NICENESS);
    }
}

/// Whether the call may end the process: units of systemd filter it (`SystemCallFilter=~@resources`, as Debian's for
/// redis-server does), and a filtered call ends the process unless the unit names an error for it. Which calls a filter
/// takes cannot be asked.
fn is_deadly() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_filtered = status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"));
    is_filtered && std::env::var_os("INVOCATION_ID").is_some()
}
