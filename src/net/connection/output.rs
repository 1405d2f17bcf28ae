//! A connection's replies on their way into its socket.

use std::io;
use std::task::{Context, Poll};

use bytes::Buf;
use commands::client::signal;
use resp::Writer;

use super::{Connection, INPUT_SIZE, JOINED_MAX};

impl Connection {
    /// Writes the batch's replies; what does not fit stays with the connection.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, out: &mut Writer) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        self.join_messages(out);
        let mut sent = 0;
        if self.output.is_empty()
            && self.held_for == 0
            && let Some(bytes) = out.buf()
        {
            let len = bytes.len();
            match self.socket.poll_write(cx, bytes) {
                Poll::Ready(Ok(written)) => {
                    sent = written;
                    self.local.count_written(written);
                }
                Poll::Ready(Err(error)) => {
                    out.clear();
                    return Err(error);
                }
                Poll::Pending => {}
            }
            if sent == len {
                out.clear();
                return Ok(());
            }
            out.advance(sent);
        }
        self.output_bytes += out.len();
        self.output.extend(out.take());
        out.shrink_to(INPUT_SIZE);
        self.note_growth();
        Ok(())
    }

    /// Puts what was sent to the client meanwhile behind the replies, into the same write: who reads the reply to his own
    /// SET is not to find the old value in his cache because the invalidation comes a moment later.
    fn join_messages(&mut self, out: &mut Writer) {
        let shared = &self.guest.client.shared;
        if shared.signals() & signal::PUSHED == 0 || self.guest.client.waiting.is_some() {
            return;
        }
        let (_, bytes) = shared.outbox();
        if bytes < JOINED_MAX {
            shared.take_outbox().iter().for_each(|message| out.raw(message));
        }
    }

    /// Writes what waits; Pending when the socket is full.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        let flushed = self.poll_chunks(cx);
        self.note_output();
        flushed
    }

    fn poll_chunks(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        let local = self.local.clone();
        while let Some(chunk) = self.output.front_mut() {
            match self.socket.poll_write(cx, chunk.as_ref()) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(written) => {
                    let written = written?;
                    local.count_written(written);
                    self.output_bytes -= written;
                    chunk.advance(written);
                    if chunk.is_empty() {
                        self.output.pop_front();
                    }
                }
            }
        }
        Ok(Poll::Ready(()))
    }
}
