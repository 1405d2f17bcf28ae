//! MONITOR: who wants to see every command, and how a command is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use audit::{Class, Classes};
use bytes::Bytes;
use parking_lot::Mutex;

use super::trim::{REDACTED, is_secret};
use crate::client::{Client, Origin, Shared};
use crate::node::Node;
use crate::request::Request;
use crate::spec::{Command, flag};
use crate::table::Row;

/// Somebody watches.
pub(crate) const MONITORED: u32 = 1 << 31;

/// Who may want to see a command: those who watch see none that is for operators.
pub(crate) fn watched(command: &Command, classes: Classes) -> u32 {
    let monitored = if command.has(flag::SKIP_MONITOR | flag::ADMIN) { 0 } else { MONITORED };
    classes.0 | monitored
}

/// See the module's head.
#[derive(Default)]
pub struct Monitors {
    /// What is to be shown: classes of the audit log, and [`MONITORED`]. One load for each command while it is nothing.
    wanted: AtomicU32,
    clients: Mutex<Vec<Arc<Shared>>>,
}

impl Monitors {
    /// Who wants to see a command: [`MONITORED`] for those who watch, other bits for the audit log.
    #[inline]
    pub(crate) fn watch(&self, row: &Row) -> u32 {
        self.wanted.load(Relaxed) & row.watched
    }

    /// Whether somebody watches.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.wanted.load(Relaxed) & MONITORED != 0
    }

    /// Whether the audit log wants events of a class.
    #[inline]
    pub(crate) fn wants(&self, class: Class) -> bool {
        Classes(self.wanted.load(Relaxed)).has(class)
    }

    /// Says which classes of events the audit log wants.
    pub(crate) fn want(&self, classes: Classes) {
        let _ = self.wanted.fetch_update(Relaxed, Relaxed, |wanted| Some(wanted & MONITORED | classes.0));
    }

    /// Lets a client watch; false when it does already.
    pub fn add(&self, client: &Arc<Shared>) -> bool {
        let mut clients = self.clients.lock();
        if clients.iter().any(|other| other.id == client.id) {
            return false;
        }
        clients.push(client.clone());
        self.wanted.fetch_or(MONITORED, Relaxed);
        client.facts.monitor.store(true, Relaxed);
        true
    }

    /// Ends it: RESET, or the connection is gone.
    pub fn remove(&self, client: &Shared) {
        if client.facts.monitor.swap(false, Relaxed) {
            let mut clients = self.clients.lock();
            clients.retain(|other| other.id != client.id);
            if clients.is_empty() {
                self.wanted.fetch_and(!MONITORED, Relaxed);
            }
        }
    }

    /// Shows a command to those who watch.
    #[cold]
    pub(crate) fn show(&self, node: &Node, client: &Client, request: &Request<'_>, origin: Origin) {
        let line = line(client, request, origin);
        for watcher in self.clients.lock().iter() {
            let waiting = watcher.send(line.clone()) + watcher.facts.reply_bytes.load(Relaxed) as usize;
            node.bound_output(watcher, waiting);
        }
    }
}

fn line(client: &Client, request: &Request<'_>, origin: Origin) -> Bytes {
    let is_script = origin == Origin::Script;
    let unix_us = base::clock::unix_us();
    let origin = if client.shared.facts.unix_socket.load(Relaxed) && !is_script { "unix:" } else { "" };
    let addr = match origin {
        _ if is_script => "lua",
        "" => client.shared.addr.as_str(),
        _ => client.shared.addr.strip_suffix(":0").unwrap_or(&client.shared.addr),
    };
    let mut line = format!("+{}.{:06} [{} {origin}{addr}]", unix_us / 1_000_000, unix_us % 1_000_000, client.db);
    for (index, word) in request.words().enumerate() {
        line.push(' ');
        line.push_str(&base::quote::quote(if is_secret(request, index) { REDACTED } else { word }));
    }
    line.push_str("\r\n");
    line.into()
}
