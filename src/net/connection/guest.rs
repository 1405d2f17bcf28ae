//! A connection's client, for as long as the instance knows it, and how a certificate makes it somebody's.

use std::sync::Arc;

use commands::client::Client;
use commands::node::Node;
use settings::{LogLevel, TlsAuthClientsUser};

use crate::log;
use crate::tls::{Peer, Unnamed};

/// A client who is known to the instance for as long as this lives.
pub(crate) struct Guest {
    node: Arc<Node>,
    pub(super) client: Client,
}

impl Guest {
    pub(crate) fn new(node: Arc<Node>, client: Client) -> Self {
        Self { node, client }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.client.leave(&self.node);
        self.node.clients.remove(&self.client.shared.id);
        self.node.audit_connection(&self.client.shared, "disconnect");
    }
}

/// Makes a connection whose TLS handshake is done that of the user whom its certificate names (`tls-auth-clients-user`);
/// false where the certificate is a trap.
#[cold]
pub(super) fn greet(node: &Node, client: &mut Client, peer: &Peer) -> bool {
    let from = node.settings.tls_auth_clients_user();
    let addr = &client.shared.addr;
    match peer.name(from) {
        _ if from == TlsAuthClientsUser::Off => true,
        Ok(name) => {
            *client.shared.facts.tls_name.lock() = Some(name.as_slice().into());
            if !node.sign_in_certified(client, &name) {
                let name = base::quote::quote(&name);
                log::log(LogLevel::Verbose, &format!("TLS: no enabled user {name} for a client's certificate"));
            }
            true
        }
        Err(Unnamed::Absent) => true,
        Err(Unnamed::ZeroByte) => {
            log::warning(&format!("TLS: refused a certificate with a zero byte in its name (addr={addr})"));
            false
        }
    }
}
