//! Replies to bytes, in the connection's protocol version.
//!
//! One contiguous buffer holds everything but large values, which stay where they are and are counted in: `shared`
//! lists them with the buffer offset before which each is due. Offsets in `shared` ascend.

use bytes::Bytes;

/// The version of the protocol a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// Before HELLO, and after HELLO 2.
    #[default]
    Resp2,
    /// After HELLO 3.
    Resp3,
}

/// A piece of a taken reply; cloning it copies no bytes.
pub type Chunk = Bytes;

/// Values below this are copied: a copy costs less than a reference count and one more slice to send.
const SHARED_LEN_MIN: usize = 8 << 10;

/// A place in the output, to come back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    buf_len: usize,
    shared_count: usize,
}

/// An aggregate whose size becomes known after its elements. The one begun last is finished first.
#[derive(Debug)]
#[must_use = "an aggregate that is not finished has no header"]
pub struct Later {
    at: usize,
    kind: u8,
    per_element: usize,
}

/// Room left for the header of a `Later`: fits up to nine elements, a longer one moves what follows.
const LATER_ROOM: &[u8; 4] = b"*0\r\n";

#[derive(Debug)]
struct Shared {
    /// Buffer offset before which it is sent.
    at: usize,
    value: Bytes,
}

/// The replies of one connection that wait to be sent. Small ones are copied to one buffer; large values are kept by
/// reference. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Writer {
    buf: Vec<u8>,
    shared: Vec<Shared>,
    /// Pending bytes of `shared`.
    shared_len: usize,
    /// Bytes of `buf` already sent.
    buf_sent: usize,
    proto: Proto,
}

impl Writer {
    /// An empty writer.
    pub fn new(proto: Proto) -> Writer {
        Writer { proto, ..Writer::default() }
    }

    /// Room for so many bytes more, from now on instead of at the first reply.
    pub fn reserve(&mut self, bytes: usize) {
        self.buf.reserve(bytes);
    }

    /// The protocol version of the replies written from now on.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// The protocol version in use.
    #[inline]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Pending bytes, shared values included.
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len() - self.buf_sent + self.shared_len
    }

    /// Whether nothing is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held by the buffer, used or not.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Forgets all pending output; keeps the buffer.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.shared.clear();
        self.shared_len = 0;
        self.buf_sent = 0;
    }

    /// Gives memory back after an unusually large batch: afterwards an empty buffer holds at most `capacity_max` bytes.
    pub fn shrink_to(&mut self, capacity_max: usize) {
        self.buf.shrink_to(capacity_max);
        self.shared.shrink_to(0);
    }

    /// The end of the output, to undo back to. Void once output was sent, taken or cleared.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { buf_len: self.buf.len(), shared_count: self.shared.len() }
    }

    /// Whether what was written after `mark` begins with an error.
    pub fn is_error_at(&self, mark: Mark) -> bool {
        self.buf.get(mark.buf_len) == Some(&b'-')
    }

    /// Forgets what was written after `mark`.
    pub fn truncate(&mut self, mark: Mark) {
        let forgotten = self.shared.get(mark.shared_count..).unwrap_or_default();
        self.shared_len -= forgotten.iter().map(|shared| shared.value.len()).sum::<usize>();
        self.shared.truncate(mark.shared_count);
        self.buf.truncate(mark.buf_len);
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// A status. The text has no line break.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        self.line(b'+', text.as_bytes());
    }

    /// An error, code included: `ERR syntax error`. Line breaks become spaces; at the end they are left out.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// As `error`, for a text that quotes bytes of the client.
    pub fn error_bytes(&mut self, text: &[u8]) {
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let len = text.iter().rposition(|byte| !is_break(byte)).map_or(0, |last| last + 1);
        self.buf.reserve(text.len() + 3);
        self.buf.push(b'-');
        self.buf.extend(text[..len].iter().map(|byte| if is_break(byte) { b' ' } else { *byte }));
        self.crlf();
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A binary string.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        self.header(b'$', value.len() as i64);
        self.buf.extend_from_slice(value);
        self.crlf();
    }

    /// A binary string; a large one is sent from where it is.
    pub fn bulk_shared(&mut self, value: Bytes) {
        if value.len() < SHARED_LEN_MIN {
            self.bulk(&value);
            return;
        }
        self.header(b'$', value.len() as i64);
        self.shared_len += value.len();
        self.shared.push(Shared { at: self.buf.len(), value });
        self.crlf();
    }

    /// The absent value.
    #[inline]
    pub fn null(&mut self) {
        self.buf.extend_from_slice(match self.proto {
            Proto::Resp2 => b"$-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// The absent array.
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(match self.proto {
            Proto::Resp2 => b"*-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// An array without elements.
    pub fn empty_array(&mut self) {
        self.buf.extend_from_slice(b"*0\r\n");
    }

    /// The header of an array of `count` elements.
    #[inline]
    pub fn array(&mut self, count: usize) {
        self.header(b'*', count as i64);
    }

    /// The header of a map of `count` pairs; in RESP2 an array of twice as many elements.
    pub fn map(&mut self, count: usize) {
        let (kind, per_element) = self.map_form();
        self.header(kind, (count * per_element) as i64);
    }

    /// The header of a set; in RESP2 an array.
    pub fn set(&mut self, count: usize) {
        self.header(self.resp3_or_array(b'~'), count as i64);
    }

    /// The header of an out-of-band message; in RESP2 an array.
    pub fn push(&mut self, count: usize) {
        self.header(self.resp3_or_array(b'>'), count as i64);
    }

    /// The header of `count` pairs about the reply that follows. RESP2 has no such thing: the caller leaves them out.
    pub fn attribute(&mut self, count: usize) {
        debug_assert_eq!(self.proto, Proto::Resp3);
        self.header(b'|', count as i64);
    }

    /// A floating-point number; in RESP2 a binary string.
    pub fn double(&mut self, value: f64) {
        match self.proto {
            Proto::Resp2 => self.bulk_double(value),
            Proto::Resp3 => self.line(b',', base::number::format_f64(value).as_bytes()),
        }
    }

    /// A truth value; in RESP2 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        self.buf.extend_from_slice(match (self.proto, value) {
            (Proto::Resp2, true) => b":1\r\n",
            (Proto::Resp2, false) => b":0\r\n",
            (Proto::Resp3, true) => b"#t\r\n",
            (Proto::Resp3, false) => b"#f\r\n",
        });
    }

    /// An integer of any size in decimal; in RESP2 a binary string.
    pub fn bignum(&mut self, digits: &str) {
        match self.proto {
            Proto::Resp2 => self.bulk(digits.as_bytes()),
            Proto::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// A text with its format, three characters such as `txt`; in RESP2 a binary string.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3);
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.header(b'=', (text.len() + 4) as i64);
                self.buf.extend_from_slice(format.as_bytes());
                self.buf.push(b':');
                self.buf.extend_from_slice(text);
                self.crlf();
            }
        }
    }

    /// An integer as a binary string.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A floating-point number as a binary string.
    pub fn bulk_double(&mut self, value: f64) {
        self.bulk(base::number::format_f64(value).as_bytes());
    }

    /// Bytes which are already in the protocol.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Begins an array whose size is not known yet.
    pub fn array_later(&mut self) -> Later {
        self.later(b'*', 1)
    }

    /// Begins a set whose size is not known yet.
    pub fn set_later(&mut self) -> Later {
        self.later(self.resp3_or_array(b'~'), 1)
    }

    /// Begins a map whose number of pairs is not known yet.
    pub fn map_later(&mut self) -> Later {
        let (kind, per_element) = self.map_form();
        self.later(kind, per_element)
    }

    /// Begins an out-of-band message whose size is not known yet.
    pub fn push_later(&mut self) -> Later {
        self.later(self.resp3_or_array(b'>'), 1)
    }

    /// Ends an aggregate of `count` elements (pairs, for a map). Nothing may have been sent since it began.
    #[expect(clippy::needless_pass_by_value, reason = "an aggregate is finished once")]
    pub fn finish(&mut self, later: Later, count: usize) {
        let Later { at, kind, per_element } = later;
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(count * per_element).as_bytes();
        let header = [kind].into_iter().chain(digits.iter().copied()).chain(*b"\r\n");
        self.buf.splice(at..at + LATER_ROOM.len(), header);
        let growth = digits.len() + 3 - LATER_ROOM.len();
        for shared in self.shared.iter_mut().rev().take_while(|shared| shared.at > at) {
            shared.at += growth;
        }
    }

    /// Everything pending, when no shared value is.
    #[inline]
    pub fn buf(&self) -> Option<&[u8]> {
        self.shared.is_empty().then(|| &self.buf[self.buf_sent..])
    }

    /// The pending output in order.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = self.buf_sent;
        let before_and_shared = self.shared.iter().flat_map(move |shared| {
            let before = &self.buf[from..shared.at];
            from = shared.at;
            [before, &shared.value[..]]
        });
        let tail_from = self.shared.last().map_or(self.buf_sent, |shared| shared.at);
        before_and_shared.chain([&self.buf[tail_from..]]).filter(|segment| !segment.is_empty())
    }

    /// Drops the first `sent` bytes of the pending output.
    pub fn advance(&mut self, sent: usize) {
        if sent >= self.len() {
            self.clear();
            return;
        }
        let mut left = sent;
        let mut shared_sent = 0;
        for shared in &mut self.shared {
            let before = (shared.at - self.buf_sent).min(left);
            self.buf_sent += before;
            left -= before;
            let of_value = shared.value.len().min(left);
            bytes::Buf::advance(&mut shared.value, of_value);
            self.shared_len -= of_value;
            left -= of_value;
            if !shared.value.is_empty() {
                break;
            }
            shared_sent += 1;
        }
        self.buf_sent += left;
        self.shared.drain(..shared_sent);
    }

    /// Moves the pending output out, without a copy.
    pub fn take(&mut self) -> Vec<Chunk> {
        let buf = Bytes::from(std::mem::take(&mut self.buf));
        let mut chunks = Vec::with_capacity(self.shared.len() * 2 + 1);
        let mut from = self.buf_sent;
        for shared in self.shared.drain(..) {
            chunks.extend([buf.slice(from..shared.at), shared.value]);
            from = shared.at;
        }
        chunks.push(buf.slice(from..));
        chunks.retain(|chunk| !chunk.is_empty());
        self.clear();
        chunks
    }

    #[inline]
    fn crlf(&mut self) {
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A type byte, an integer and the end of the line; one store for a digit, the most frequent case.
    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        match value {
            0..=9 => self.buf.extend_from_slice(&[kind, b'0' + value as u8, b'\r', b'\n']),
            10..=99 => {
                let (tens, ones) = (value as u8 / 10, value as u8 % 10);
                self.buf.extend_from_slice(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
            }
            _ => self.line(kind, itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.buf.reserve(text.len() + 3);
        self.buf.push(kind);
        self.buf.extend_from_slice(text);
        self.crlf();
    }

    fn resp3_or_array(&self, kind: u8) -> u8 {
        match self.proto {
            Proto::Resp2 => b'*',
            Proto::Resp3 => kind,
        }
    }

    fn map_form(&self) -> (u8, usize) {
        match self.proto {
            Proto::Resp2 => (b'*', 2),
            Proto::Resp3 => (b'%', 1),
        }
    }

    fn later(&mut self, kind: u8, per_element: usize) -> Later {
        let at = self.buf.len();
        self.buf.extend_from_slice(LATER_ROOM);
        Later { at, kind, per_element }
    }
}
