//! The threads of a log: one syncs, one writes while that one does.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;
use std::{io, thread};

use super::log::Log;

/// Wakes a thread, once for any number of kicks.
#[derive(Default)]
pub(super) struct Signal {
    is_kicked: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Signal {
    pub(super) fn kick(&self) {
        if !self.is_kicked.swap(true, SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Waits for a kick, and takes it.
    fn wait(&self, at_most: Duration) {
        if !self.is_kicked.load(SeqCst) {
            thread::park_timeout(at_most);
        }
        self.is_kicked.store(false, SeqCst);
    }
}

/// The running threads of a log. Dropping it ends them after a last sync.
pub struct Threads {
    log: Arc<Log>,
    is_over: Arc<AtomicBool>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts them; a log has them once.
    pub fn start(log: &Arc<Log>) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut threads = Self { log: log.clone(), is_over: is_over.clone(), handles: Vec::new() };
        let (log, over) = (threads.log.clone(), is_over.clone());
        threads.spawn("log-sync", move || {
            let _ = log.sync_thread.thread.set(thread::current());
            while !over.load(SeqCst) {
                let rest = log.step();
                if !rest.is_zero() {
                    log.sync_thread.wait(rest);
                }
            }
        })?;
        let (log, over) = (threads.log.clone(), is_over);
        threads.spawn("log-write", move || {
            let _ = log.write_thread.thread.set(thread::current());
            while !over.load(SeqCst) {
                log.write_thread.wait(Duration::from_secs(3600));
                log.write_all();
            }
        })?;
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.handles.push(thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }

    /// Ends the threads and makes everything durable; an error says why it is not.
    pub fn stop(mut self) -> Result<(), String> {
        self.end();
        self.log.close()
    }

    fn end(&mut self) {
        self.is_over.store(true, SeqCst);
        self.log.sync_thread.kick();
        self.log.write_thread.kick();
        for handle in self.handles.drain(..) {
            let _ = handle.join();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if !self.handles.is_empty() {
            self.end();
            let _ = self.log.close();
        }
    }
}
