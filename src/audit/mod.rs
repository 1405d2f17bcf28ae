//! The audit log's way to its file: events of all cores in a bounded queue, written by a thread of their own.
//!
//! Invariants: nobody waits for the file; what the queue had no room for is counted, and told once there is room;
//! under `audit-log-policy closed` commands are refused (by whoever asks [`Sink::is_shut`]) before that happens.

mod file;
pub(crate) mod tools;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use audit::{Class, Event};
use commands::node::Node;
use commands::node::audit::Sink;
use settings::AuditLogPolicy;

use crate::log;
use file::AuditFile;

/// Events that wait at most; then the queue is full.
const EVENTS_MAX: usize = 64 * 1024;
/// And their bytes.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// From here on nothing is begun that must be told: what runs already still finds room.
const SHUT_EVENTS: usize = EVENTS_MAX * 3 / 4;
const SHUT_BYTES: usize = BYTES_MAX * 3 / 4;
/// So long events gather: one write for all of them.
const GATHER: Duration = Duration::from_millis(2);
/// Between two tries while the file cannot be written.
const RETRY: Duration = Duration::from_secs(1);
/// How long a shutdown waits for the last events.
const END_MAX: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Queue {
    events: Vec<Vec<u8>>,
    bytes: usize,
    /// Events that there was no room for since the last that there was.
    lost: u64,
    reopen: bool,
    ends: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// The file cannot be written, or the queue is nearly full.
    is_shut: AtomicBool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, fields: Vec<u8>) {
        let mut queue = self.queue();
        if queue.events.len() >= EVENTS_MAX || queue.bytes >= BYTES_MAX {
            queue.lost += 1;
            return;
        }
        queue.bytes += fields.len();
        queue.events.push(fields);
        if queue.events.len() >= SHUT_EVENTS || queue.bytes >= SHUT_BYTES {
            self.is_shut.store(true, Relaxed);
        }
        if queue.events.len() == 1 {
            self.wake.notify_one();
        }
    }
}

/// What the instance pushes to.
struct Pushed {
    shared: Arc<Shared>,
    node: Weak<Node>,
}

impl Sink for Pushed {
    fn push(&self, fields: Vec<u8>) {
        self.shared.push(fields);
    }

    fn is_shut(&self) -> bool {
        let is_closed = |node: Arc<Node>| node.settings.audit_log_policy() == AuditLogPolicy::Closed;
        self.shared.is_shut.load(Relaxed) && self.node.upgrade().is_some_and(is_closed)
    }
}

/// The audit log of a running server.
pub(crate) struct Audit {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Audit {
    /// Opens the file of the settings and tells of the start; None where no file is named.
    pub(crate) fn start(node: &Arc<Node>) -> Result<Option<Self>, String> {
        let name = node.settings.audit_log_file();
        // Wrong names of classes are found with and without a file.
        node.follow_audit()?;
        if name.is_empty() {
            return Ok(None);
        }
        let path = node.settings.dir().as_path().join(name.as_path());
        let refuse =
            |error: io::Error| format!("Can't open the audit log {}: {}", path.display(), base::system::reason(&error));
        let (file, cut) = AuditFile::open(path.clone()).map_err(refuse)?;
        let shared = Arc::new(Shared::default());
        if cut > 0 {
            log::warning(&format!("The audit log ended within a line: {cut} bytes were cut off"));
            shared.push(own("cut", Some(&format!("{cut} bytes of a line whose write was cut off"))));
        }
        shared.push(own("start", None));
        let of_thread = shared.clone();
        let thread =
            thread::Builder::new().name("audit".into()).spawn(move || write_all(&of_thread, file)).map_err(refuse)?;
        node.set_audit_sink(Box::new(Pushed { shared: shared.clone(), node: Arc::downgrade(node) }));
        node.follow_audit()?;
        Ok(Some(Self { shared, thread }))
    }

    /// Goes on in a new file of the same name: the old one was moved away.
    pub(crate) fn reopen(&self) {
        self.shared.queue().reopen = true;
        self.shared.wake.notify_one();
    }

    /// Tells of the end, and waits until all is written, or for a while.
    pub(crate) fn stop(self) {
        self.shared.push(own("stop", None));
        self.shared.queue().ends = true;
        self.shared.wake.notify_one();
        let start = Instant::now();
        while !self.thread.is_finished() && start.elapsed() < END_MAX {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// An event of the audit log itself.
fn own(what: &str, reason: Option<&str>) -> Vec<u8> {
    let event = Event {
        unix_us: base::clock::unix_us(),
        class: Class::Admin,
        outcome: "ok",
        user: b"",
        client: 0,
        addr: "",
        tls_name: None,
        db: None,
        cmd: &format!("audit-log {what}"),
        args: &[],
        keys: &[],
        hides_keys: false,
        reason,
        ns: None,
    };
    event.fields()
}

/// The thread: brings what is in the queue to the file, until the end.
fn write_all(shared: &Shared, mut file: AuditFile) {
    let mut has_failed = false;
    loop {
        let (events, lost, reopen, ends) = take(shared, has_failed || file.has_rest());
        let written = file.flush().and_then(|()| if reopen { file.reopen() } else { Ok(()) });
        for fields in &events {
            file.add(fields);
        }
        if lost > 0 {
            file.add(&own("lost", Some(&format!("{lost} events, which the queue had no room for"))));
        }
        match written.and_then(|()| file.flush()) {
            Ok(()) if has_failed => {
                log::warning(&format!("The audit log {} can be written again", file.path().display()));
                has_failed = false;
            }
            Ok(()) => {}
            Err(error) => {
                if !has_failed {
                    let (path, reason) = (file.path().display(), base::system::reason(&error));
                    log::warning(&format!("The audit log {path} cannot be written: {reason}"));
                }
                has_failed = true;
            }
        }
        let is_full = shared.queue().events.len() >= SHUT_EVENTS;
        shared.is_shut.store(has_failed || is_full, Relaxed);
        if ends {
            return file.sync();
        }
    }
}

/// What waits in the queue, once there is something; nothing of it while the file cannot be written, so that the queue
/// is what bounds the memory.
fn take(shared: &Shared, has_failed: bool) -> (Vec<Vec<u8>>, u64, bool, bool) {
    let mut queue = shared.queue();
    if has_failed && !queue.ends {
        queue = shared.wake.wait_timeout(queue, RETRY).unwrap_or_else(PoisonError::into_inner).0;
        let (reopen, ends) = (std::mem::take(&mut queue.reopen), queue.ends);
        return (Vec::new(), 0, reopen, ends);
    }
    while queue.events.is_empty() && !queue.reopen && !queue.ends {
        queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    if !queue.ends {
        drop(queue);
        thread::sleep(GATHER);
        queue = shared.queue();
    }
    queue.bytes = 0;
    let events = std::mem::take(&mut queue.events);
    (events, std::mem::take(&mut queue.lost), std::mem::take(&mut queue.reopen), queue.ends)
}

/// The path that a checker is told, or the last word of a usage.
pub(crate) fn paths(words: &[Vec<u8>]) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    words.iter().map(|word| PathBuf::from(std::ffi::OsStr::from_bytes(word))).collect()
}
