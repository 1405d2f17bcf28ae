//! Listening sockets: opened where the settings say, and the acceptor that hands each connection to a core.
//!
//! Invariant: a listening socket is closed by `shutdown`, which frees its address at once, whoever still holds a
//! descriptor of it.

use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use settings::Settings;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::sync::mpsc::UnboundedSender;

use super::connection::Moving;
use super::socket::Accepted;
use crate::placement::{Load, door_for_new};

/// Where connections go.
#[derive(Clone)]
pub(crate) struct Cores(pub(crate) Arc<[CoreDoor]>);

/// A core's door.
pub(crate) struct CoreDoor {
    /// The core takes them from the other end.
    pub(crate) sender: UnboundedSender<Arrival>,
    /// How much it has to do.
    pub(crate) load: Arc<Load>,
}

/// What comes through a core's door.
pub(crate) enum Arrival {
    /// A socket that was just accepted.
    New(Accepted),
    /// A connection that another core served so far.
    Moved(Box<Moving>),
}

impl CoreDoor {
    fn hand(&self, arrival: Arrival) {
        self.load.connections.fetch_add(1, Relaxed);
        if self.sender.send(arrival).is_err() {
            // The core is gone: the server is on its way down, and the socket closes.
            self.load.connections.fetch_sub(1, Relaxed);
        }
    }
}

impl Cores {
    /// Hands an accepted socket over.
    pub(crate) fn assign(&self, socket: Accepted) {
        if let Some(core) = door_for_new(self.loads()) {
            self.0[core].hand(Arrival::New(socket));
        }
    }

    /// Hands another core's connection over.
    pub(crate) fn pass_on(&self, core: usize, connection: Box<Moving>) {
        self.0[core].hand(Arrival::Moved(connection));
    }

    /// How much each core has to do.
    pub(crate) fn loads(&self) -> impl Iterator<Item = &Load> {
        self.0.iter().map(|door| &*door.load)
    }

    /// The connections of all cores.
    pub(crate) fn connections(&self) -> usize {
        self.loads().map(|load| load.connections.load(Relaxed)).sum()
    }
}

/// Where a socket listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    /// TCP
    Tcp(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) address: Address,
    socket: Socket,
    closed: Arc<AtomicBool>,
}

/// What the acceptor gets of a listening socket.
pub(crate) struct Accepting {
    socket: Socket,
    is_unix: bool,
    closed: Arc<AtomicBool>,
}

impl Listener {
    fn new(address: Address, socket: Socket) -> Self {
        Self { address, socket, closed: Arc::default() }
    }

    /// Its other end, for the acceptor.
    pub(crate) fn accepting(&self) -> io::Result<Accepting> {
        let is_unix = matches!(self.address, Address::Unix(_));
        Ok(Accepting { socket: self.socket.try_clone()?, is_unix, closed: self.closed.clone() })
    }

    /// The port, when it is a TCP socket.
    pub(crate) fn port(&self) -> Option<u16> {
        match &self.address {
            Address::Tcp(address) => Some(address.port()),
            Address::Unix(_) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closed.store(true, Relaxed);
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Address::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Why there is no socket: the address as written, and the reason.
#[derive(Debug)]
pub(crate) struct Unbound {
    pub(crate) address: String,
    pub(crate) reason: String,
}

impl Unbound {
    fn new(address: impl Into<String>, step: &str, error: &io::Error) -> Self {
        Self { address: address.into(), reason: format!("{step}: {}", base::system::reason(error)) }
    }
}

/// The TCP addresses that `bind` and `port` name: as written, resolved, and whether it may be missing.
pub(crate) fn wanted(settings: &Settings) -> Result<Vec<(String, SocketAddr, bool)>, Unbound> {
    let port = settings.port();
    if port == 0 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for word in settings.bind().iter() {
        let word = word.to_string_lossy().into_owned();
        let (name, is_optional) = match word.strip_prefix('-') {
            Some(name) => (name, true),
            None => (&*word, false),
        };
        let host = match name {
            "*" => "0.0.0.0",
            "::*" => "::",
            name => name,
        };
        match (host, port).to_socket_addrs() {
            Ok(mut addresses) => {
                if let Some(address) = addresses.next() {
                    found.push((name.to_owned(), address, is_optional));
                }
            }
            Err(_) if is_optional => {}
            Err(error) => return Err(Unbound::new(format!("{name}:{port}"), "bind", &error)),
        }
    }
    Ok(found)
}

/// A listening TCP socket; None where the address is optional and this machine does not have it.
pub(crate) fn listen_tcp(
    name: &str,
    address: SocketAddr,
    is_optional: bool,
    backlog: i32,
) -> Result<Option<Listener>, Unbound> {
    let shown = format!("{name}:{}", address.port());
    let socket = match Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)) {
        Ok(socket) => socket,
        Err(error) if is_missing_family(&error) => return Ok(None),
        Err(error) => return Err(Unbound::new(shown, "socket", &error)),
    };
    let prepared = if address.is_ipv6() { socket.set_only_v6(true) } else { Ok(()) };
    let prepared = prepared.and_then(|()| socket.set_reuse_address(true)).and_then(|()| socket.set_nonblocking(true));
    prepared.map_err(|error| Unbound::new(&shown, "setsockopt", &error))?;
    match socket.bind(&address.into()) {
        Ok(()) => {}
        Err(error) if is_missing_family(&error) => return Ok(None),
        Err(error) if is_optional && error.kind() == io::ErrorKind::AddrNotAvailable => return Ok(None),
        Err(error) => return Err(Unbound::new(&shown, "bind", &error)),
    }
    socket.listen(backlog).map_err(|error| Unbound::new(&shown, "bind", &error))?;
    let bound = socket.local_addr().ok().and_then(|bound| bound.as_socket()).unwrap_or(address);
    Ok(Some(Listener::new(Address::Tcp(bound), socket)))
}

/// A machine without IPv6 listens without it.
fn is_missing_family(error: &io::Error) -> bool {
    let codes =
        [libc::EAFNOSUPPORT, libc::EPFNOSUPPORT, libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT, libc::ENOPROTOOPT];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// A listening unix socket. Its mode is set before anybody can connect.
pub(crate) fn listen_unix(path: PathBuf, mode: u32, backlog: i32) -> Result<Listener, Unbound> {
    let shown = path.display().to_string();
    let fail = |step: &str, error: &io::Error| Unbound::new(&shown, step, error);
    // A socket file that a crash left behind would make `bind` fail.
    let _ = std::fs::remove_file(&path);
    let address = SockAddr::unix(&path).map_err(|error| fail("bind", &error))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|error| fail("socket", &error))?;
    socket.set_nonblocking(true).map_err(|error| fail("setsockopt", &error))?;
    socket.bind(&address).map_err(|error| fail("bind", &error))?;
    let listener = Listener::new(Address::Unix(path.clone()), socket);
    if mode != 0 {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(|error| fail("chmod", &error))?;
    }
    listener.socket.listen(backlog).map_err(|error| fail("listen", &error))?;
    Ok(listener)
}

/// Who decides about a connection before any core sees it.
pub(crate) trait Admission {
    /// Passes, or answers what to tell the peer before its connection is closed.
    fn admit(&self, socket: &Accepted) -> Result<(), &'static [u8]>;

    /// Seconds between keepalive probes; 0 sends none.
    fn keepalive_seconds(&self) -> u32;
}

/// Accepts until the socket is closed. After an error that is about this process (no file left), it waits a
/// little instead of spinning.
pub(crate) async fn accept(accepting: Accepting, cores: Cores, admission: impl Admission) {
    let Accepting { socket, is_unix, closed } = accepting;
    let listener = if is_unix {
        tokio::net::UnixListener::from_std(socket.into()).map(Door::Unix)
    } else {
        tokio::net::TcpListener::from_std(socket.into()).map(Door::Tcp)
    };
    let Ok(listener) = listener else { return };
    while !closed.load(Relaxed) {
        match listener.accept(admission.keepalive_seconds()).await {
            Ok(socket) => match admission.admit(&socket) {
                Ok(()) => cores.assign(socket),
                Err(message) => socket.refuse(message),
            },
            Err(_) if closed.load(Relaxed) => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

enum Door {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Door {
    async fn accept(&self, keepalive_seconds: u32) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                if keepalive_seconds > 0 {
                    let probes = probes(keepalive_seconds);
                    socket2::SockRef::from(&stream).set_tcp_keepalive(&probes)?;
                }
                Ok(Accepted::Tcp(stream.into_std()?))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0.into_std()?)),
        }
    }
}

/// A dead peer is noticed after about twice `seconds`.
fn probes(seconds: u32) -> socket2::TcpKeepalive {
    let seconds = u64::from(seconds);
    socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(seconds))
        .with_interval(Duration::from_secs((seconds / 3).max(1)))
        .with_retries(3)
}
