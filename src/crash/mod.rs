//! The last words of a process that is broken: a report in Redis's form (`crash-log-enabled`).
//!
//! A signal's handler may do next to nothing, since whatever it interrupted may hold any lock. So it only notes where
//! it happened and wakes a thread that waits for just that; the thread writes the report, and the handler ends the
//! process when it is done, or when it takes too long because it needs what the broken thread holds. SIGALRM has the
//! same thread log where all threads are, and nothing ends.

mod report;
mod signal;

use std::io::Read;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::thread;

use commands::node::Node;
use commands::node::host::Crash;

use crate::log;

pub(crate) use signal::give_thread_a_stack;

static NODE: RwLock<Weak<Node>> = RwLock::new(Weak::new());
static REPORTER: OnceLock<bool> = OnceLock::new();

/// Takes `crash-log-enabled` over.
pub(crate) fn follow(node: &Arc<Node>) {
    *NODE.write().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(node);
    if !node.settings.crash_log_enabled() {
        signal::leave_to_system();
    } else if *REPORTER.get_or_init(start_reporter) {
        signal::take_over();
    }
}

/// The thread that writes reports; false where the system has no room for it.
fn start_reporter() -> bool {
    let Ok((mut reader, writer)) = std::io::pipe() else { return false };
    signal::wake_by(writer);
    let wait = move || {
        let mut what = [0];
        while reader.read_exact(&mut what).is_ok() {
            if what == [signal::LOOK] {
                report::look(&signal::threads());
            } else {
                report::write(node(), Some(&signal::Caught::now()));
                signal::is_done();
            }
        }
    };
    thread::Builder::new().name("crash-report".into()).spawn(wait).is_ok()
}

fn node() -> Option<Arc<Node>> {
    NODE.read().unwrap_or_else(PoisonError::into_inner).upgrade()
}

/// DEBUG SEGFAULT and the like: breaks the process as a defect would.
pub(crate) fn break_down(how: Crash<'_>) {
    match how {
        Crash::Segfault => signal::segfault(),
        Crash::Assert => {
            log::warning("=== ASSERTION FAILED ===");
            log::warning(&format!("==> {}:{} '1 == 2' is not true", file!(), line!()));
        }
        Crash::Panic(why) => {
            log::warning("------------------------------------------------");
            log::warning(&format!("Guru Meditation: {why} #{}:{}", file!(), line!()));
            log::warning("------------------------------------------------");
        }
    }
    if node().is_some_and(|node| node.settings.use_exit_on_panic()) {
        report::write(node(), None);
        std::process::exit(1);
    }
    std::process::abort();
}
