//! A client's socket, TCP or unix.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

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
    /// Reads what is there. A short read tells tokio that the socket is drained, so that no read is spent on
    /// finding that out.
    #[inline]
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
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
