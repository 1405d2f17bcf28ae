//! A client's socket: TCP, TLS over it, unix, or a pipe of the gateway in this process.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use gateway::Caller;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::tls::{Peer, Session};

/// A connected socket of the core's runtime.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP
    Tcp(TcpStream),
    /// unix
    Unix(UnixStream),
    /// TLS over TCP
    Tls(TcpStream, Box<Session>),
    /// The gateway's
    Inside(DuplexStream),
}

/// A connected socket on its way from the acceptor to a core.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// TCP
    Tcp(std::net::TcpStream),
    /// unix
    Unix(std::os::unix::net::UnixStream),
    /// TLS over TCP
    Tls(std::net::TcpStream, Box<Session>),
    /// The gateway's, and on whose behalf.
    Inside(DuplexStream, Box<Caller>),
}

impl Accepted {
    /// Registers it with the runtime of this thread.
    pub(crate) fn register(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
            Self::Tls(stream, session) => Socket::Tls(TcpStream::from_std(stream)?, session),
            Self::Inside(pipe, _) => Socket::Inside(pipe),
        })
    }
}

impl Socket {
    /// Takes it out of this thread's runtime.
    pub(crate) fn release(self) -> io::Result<Accepted> {
        Ok(match self {
            Self::Tcp(stream) => Accepted::Tcp(stream.into_std()?),
            Self::Unix(stream) => Accepted::Unix(stream.into_std()?),
            Self::Tls(stream, mut session) => {
                session.release();
                Accepted::Tls(stream.into_std()?, session)
            }
            // Its other end is served by the same thread.
            Self::Inside(_) => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// Reads what is there. A short read tells tokio that the socket is drained, so that no read is spent on
    /// finding that out.
    #[inline]
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream, session) => session.poll_read(stream, cx, buffer),
            Self::Inside(pipe) => Pin::new(pipe).poll_read(cx, buffer),
        }
    }

    /// Reads what is there without asking the runtime whether there is anything.
    pub(crate) fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*SockRef::from(&*stream)).read(buffer),
            Self::Unix(stream) => (&*SockRef::from(&*stream)).read(buffer),
            Self::Tls(stream, session) => session.read(&mut &*SockRef::from(&*stream), buffer),
            Self::Inside(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes what fits without asking the runtime whether anything does.
    pub(crate) fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*SockRef::from(&*stream)).write(bytes),
            Self::Unix(stream) => (&*SockRef::from(&*stream)).write(bytes),
            Self::Tls(stream, session) => session.write(&mut &*SockRef::from(&*stream), bytes),
            Self::Inside(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Who the peer is, once, when a TLS handshake is done.
    #[inline]
    pub(crate) fn take_peer(&mut self) -> Option<Peer> {
        match self {
            Self::Tls(_, session) => session.take_peer(),
            Self::Tcp(_) | Self::Unix(_) | Self::Inside(_) => None,
        }
    }

    /// Says goodbye where the protocol below has a word for it; the descriptor is closed when this is dropped.
    pub(crate) fn close(&mut self) {
        if let Self::Tls(stream, session) = self {
            session.close(&mut &*SockRef::from(&*stream));
        }
    }

    /// Tells the peer that the connection is over, before the descriptor is closed.
    pub(crate) fn hang_up(&mut self) {
        self.close();
        // A peer that is gone already needs no telling.
        let _ = match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => SockRef::from(&*stream).shutdown(std::net::Shutdown::Both),
            Self::Unix(stream) => SockRef::from(&*stream).shutdown(std::net::Shutdown::Both),
            Self::Inside(_) => Ok(()),
        };
    }

    /// Whether its other end is in this thread, so that it cannot leave it.
    #[inline]
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self, Self::Inside(_))
    }

    /// Writes what fits.
    #[inline]
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream, session) => session.poll_write(stream, cx, bytes),
            Self::Inside(pipe) => Pin::new(pipe).poll_write(cx, bytes),
        }
    }
}

impl Accepted {
    /// Peer's and own address as CLIENT LIST shows them, and the file descriptor.
    pub(crate) fn names(&self) -> (String, String, i32) {
        let shown =
            |address: io::Result<std::net::SocketAddr>| address.map_or_else(|_| "?:0".into(), |at| at.to_string());
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => {
                (shown(stream.peer_addr()), shown(stream.local_addr()), stream.as_raw_fd())
            }
            Self::Unix(stream) => {
                let own = stream.local_addr().ok();
                let path = own.as_ref().and_then(|address| address.as_pathname());
                let shown = format!("{}:0", path.map(|path| path.display().to_string()).unwrap_or_default());
                (shown.clone(), shown, stream.as_raw_fd())
            }
            Self::Inside(_, caller) => (caller.addr.clone(), caller.laddr.clone(), caller.fd),
        }
    }

    /// Whether the peer is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => {
                stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
            }
            Self::Unix(_) | Self::Inside(..) => true,
        }
    }

    /// Tells the peer why and closes. The message fits any fresh socket's buffer. Who expects TLS could not read it.
    pub(crate) fn refuse(mut self, message: &[u8]) {
        let _ = match &mut self {
            Self::Tcp(stream) => stream.write(message),
            Self::Unix(stream) => stream.write(message),
            Self::Tls(..) | Self::Inside(..) => Ok(0),
        };
    }
}
