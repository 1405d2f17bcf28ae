//! A client's socket, TCP or unix.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket of the core's runtime.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP
    Tcp(TcpStream),
    /// unix
    Unix(UnixStream),
}

/// A connected socket on its way from the acceptor to a core.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// TCP
    Tcp(std::net::TcpStream),
    /// unix
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Registers it with the runtime of this thread.
    pub(crate) fn register(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl Socket {
    /// Takes it out of this thread's runtime.
    pub(crate) fn release(self) -> io::Result<Accepted> {
        Ok(match self {
            Self::Tcp(stream) => Accepted::Tcp(stream.into_std()?),
            Self::Unix(stream) => Accepted::Unix(stream.into_std()?),
        })
    }

    /// Reads what is there. A short read tells tokio that the socket is drained, so that no read is spent on
    /// finding that out.
    #[inline]
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    /// Reads what is there without asking the runtime whether there is anything.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.raw()).read(buffer)
    }

    /// Writes what fits without asking the runtime whether anything does.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.raw()).write(bytes)
    }

    /// Tells the peer that the connection is over, before the descriptor is closed.
    pub(crate) fn hang_up(&self) {
        // A peer that is gone already needs no telling.
        let _ = self.raw().shutdown(std::net::Shutdown::Both);
    }

    fn raw(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream),
            Self::Unix(stream) => SockRef::from(stream),
        }
    }

    /// Writes what fits.
    #[inline]
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
}

impl Accepted {
    /// Peer's and own address as CLIENT LIST shows them, and the file descriptor.
    pub(crate) fn names(&self) -> (String, String, i32) {
        let shown =
            |address: io::Result<std::net::SocketAddr>| address.map_or_else(|_| "?:0".into(), |at| at.to_string());
        match self {
            Self::Tcp(stream) => (shown(stream.peer_addr()), shown(stream.local_addr()), stream.as_raw_fd()),
            Self::Unix(stream) => {
                let own = stream.local_addr().ok();
                let path = own.as_ref().and_then(|address| address.as_pathname());
                let shown = format!("{}:0", path.map(|path| path.display().to_string()).unwrap_or_default());
                (shown.clone(), shown, stream.as_raw_fd())
            }
        }
    }

    /// Whether the peer is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback()),
            Self::Unix(_) => true,
        }
    }

    /// Tells the peer why and closes. The message fits any fresh socket's buffer.
    pub(crate) fn refuse(mut self, message: &[u8]) {
        let _ = match &mut self {
            Self::Tcp(stream) => stream.write(message),
            Self::Unix(stream) => stream.write(message),
        };
    }
}
