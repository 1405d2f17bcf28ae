//! A connection of the server, from the side of who asks: RESP into a pipe, replies out of it.
//!
//! Invariant: who holds a session has read all replies to what was written; who goes away in between drops it, and the
//! server ends that connection as it does when a client is gone, in the midst of a wait or not.

use commands::spec::{category, flag};
use commands::table::Row;
use futures_util::FutureExt;
use resp::{Reply, ReplyEnd, parse_reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf};

use crate::auth::Credentials;
use crate::peer::Peer;

/// What a pipe holds in each direction. Most replies pass whole.
const PIPE_BYTES: usize = 64 * 1024;
/// Requests up to this size fit an empty pipe: whoever writes need not read meanwhile.
const AT_ONCE_MAX: usize = PIPE_BYTES / 2;

/// Why a request got no reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Who it is from is unknown, or the password is wrong.
    Unauthorized,
    /// Protected mode.
    KeptOut,
    /// `maxclients`.
    Full,
    /// The server closed the connection: it was killed, or the server ends.
    Ended,
}

/// See the module's head.
pub(crate) struct Session {
    pipe: DuplexStream,
    /// What came and is not taken yet.
    input: Vec<u8>,
    credentials: Credentials,
    /// The state of the users when it signed in.
    pub(crate) generation: u64,
}

/// Replies as they came.
pub(crate) struct Replies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Replies {
    /// The protocol's own bytes.
    pub(crate) fn raw(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        self.ends.iter().zip(starts).map(|(&end, start)| &self.bytes[start..end])
    }

    /// As trees.
    pub(crate) fn parsed(&self) -> impl Iterator<Item = Reply> {
        self.raw().map(parsed)
    }

    /// The last one.
    pub(crate) fn last(&self) -> Reply {
        self.raw().last().map_or(Reply::Null, parsed)
    }
}

fn parsed(raw: &[u8]) -> Reply {
    parse_reply(raw).map_or_else(|| Reply::Malformed(raw.to_vec()), |(reply, _)| reply)
}

/// Whether a command leaves a connection as it found it, so that the next request may have it.
pub(crate) fn leaves_no_trace(row: Option<&Row>) -> bool {
    const STATE: u32 = category::CONNECTION | category::TRANSACTION | category::PUBSUB;
    row.is_none_or(|row| row.categories & STATE == 0 && !row.command.has(flag::NO_MULTI))
}

/// Appends a request in RESP.
pub(crate) fn write_request<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    let head = |out: &mut Vec<u8>, kind: u8, count: usize| {
        out.push(kind);
        out.extend_from_slice(count.to_string().as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    head(out, b'*', words.len());
    for word in words {
        let word = word.as_ref();
        head(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

impl Session {
    /// A new one, signed in.
    pub(crate) async fn open(peer: &Peer, credentials: Credentials, generation: u64) -> Result<Self, Fault> {
        let node = &peer.shared.node;
        if node.clients.len() >= node.settings.maxclients() as usize {
            node.count_rejected_connection();
            return Err(Fault::Full);
        }
        let (pipe, other) = tokio::io::duplex(PIPE_BYTES);
        let mut session = Self { pipe, input: Vec::new(), credentials, generation };
        let mut request = Vec::new();
        match &session.credentials {
            Credentials::Unknown => return Err(Fault::Unauthorized),
            Credentials::None => {}
            Credentials::User(name, password) => write_request(&mut request, &[b"AUTH", &name[..], password]),
        }
        if !(peer.door)(peer.caller.clone(), other) {
            return Err(Fault::Ended);
        }
        if !request.is_empty() && matches!(session.ask(&request, 1).await?.last(), Reply::Error(_)) {
            return Err(Fault::Unauthorized);
        }
        Ok(session)
    }

    /// Whether it is who the credentials say.
    pub(crate) fn is_of(&self, credentials: &Credentials) -> bool {
        self.credentials == *credentials
    }

    /// Whether the server has closed it meanwhile. Nothing comes in for who asked nothing.
    pub(crate) fn is_over(&mut self) -> bool {
        self.pipe.read_u8().now_or_never().is_some()
    }

    /// Writes requests and reads so many replies.
    pub(crate) async fn ask(&mut self, request: &[u8], count: usize) -> Result<Replies, Fault> {
        let Self { pipe, input, .. } = self;
        if request.len() <= AT_ONCE_MAX {
            pipe.write_all(request).await.map_err(|_| Fault::Ended)?;
            return read(pipe, input, count).await;
        }
        let (mut reader, mut writer) = tokio::io::split(pipe);
        let written = async { writer.write_all(request).await.map_err(|_| Fault::Ended) };
        let read = read::<ReadHalf<_>>(&mut reader, input, count);
        tokio::try_join!(read, written).map(|(replies, ())| replies)
    }

    /// The next reply or message.
    pub(crate) async fn next(&mut self) -> Result<Reply, Fault> {
        Ok(read(&mut self.pipe, &mut self.input, 1).await?.last())
    }
}

async fn read<R: AsyncReadExt + Unpin>(pipe: &mut R, input: &mut Vec<u8>, count: usize) -> Result<Replies, Fault> {
    let (mut ends, mut start) = (Vec::with_capacity(count), 0);
    let mut end = ReplyEnd::default();
    while ends.len() < count {
        if let Some(len) = end.find(&input[start..]) {
            start += len;
            ends.push(start);
            end = ReplyEnd::default();
        } else if !matches!(pipe.read_buf(input).await, Ok(1..)) {
            return Err(Fault::Ended);
        }
    }
    let rest = input.split_off(start);
    Ok(Replies { bytes: std::mem::replace(input, rest), ends })
}
