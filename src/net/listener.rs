//! Listening sockets: opened where the settings say, and the acceptor that hands each connection to a core.
//!
//! Invariant: a listening socket is closed by `shutdown`, which frees its address at once, whoever still holds a
//! descriptor of it.

use std::fs::{File, Permissions};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use settings::{Settings, Words};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::sync::mpsc::UnboundedSender;

use super::connection::Moving;
use super::socket::Accepted;
use crate::placement::{Load, door_for_new};
use crate::system;
use crate::tls::Session;

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
    pub(crate) fn hand(&self, arrival: Arrival) {
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
    /// TLS over TCP
    Tls(SocketAddr),
    /// HTTP over TCP
    Http(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

impl Address {
    /// As INFO and the log name the kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Http(_) => "http",
            Self::Unix(_) => "unix",
        }
    }

    /// None for a path.
    pub(crate) fn ip_and_port(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) | Self::Tls(address) | Self::Http(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The same kind at another address.
    fn moved_to(&self, address: SocketAddr) -> Self {
        match self {
            Self::Tls(_) => Self::Tls(address),
            Self::Http(_) => Self::Http(address),
            Self::Tcp(_) | Self::Unix(_) => Self::Tcp(address),
        }
    }
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
    address: Address,
    closed: Arc<AtomicBool>,
}

impl Listener {
    fn new(address: Address, socket: Socket) -> Self {
        Self { address, socket, closed: Arc::default() }
    }

    /// Its other end, for the acceptor.
    pub(crate) fn accepting(&self) -> io::Result<Accepting> {
        let (socket, address) = (self.socket.try_clone()?, self.address.clone());
        Ok(Accepting { socket, address, closed: self.closed.clone() })
    }

    /// Its socket, for who accepts without the acceptor.
    pub(crate) fn socket(&self) -> io::Result<std::net::TcpListener> {
        Ok(self.socket.try_clone()?.into())
    }

    /// The port, when it is not a unix socket.
    pub(crate) fn port(&self) -> Option<u16> {
        self.address.ip_and_port().map(|address| address.port())
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
    pub(crate) kind: &'static str,
    /// 0 for a path.
    pub(crate) port: u16,
    pub(crate) reason: String,
}

impl Unbound {
    fn new(shown: &str, address: &Address, step: &str, error: &io::Error) -> Self {
        Self {
            address: shown.to_owned(),
            kind: address.kind(),
            port: address.ip_and_port().map_or(0, |address| address.port()),
            reason: format!("{step}: {}", base::system::reason(error)),
        }
    }
}

/// The TCP addresses that `bind`, `port` and `tls-port` name: as written, resolved, and whether it may be missing.
pub(crate) fn wanted(settings: &Settings) -> Result<Vec<(String, Address, bool)>, Unbound> {
    let mut found = addresses(&settings.bind(), settings.port(), Address::Tcp)?;
    found.extend(addresses(&settings.bind(), settings.tls_port(), Address::Tls)?);
    Ok(found)
}

/// The addresses that words like those of `bind` name, with a port; none where that is 0.
pub(crate) fn addresses(
    words: &Words,
    port: u16,
    kind: fn(SocketAddr) -> Address,
) -> Result<Vec<(String, Address, bool)>, Unbound> {
    let mut found = Vec::new();
    for word in words.iter().filter(|_| port != 0) {
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
                    found.push((name.to_owned(), kind(address), is_optional));
                }
            }
            Err(_) if is_optional => {}
            Err(error) => {
                let address = kind(SocketAddr::from(([0, 0, 0, 0], port)));
                return Err(Unbound::new(&format!("{name}:{port}"), &address, "bind", &error));
            }
        }
    }
    Ok(found)
}

/// A listening TCP socket at an address that is no path; None where the address is optional and this machine does not
/// have it.
pub(crate) fn listen_tcp(
    name: &str,
    address: &Address,
    is_optional: bool,
    backlog: i32,
) -> Result<Option<Listener>, Unbound> {
    let Some(at) = address.ip_and_port() else { return Ok(None) };
    let shown = format!("{name}:{}", at.port());
    let refuse = |step: &str, error: &io::Error| Unbound::new(&shown, address, step, error);
    let socket = match Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP)) {
        Ok(socket) => socket,
        Err(error) if is_missing_family(&error) => return Ok(None),
        Err(error) => return Err(refuse("socket", &error)),
    };
    let prepared = if at.is_ipv6() { socket.set_only_v6(true) } else { Ok(()) };
    let prepared = prepared.and_then(|()| socket.set_reuse_address(true)).and_then(|()| socket.set_nonblocking(true));
    prepared.map_err(|error| refuse("setsockopt", &error))?;
    match socket.bind(&at.into()) {
        Ok(()) => {}
        Err(error) if is_missing_family(&error) => return Ok(None),
        Err(error) if is_optional && error.kind() == io::ErrorKind::AddrNotAvailable => return Ok(None),
        Err(error) => return Err(refuse("bind", &error)),
    }
    socket.listen(backlog).map_err(|error| refuse("bind", &error))?;
    let bound = socket.local_addr().ok().and_then(|bound| bound.as_socket()).unwrap_or(at);
    Ok(Some(Listener::new(address.moved_to(bound), socket)))
}

/// A machine without IPv6 listens without it.
fn is_missing_family(error: &io::Error) -> bool {
    let codes =
        [libc::EAFNOSUPPORT, libc::EPFNOSUPPORT, libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT, libc::ENOPROTOOPT];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// A listening unix socket. Mode and group are right before anybody can connect: the file never admits more than it
/// is to admit (the mode of the socket is that of the file that `bind` makes, less the umask), and nobody can connect
/// before `listen`.
pub(crate) fn listen_unix(path: PathBuf, mode: u32, group: &[u8], backlog: i32) -> Result<Listener, Unbound> {
    let shown = path.display().to_string();
    let address = Address::Unix(path.clone());
    let fail = |step: &str, error: &io::Error| Unbound::new(&shown, &address, step, error);
    // A socket file that a crash left behind would make `bind` fail.
    let _ = std::fs::remove_file(&path);
    let name = SockAddr::unix(&path).map_err(|error| fail("bind", &error))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|error| fail("socket", &error))?;
    socket.set_nonblocking(true).map_err(|error| fail("setsockopt", &error))?;
    if mode != 0 {
        let file = socket.try_clone().map(OwnedFd::from).map(File::from);
        file.and_then(|file| file.set_permissions(Permissions::from_mode(mode)))
            .map_err(|error| fail("chmod", &error))?;
    }
    socket.bind(&name).map_err(|error| fail("bind", &error))?;
    let listener = Listener::new(address.clone(), socket);
    if !group.is_empty() {
        let changed = system::group_id(group).and_then(|id| chown(&path, None, Some(id)));
        changed.map_err(|error| fail("chown", &error))?;
    }
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

    /// What a connection over TLS begins with; None where it is not configured.
    fn session(&self) -> Option<Box<Session>>;

    /// Seconds between keepalive probes; 0 sends none.
    fn keepalive_seconds(&self) -> u32;
}

/// Accepts until the socket is closed. After an error that is about this process (no file left), it waits a
/// little instead of spinning.
pub(crate) async fn accept(accepting: Accepting, cores: Cores, admission: impl Admission) {
    let Accepting { socket, address, closed } = accepting;
    let listener = match address {
        Address::Unix(_) => tokio::net::UnixListener::from_std(socket.into()).map(Door::Unix),
        Address::Tcp(_) => tokio::net::TcpListener::from_std(socket.into()).map(Door::Tcp),
        Address::Tls(_) => tokio::net::TcpListener::from_std(socket.into()).map(Door::Tls),
        // The gateway's threads accept these.
        Address::Http(_) => return,
    };
    let Ok(listener) = listener else { return };
    while !closed.load(Relaxed) {
        match listener.accept(&admission).await {
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
    Tls(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Door {
    async fn accept(&self, admission: &impl Admission) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => Ok(Accepted::Tcp(accept_tcp(listener, admission).await?)),
            Self::Tls(listener) => {
                let stream = accept_tcp(listener, admission).await?;
                let session = admission.session().ok_or(io::ErrorKind::NotConnected)?;
                Ok(Accepted::Tls(stream, session))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0.into_std()?)),
        }
    }
}

async fn accept_tcp(listener: &tokio::net::TcpListener, admission: &impl Admission) -> io::Result<std::net::TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let keepalive_seconds = admission.keepalive_seconds();
    if keepalive_seconds > 0 {
        socket2::SockRef::from(&stream).set_tcp_keepalive(&probes(keepalive_seconds))?;
    }
    stream.into_std()
}

/// A dead peer is noticed after about twice `seconds`.
fn probes(seconds: u32) -> socket2::TcpKeepalive {
    let seconds = u64::from(seconds);
    socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(seconds))
        .with_interval(Duration::from_secs((seconds / 3).max(1)))
        .with_retries(3)
}
