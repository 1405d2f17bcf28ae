//! HTTP in front of the same commands.
//!
//! Reading order: `listen` (sockets, limits), `peer` (one connection of HTTP), `session` (how a request becomes one of
//! the server's own connections), `routes` (all paths), `rest` (the contract of Upstash at the root), `resources`
//! (`/v1`), `metrics`, `health`.
//!
//! Nothing here runs a command. A request is written into a pipe, whose other end the server serves as a connection like
//! any other, in the same thread: so guards, users, log, waiting, pauses and statistics are the same as with RESP.

mod auth;
mod body;
mod health;
mod json;
mod listen;
mod metrics;
mod peer;
mod resources;
mod respond;
mod rest;
mod routes;
mod session;
mod sse;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use commands::node::Node;
use tokio::io::DuplexStream;

/// Who asks through a pipe, as CLIENT LIST shows him.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The peer's address.
    pub addr: String,
    /// Our own.
    pub laddr: String,
    /// The socket of his connection.
    pub fd: i32,
    /// The protocol that he speaks.
    pub via: &'static str,
}

/// Serves the other end of a pipe as a connection, in this thread; false: the server is on its way down.
pub type Door = Arc<dyn Fn(Caller, DuplexStream) -> bool + Send + Sync>;

/// What all of its threads share.
pub(crate) struct Shared {
    pub(crate) node: Arc<Node>,
    /// Open connections of HTTP.
    pub(crate) connections: AtomicUsize,
    /// Answers so far, for tokens that say which one is newer.
    pub(crate) answers: AtomicU64,
}

/// See the crate's head.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

impl Gateway {
    /// For an instance.
    pub fn new(node: Arc<Node>) -> Self {
        Self(Arc::new(Shared { node, connections: AtomicUsize::new(0), answers: AtomicU64::new(0) }))
    }

    /// Accepts on the sockets, and serves who comes, in this thread; never over.
    pub async fn serve(self, sockets: Vec<TcpListener>, door: Door) {
        let router = routes::router();
        for socket in sockets {
            tokio::spawn(listen::accept(self.0.clone(), socket, door.clone(), router.clone()));
        }
        std::future::pending::<()>().await;
    }
}
