//! The client's side: one reply, of either protocol version, to a tree. For tests and load tools.
//!
//! Invariants: memory grows with the bytes received, never with the sizes announced; depth is bounded, so that neither
//! parsing nor dropping a tree overflows the stack.

/// Deepest nesting of aggregates; Redis's own replies stay below ten.
const DEPTH_MAX: usize = 256;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR text`, or RESP3's `!`; the text with its code.
    Error(Vec<u8>),
    /// `:1`
    Int(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// RESP3's `_`
    Null,
    /// RESP2's `$-1`
    NullBulk,
    /// RESP2's `*-1`
    NullArray,
    /// `*2`
    Array(Vec<Reply>),
    /// `%1`
    Map(Vec<(Reply, Reply)>),
    /// `~2`
    Set(Vec<Reply>),
    /// `>2`
    Push(Vec<Reply>),
    /// `|1` and the reply it is about.
    Attributed(Vec<(Reply, Reply)>, Box<Reply>),
    /// `,1.5` as the server spelled it.
    Double(Vec<u8>),
    /// `#t`
    Bool(bool),
    /// `(123` in decimal.
    BigNumber(Vec<u8>),
    /// `=15` with its three-character format and the text.
    Verbatim([u8; 3], Vec<u8>),
    /// Not the protocol: all bytes from where it went wrong.
    Malformed(Vec<u8>),
}

impl Reply {
    /// Whether it is the absent value, in any spelling.
    pub fn is_null(&self) -> bool {
        matches!(self, Reply::Null | Reply::NullBulk | Reply::NullArray)
    }

    /// The bytes of a status, an error or a string of any kind.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Reply::Simple(text)
            | Reply::Error(text)
            | Reply::Bulk(text)
            | Reply::Double(text)
            | Reply::BigNumber(text)
            | Reply::Verbatim(_, text) => Some(text),
            _ => None,
        }
    }

    /// As redis-cli prints it on a terminal, without the last line break.
    pub fn to_cli(&self) -> String {
        crate::cli::format(self)
    }
}

/// The reply at the start of `input` and its length; `None` while it is not whole.
pub fn parse_reply(input: &[u8]) -> Option<(Reply, usize)> {
    let mut cursor = Cursor { input, at: 0 };
    match cursor.reply(DEPTH_MAX) {
        Ok(reply) => Some((reply, cursor.at)),
        Err(Stop::Incomplete) => None,
        Err(Stop::Malformed) => Some((Reply::Malformed(input[cursor.at..].to_vec()), input.len())),
    }
}

/// Why no reply was found.
enum Stop {
    Incomplete,
    Malformed,
}

struct Cursor<'a> {
    input: &'a [u8],
    /// Where the next line begins.
    at: usize,
}

impl<'a> Cursor<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        let (kind, line) = self.line()?;
        match kind {
            b'+' => Ok(Reply::Simple(line.to_vec())),
            b'-' => Ok(Reply::Error(line.to_vec())),
            b':' => base::number::parse_i64(line).map(Reply::Int).ok_or(Stop::Malformed),
            b',' => Ok(Reply::Double(line.to_vec())),
            b'(' => Ok(Reply::BigNumber(line.to_vec())),
            b'#' if line == b"t" => Ok(Reply::Bool(true)),
            b'#' if line == b"f" => Ok(Reply::Bool(false)),
            b'_' if line.is_empty() => Ok(Reply::Null),
            b'$' if line == b"-1" => Ok(Reply::NullBulk),
            b'*' if line == b"-1" => Ok(Reply::NullArray),
            b'$' => Ok(Reply::Bulk(self.bulk(line)?.to_vec())),
            b'!' => Ok(Reply::Error(self.bulk(line)?.to_vec())),
            b'=' => match self.bulk(line)? {
                [a, b, c, b':', text @ ..] => Ok(Reply::Verbatim([*a, *b, *c], text.to_vec())),
                _ => Err(Stop::Malformed),
            },
            b'*' => Ok(Reply::Array(self.elements(line, depth)?)),
            b'~' => Ok(Reply::Set(self.elements(line, depth)?)),
            b'>' => Ok(Reply::Push(self.elements(line, depth)?)),
            b'%' => Ok(Reply::Map(self.pairs(line, depth)?)),
            b'|' => {
                let attributes = self.pairs(line, depth)?;
                let depth = depth.checked_sub(1).ok_or(Stop::Malformed)?;
                Ok(Reply::Attributed(attributes, Box::new(self.reply(depth)?)))
            }
            _ => Err(Stop::Malformed),
        }
    }

    /// The type byte and the rest of its line.
    fn line(&mut self) -> Result<(u8, &'a [u8]), Stop> {
        let rest = &self.input[self.at..];
        let (&kind, rest) = rest.split_first().ok_or(Stop::Incomplete)?;
        if !b"+-:$*_#,(!=%~>|".contains(&kind) {
            return Err(Stop::Malformed);
        }
        let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or(Stop::Incomplete)?;
        self.at += end + 3;
        Ok((kind, &rest[..end]))
    }

    fn count(line: &[u8]) -> Result<usize, Stop> {
        base::number::parse_u64(line).and_then(|count| usize::try_from(count).ok()).ok_or(Stop::Malformed)
    }

    fn bulk(&mut self, line: &[u8]) -> Result<&'a [u8], Stop> {
        let len = Self::count(line)?;
        let rest = &self.input[self.at..];
        let end = len.checked_add(2).ok_or(Stop::Malformed)?;
        let (value, line_end) = rest.get(..end).ok_or(Stop::Incomplete)?.split_at(len);
        if line_end != b"\r\n" {
            return Err(Stop::Malformed);
        }
        self.at += end;
        Ok(value)
    }

    fn elements(&mut self, line: &[u8], depth: usize) -> Result<Vec<Reply>, Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Malformed)?;
        (0..Self::count(line)?).map(|_| self.reply(depth)).collect()
    }

    fn pairs(&mut self, line: &[u8], depth: usize) -> Result<Vec<(Reply, Reply)>, Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Malformed)?;
        (0..Self::count(line)?).map(|_| Ok((self.reply(depth)?, self.reply(depth)?))).collect()
    }
}
