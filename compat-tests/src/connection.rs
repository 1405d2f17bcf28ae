//! A blocking client of one server: whole commands out, whole replies in.

use resp::{Reply, parse_reply};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The bytes to and from a server. A target that runs in process gives one end of a socket pair.
pub trait Stream: Read + Write + Send {
    /// Lets `read` fail with `WouldBlock` or `TimedOut` after this long.
    fn set_read_timeout(&mut self, timeout: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn set_read_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        TcpStream::set_read_timeout(self, Some(timeout.max(Duration::from_millis(1))))
    }
}

/// Why no reply came.
#[derive(Debug)]
pub enum NoReply {
    /// The server said nothing in time.
    Silence,
    /// The server closed the connection.
    Closed,
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoReply::Silence => "(nothing)",
            NoReply::Closed => "(closed)",
        })
    }
}

/// How long a reply may take before a test calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One connection and the bytes read from it that are not yet replies.
pub struct Connection {
    stream: Box<dyn Stream>,
    pending: Vec<u8>,
    consumed: usize,
}

impl Connection {
    /// Wraps a fresh stream.
    pub fn new(stream: Box<dyn Stream>) -> Connection {
        Connection { stream, pending: Vec::new(), consumed: 0 }
    }

    /// Sends bytes as they are. A connection that the server has closed shows at the next read.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let _closed = self.stream.write_all(bytes);
    }

    /// Sends one command.
    pub fn send<A: AsRef<[u8]>>(&mut self, argv: &[A]) {
        let mut out = Vec::new();
        encode(argv, &mut out);
        self.send_raw(&out);
    }

    /// The next reply, waited for at most `patience`.
    pub fn read(&mut self, patience: Duration) -> Result<Reply, NoReply> {
        let deadline = Instant::now() + patience;
        let mut chunk = [0; 16 * 1024];
        loop {
            let unread = &self.pending[self.consumed..];
            if !unread.is_empty()
                && let Some((reply, len)) = parse_reply(unread)
            {
                self.consumed += len;
                if self.consumed == self.pending.len() {
                    self.pending.clear();
                    self.consumed = 0;
                }
                return Ok(reply);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoReply::Silence);
            }
            self.stream.set_read_timeout(left).map_err(|_| NoReply::Closed)?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(NoReply::Closed),
                Ok(n) => self.pending.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(_) => return Err(NoReply::Closed),
            }
        }
    }

    /// Sends a command and waits for its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, argv: &[A]) -> Result<Reply, NoReply> {
        self.send(argv);
        self.read(PATIENCE)
    }

    /// [`Connection::call`] for a command written as words separated by spaces.
    pub fn words(&mut self, words: &str) -> Result<Reply, NoReply> {
        self.call(&words.split_whitespace().collect::<Vec<_>>())
    }
}

/// Appends a command in the protocol's form.
pub fn encode<A: AsRef<[u8]>>(argv: &[A], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
    for arg in argv {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// The words of the first whole command in `bytes`, and its length.
pub fn parse_words(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let (reply, used) = parse_reply(bytes)?;
    let Reply::Array(words) = reply else { return None };
    Some((words.iter().map(|word| word.as_bytes().unwrap_or_default().to_vec()).collect(), used))
}
