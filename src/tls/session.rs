//! One TLS session over a socket: plain bytes in and out, records on the socket.
//!
//! Invariants: bytes are reported as written only once the records that carry them are in the socket, so that a
//! caller who keeps what was not written loses nothing and owes nothing; before the handshake is done the library
//! keeps at most one handshake message (64 KB) of what came.

use std::future::Future as _;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::peer::Peer;
use crate::log;

/// Who has not shaken hands by then is let go.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Reads in a row that may bring no data: a peer can send records without any.
const IDLE_READS_MAX: usize = 64;

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Session {
    tls: ServerConnection,
    /// Plain bytes that are in records and not reported yet.
    unreported: usize,
    began: Instant,
    /// Ends the handshake; None before the first look and after the last.
    deadline: Option<Pin<Box<Sleep>>>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Handshake,
    /// The handshake is done, and nobody has asked who the peer is.
    Unasked,
    Open,
}

impl Session {
    pub(super) fn new(mut tls: ServerConnection) -> Box<Self> {
        // Plain bytes that the peer's key update could hold up; the default, said here because memory depends on it.
        tls.set_buffer_limit(Some(64 * 1024));
        Box::new(Self { tls, unreported: 0, began: Instant::now(), deadline: None, phase: Phase::Handshake })
    }

    /// Who the peer is, once, when the handshake is done.
    #[inline]
    pub(crate) fn take_peer(&mut self) -> Option<Peer> {
        if self.phase != Phase::Unasked {
            return None;
        }
        self.phase = Phase::Open;
        Some(Peer::new(self.tls.peer_certificates().and_then(|chain| chain.first())))
    }

    /// Forgets what belongs to one core's runtime.
    pub(crate) fn release(&mut self) {
        self.deadline = None;
    }

    /// As `read`, for a task.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = match self.poll_deadline(cx) {
            Poll::Ready(error) => Err(error),
            Poll::Pending => self.read(&mut Watched { stream, cx }, buffer.initialize_unfilled()),
        };
        match read {
            Ok(read) => {
                buffer.advance(read);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(error) => {
                self.log_failure(&error, stream);
                Poll::Ready(Err(error))
            }
        }
    }

    /// As `write`, for a task.
    pub(crate) fn poll_write(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.write(&mut Watched { stream, cx }, bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    /// Ready with an error once the handshake has taken too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.phase != Phase::Handshake {
            self.deadline = None;
            return Poll::Pending;
        }
        let end = self.began + HANDSHAKE_MAX;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        deadline.as_mut().poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake takes too long"))
    }

    /// Reads plain bytes; none at the end. `WouldBlock` where the socket has no more, `Interrupted` where others should
    /// have a turn before it goes on.
    pub(crate) fn read(&mut self, io: &mut (impl Read + Write), into: &mut [u8]) -> io::Result<usize> {
        for _ in 0..IDLE_READS_MAX {
            match self.tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A peer that is gone without a word is gone.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if self.tls.wants_write() {
                match self.push(io) {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                    _ => {}
                }
            }
            let read = self.tls.read_tls(io)?;
            if let Err(error) = self.tls.process_new_packets() {
                // The alert that says why, if it fits; who does not speak TLS would take it for a reply.
                if self.phase != Phase::Handshake || !matches!(error, rustls::Error::InvalidMessage(_)) {
                    let _ = self.push(io);
                }
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            if self.phase == Phase::Handshake && !self.tls.is_handshaking() {
                self.phase = Phase::Unasked;
            }
            if read == 0 && self.phase == Phase::Handshake {
                return Ok(0);
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    /// Writes plain bytes, as many as went out whole; the caller comes again with the rest, unchanged.
    pub(crate) fn write(&mut self, io: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
        self.push(io)?;
        if self.unreported == 0 {
            self.unreported = self.tls.writer().write(bytes)?;
            self.push(io)?;
        }
        let written = self.unreported.min(bytes.len());
        self.unreported -= written;
        Ok(written)
    }

    /// Brings records to the socket; `WouldBlock` while some are left.
    fn push(&mut self, io: &mut impl Write) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(io)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Says goodbye, if it fits and there was a greeting.
    pub(crate) fn close(&mut self, io: &mut impl Write) {
        if self.phase == Phase::Handshake {
            return;
        }
        self.tls.send_close_notify();
        let _ = self.push(io);
    }

    /// Logs why the handshake came to nothing.
    #[cold]
    fn log_failure(&self, error: &io::Error, stream: &TcpStream) {
        if self.phase == Phase::Handshake {
            let addr = stream.peer_addr().map_or_else(|_| "?".to_owned(), |addr| addr.to_string());
            log::log(
                settings::LogLevel::Verbose,
                &format!("Error accepting a client connection: {error} (addr={addr})"),
            );
        }
    }
}

/// A socket of the runtime, read and written on behalf of a task.
struct Watched<'a, 'b> {
    stream: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

fn or_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Watched<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        or_block(Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl Write for Watched<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_block(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        or_block(Pin::new(&mut *self.stream).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
