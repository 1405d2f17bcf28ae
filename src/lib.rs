//! The server: sockets, threads and start-up; it composes everything and is a library for its own tests.

mod allocator;
mod cores;
mod net;
#[cfg(test)]
mod tidy;

use std::io;
use std::sync::Arc;

use commands::node::Node;
use commands::table::Table;
use settings::Settings;

use net::listener::{Cores, accept_tcp, bind};

/// Runs the server until it is told to end.
pub fn run(settings: Settings) -> io::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let table = Table::new(&[]).map_err(io::Error::other)?;
    let port = settings.port();
    let node = Arc::new(Node::new(settings, table, cores)?);
    let doors: io::Result<Vec<_>> = (0..cores).map(|index| cores::spawn(node.clone(), index)).collect();
    let cores = Cores(doors?.into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bind(([127, 0, 0, 1], port).into(), 511)?;
        accept_tcp(tokio::net::TcpListener::from_std(listener)?, cores).await;
        Ok(())
    })
}
