//! MONITOR: who wants to see every command, and how a command is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;

use super::trim::{REDACTED, is_secret};
use crate::client::{Client, Origin, Shared};
use crate::node::Node;
use crate::request::Request;
use crate::spec::flag;

/// See the module's head.
#[derive(Default)]
pub struct Monitors {
    /// How many there are: one load for each command while there is none.
    count: AtomicUsize,
    clients: Mutex<Vec<Arc<Shared>>>,
}

impl Monitors {
    /// Whether somebody watches.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Lets a client watch; false when it does already.
    pub fn add(&self, client: &Arc<Shared>) -> bool {
        let mut clients = self.clients.lock();
        if clients.iter().any(|other| other.id == client.id) {
            return false;
        }
        clients.push(client.clone());
        self.count.store(clients.len(), Relaxed);
        client.facts.monitor.store(true, Relaxed);
        true
    }

    /// Ends it: RESET, or the connection is gone.
    pub fn remove(&self, client: &Shared) {
        if client.facts.monitor.swap(false, Relaxed) {
            let mut clients = self.clients.lock();
            clients.retain(|other| other.id != client.id);
            self.count.store(clients.len(), Relaxed);
        }
    }

    /// Shows a command to those who watch.
    #[cold]
    pub(crate) fn show(&self, node: &Node, client: &Client, request: &Request<'_>, origin: Origin) {
        if request.row.command.has(flag::SKIP_MONITOR | flag::ADMIN) {
            return;
        }
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
