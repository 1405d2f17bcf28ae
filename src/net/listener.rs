//! Accepts connections and hands each to the core with the fewest.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

use super::socket::Accepted;

/// Where accepted sockets go.
#[derive(Clone)]
pub(crate) struct Cores(pub(crate) Arc<[CoreDoor]>);

/// A core's door.
pub(crate) struct CoreDoor {
    /// The core takes them from the other end.
    pub(crate) sender: UnboundedSender<Accepted>,
    /// Its connections now.
    pub(crate) load: Arc<AtomicUsize>,
}

impl Cores {
    /// Hands a socket over.
    pub(crate) fn assign(&self, socket: Accepted) {
        if let Some(door) = self.0.iter().min_by_key(|door| door.load.load(Relaxed)) {
            door.load.fetch_add(1, Relaxed);
            if door.sender.send(socket).is_err() {
                // The core is gone: the server is on its way down, and the socket closes.
                door.load.fetch_sub(1, Relaxed);
            }
        }
    }
}

/// A listening socket on an address.
pub(crate) fn bind(address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Accepts until the process ends. After an error that is about this process (no file left), it waits a little
/// instead of spinning.
pub(crate) async fn accept_tcp(listener: TcpListener, cores: Cores) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let prepared = stream.set_nodelay(true).and_then(|()| stream.into_std());
                if let Ok(stream) = prepared {
                    cores.assign(Accepted::Tcp(stream));
                }
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
