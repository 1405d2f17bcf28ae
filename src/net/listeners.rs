//! The listening sockets of a running server: opened at the start, moved by CONFIG SET, shown by INFO.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use commands::node::Node;
use settings::Settings;
use tokio::sync::mpsc::UnboundedSender;

use super::listener::{Accepting, Address, Listener, Unbound, addresses, listen_tcp, listen_unix, wanted};
use crate::log;
use crate::startup::StartError;
use crate::tls::Tls;

/// See the module's head.
pub(crate) struct Listeners {
    node: Arc<Node>,
    /// What sessions of TLS begin with.
    pub(crate) tls: Tls,
    open: Mutex<Vec<Listener>>,
    /// To the acceptor; gone once the server stops.
    acceptor: Mutex<Option<UnboundedSender<Accepting>>>,
}

impl Listeners {
    pub(crate) fn new(node: Arc<Node>, acceptor: UnboundedSender<Accepting>) -> Self {
        Self { node, tls: Tls::default(), open: Mutex::default(), acceptor: Mutex::new(Some(acceptor)) }
    }

    pub(crate) fn open(&self) -> std::sync::MutexGuard<'_, Vec<Listener>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn listen_first(&self) -> Result<(), StartError> {
        let settings = &self.node.settings;
        self.tls.follow(settings).map_err(|_| StartError::Tls)?;
        let refuse = |Unbound { address, kind, port, reason }| StartError::Listen { address, reason, kind, port };
        let mut fresh = listen_on(settings, &[]).map_err(refuse)?;
        let path = settings.unixsocket();
        if !path.is_empty() {
            let path = settings.dir().as_path().join(path.as_path());
            let group = settings.unixsocketgroup();
            let socket = listen_unix(path, settings.unixsocketperm(), &group, settings.tcp_backlog());
            fresh.push(socket.map_err(refuse)?);
        }
        self.admit(fresh)?;
        Ok(())
    }

    /// Listens where `http-bind` and `http-port` say; the gateway's threads accept on what this answers.
    pub(crate) fn listen_http(&self) -> Result<Vec<std::net::TcpListener>, StartError> {
        let settings = &self.node.settings;
        let refuse = |Unbound { address, kind, port, reason }| StartError::Listen { address, reason, kind, port };
        let mut sockets = Vec::new();
        for (name, address, is_optional) in
            addresses(&settings.http_bind(), settings.http_port(), Address::Http).map_err(refuse)?
        {
            if let Some(listener) = listen_tcp(&name, &address, is_optional, settings.tcp_backlog()).map_err(refuse)? {
                sockets.push(listener.socket()?);
                self.open().push(listener);
            }
        }
        Ok(sockets)
    }

    /// Hands sockets to the acceptor.
    fn admit(&self, fresh: Vec<Listener>) -> io::Result<()> {
        if let Some(acceptor) = &*self.acceptor.lock().unwrap_or_else(PoisonError::into_inner) {
            for socket in &fresh {
                let _ = acceptor.send(socket.accepting()?);
            }
        }
        self.open().extend(fresh);
        Ok(())
    }

    /// Listens where the settings say now. Sockets that stay are left alone; those that do not are closed first,
    /// since the new ones may need their ports, and opened again when that fails.
    pub(crate) fn listen_again(&self) -> Result<(), String> {
        let settings = &self.node.settings;
        let wanted = wanted(settings).map_err(|unbound| unbound.reason)?;
        let stays = |socket: &Listener| match &socket.address {
            Address::Unix(_) | Address::Http(_) => true,
            address => wanted.iter().any(|(_, at, _)| at == address),
        };
        let mut open = self.open();
        let old = std::mem::take(&mut *open);
        let (kept, left): (Vec<_>, Vec<_>) = old.into_iter().partition(stays);
        let left: Vec<Address> = left.into_iter().map(|socket| socket.address.clone()).collect();
        let addresses: Vec<Address> = kept.iter().map(|socket| socket.address.clone()).collect();
        *open = kept;
        drop(open);
        match listen_on(settings, &addresses) {
            Ok(fresh) => self.admit(fresh).map_err(|error| base::system::reason(&error)),
            Err(unbound) => {
                log::warning(&format!(
                    "Could not create server TCP listening socket {}: {}",
                    unbound.address, unbound.reason
                ));
                self.reopen(&left);
                Err(format!("Unable to listen on {}: {}", unbound.address, unbound.reason))
            }
        }
    }

    fn reopen(&self, left: &[Address]) {
        for address in left {
            let Some(at) = address.ip_and_port() else { continue };
            match listen_tcp(&at.ip().to_string(), address, false, self.node.settings.tcp_backlog()) {
                Ok(socket) => drop(self.admit(socket.into_iter().collect())),
                Err(unbound) => {
                    log::warning(&format!("Cannot listen on {} any more: {}", unbound.address, unbound.reason));
                }
            }
        }
    }

    /// Takes the settings of TLS over for new connections.
    pub(crate) fn follow_tls(&self) -> Result<(), String> {
        self.tls
            .follow(&self.node.settings)
            .map_err(|_| "Unable to update TLS configuration. Check server logs.".into())
    }

    /// Looks whether files of TLS have changed.
    pub(crate) fn look_at_files(&self, is_told: bool) {
        self.tls.look_at_files(&self.node.settings, is_told);
    }

    /// Closes all and lets the acceptor end.
    pub(crate) fn close(&self) {
        self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.open().clear();
    }

    /// What INFO shows behind `listenerN:`: a row for each kind.
    pub(crate) fn shown(&self) -> Vec<String> {
        let open = self.open();
        let row = |kind: &str| {
            let of_kind = || open.iter().filter(|socket| socket.address.kind() == kind);
            let binds: Vec<String> = of_kind().map(|socket| format!(",bind={}", name_of(&socket.address))).collect();
            let port = of_kind().find_map(Listener::port).map_or_else(String::new, |port| format!(",port={port}"));
            (!binds.is_empty()).then(|| format!("name={kind}{}{port}", binds.concat()))
        };
        KINDS.into_iter().filter_map(row).collect()
    }

    /// The kinds of socket that are open, for the log.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let open = self.open();
        KINDS.into_iter().filter(|kind| open.iter().any(|socket| socket.address.kind() == *kind)).collect()
    }
}

/// In Redis's order, and ours.
const KINDS: [&str; 4] = ["tcp", "unix", "tls", "http"];

/// An address as `bind` spells it, or a path.
fn name_of(address: &Address) -> String {
    match address {
        Address::Unix(path) => path.display().to_string(),
        Address::Tcp(address) | Address::Tls(address) | Address::Http(address) => ip_name(address),
    }
}

fn ip_name(address: &SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => if ip.is_ipv4() { "*" } else { "::*" }.to_owned(),
        ip => ip.to_string(),
    }
}

/// Listens on every TCP address of the settings that is not in `open`.
fn listen_on(settings: &Settings, open: &[Address]) -> Result<Vec<Listener>, Unbound> {
    let mut fresh: Vec<Listener> = Vec::new();
    for (name, address, is_optional) in wanted(settings)? {
        if open.contains(&address) || fresh.iter().any(|socket| socket.address == address) {
            continue;
        }
        if let Some(socket) = listen_tcp(&name, &address, is_optional, settings.tcp_backlog())? {
            fresh.push(socket);
        }
    }
    Ok(fresh)
}
