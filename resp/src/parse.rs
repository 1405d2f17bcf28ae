//! Requests: bytes to argument spans.
//!
//! Invariants: every span lies within the input; `consumed` never exceeds it; `needed` never exceeds the number of
//! bytes after which Redis itself would answer, so that an error is not withheld from a client that waits for it;
//! memory grows with the bytes received, never with the lengths announced.

use std::fmt;

use crate::inline;

/// Where an argument stands in the read buffer (offsets from its start).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// Offsets fit 32 bits because `continue_command` looks at no byte past them.
    #[inline]
    pub(crate) fn new(start: usize, len: usize) -> Span {
        Span { start: start as u32, len: len as u32 }
    }

    /// The argument's bytes in the buffer which was parsed.
    #[inline]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..][..self.len as usize]
    }
}

/// What a connection may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument in bytes (proto-max-bulk-len).
    pub bulk_len_max: usize,
    /// Most arguments of one command.
    pub args_max: usize,
    /// Longest inline command, and longest line that announces a length, in bytes.
    pub inline_len_max: usize,
    /// Before authentication a command has at most 10 arguments of 16 KiB.
    pub authenticated: bool,
}

impl Default for Limits {
    /// Redis's own limits, for an authenticated connection.
    fn default() -> Limits {
        Limits { bulk_len_max: 512 << 20, args_max: i32::MAX as usize, inline_len_max: 64 << 10, authenticated: true }
    }
}

const UNAUTHENTICATED_ARGS_MAX: usize = 10;
const UNAUTHENTICATED_BULK_LEN_MAX: usize = 16 << 10;
/// Fewest bytes of a line that can be judged: one character and the end of the line.
const LINE_LEN_MIN: usize = 3;

/// What stands at the start of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The spans of one command were appended to `argv`; none for an empty command, which gets no reply.
    Command {
        /// Bytes of the input that belong to it.
        consumed: usize,
    },
    /// An inline command with quotes: its arguments are not spans of the input.
    Inline {
        /// Bytes of the input that belong to it.
        consumed: usize,
        /// The arguments, unquoted.
        args: Vec<Vec<u8>>,
    },
    /// Not whole yet.
    Incomplete {
        /// Parsing again is of no use before the input has as many bytes, counted from the start of this command.
        needed: usize,
    },
}

/// How far a command that arrives in pieces was parsed, so that a command of a million arguments is not parsed again
/// from its start at each read. `Progress::default()` is the start of a command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Offset of the next argument's header; 0 before the count was read.
    at: usize,
    args_left: usize,
    /// Length of `argv` when the command began.
    argv_start: usize,
}

/// A violation of the protocol, after which the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError(Violation);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Violation {
    TooBigCountString,
    InvalidCount,
    UnauthenticatedCount,
    TooBigBulkString,
    ExpectedDollar(u8),
    InvalidBulkLength,
    UnauthenticatedBulkLength,
    TooBigInline,
    UnbalancedQuotes,
}

impl ProtocolError {
    pub(crate) fn too_big_inline() -> ProtocolError {
        ProtocolError(Violation::TooBigInline)
    }

    pub(crate) fn unbalanced_quotes() -> ProtocolError {
        ProtocolError(Violation::UnbalancedQuotes)
    }

    /// The text without its code, to the byte: one message quotes a byte of the input, which need not be text.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut text = b"Protocol error: ".to_vec();
        match self.0 {
            Violation::ExpectedDollar(byte) => {
                text.extend_from_slice(b"expected '$', got '");
                text.extend_from_slice(&[if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }, b'\'']);
            }
            Violation::TooBigCountString => text.extend_from_slice(b"too big mbulk count string"),
            Violation::InvalidCount => text.extend_from_slice(b"invalid multibulk length"),
            Violation::UnauthenticatedCount => {
                text.extend_from_slice(b"unauthenticated multibulk length");
            }
            Violation::TooBigBulkString => text.extend_from_slice(b"too big bulk count string"),
            Violation::InvalidBulkLength => text.extend_from_slice(b"invalid bulk length"),
            Violation::UnauthenticatedBulkLength => {
                text.extend_from_slice(b"unauthenticated bulk length");
            }
            Violation::TooBigInline => text.extend_from_slice(b"too big inline request"),
            Violation::UnbalancedQuotes => text.extend_from_slice(b"unbalanced quotes in request"),
        }
        text
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

impl std::error::Error for ProtocolError {}

/// One command at the start of `input`. Spans are relative to `input[0]` plus `base`. When the command is not whole,
/// or wrong, `argv` is left as it was.
#[inline]
pub fn parse_command(
    input: &[u8],
    base: usize,
    limits: &Limits,
    argv: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    let argv_start = argv.len();
    if limits.takes_short()
        && let Some(consumed) = short_command(input, base, argv)
    {
        return Ok(Parsed::Command { consumed });
    }
    argv.truncate(argv_start);
    let parsed = continue_command(input, base, limits, argv, &mut Progress::default());
    if matches!(parsed, Ok(Parsed::Incomplete { .. })) {
        argv.truncate(argv_start);
    }
    parsed
}

impl Limits {
    /// Whether [`short_command`] may be asked.
    #[inline]
    pub fn takes_short(&self) -> bool {
        self.authenticated && self.bulk_len_max >= SHORT_LEN_MAX
    }
}

/// As [`parse_command`], for a whole command of arguments below 100,000 bytes, as clients write them, which is what
/// nearly all are: its length. Anything else, even if valid, is left to the general way; then `argv` may have got
/// spans. See [`Limits::takes_short`].
#[inline]
pub fn short_command(input: &[u8], base: usize, argv: &mut Vec<Span>) -> Option<usize> {
    // Two lines in one look: `*3\r\n$3\r\n`.
    let lines = u64::from_le_bytes(*input.first_chunk()?);
    let [_, count, .., len, _, _] = lines.to_le_bytes();
    let (mut count, mut len) = (count.wrapping_sub(b'0'), usize::from(len.wrapping_sub(b'0')));
    if lines & LINES_MASK != LINES || count.wrapping_sub(1) > 8 || len > 9 || base > SHORT_BASE_MAX {
        return many_short(input, base, argv);
    }
    let mut start = 8;
    loop {
        let end = start + len + 2;
        if end > input.len() {
            return None;
        }
        argv.push(Span::new(base + start, len));
        count -= 1;
        if count == 0 {
            return Some(end);
        }
        (len, start) = short_line(input, end, b'$')?;
    }
}

/// The fixed bytes of the two lines that most commands begin with.
const LINES: u64 = u64::from_le_bytes(*b"*\0\r\n$\0\r\n");
const LINES_MASK: u64 = u64::from_le_bytes([255, 0, 255, 255, 255, 0, 255, 255]);
/// One more than the longest length of five digits.
const SHORT_LEN_MAX: usize = 100_000;
/// Commands of short arguments that start here end within the reach of spans.
const SHORT_BASE_MAX: usize = 1 << 31;

/// As `short_command`, of more arguments or with a longer name.
fn many_short(input: &[u8], base: usize, argv: &mut Vec<Span>) -> Option<usize> {
    if base > SHORT_BASE_MAX {
        return None;
    }
    let (count, mut at) = short_line(input, 0, b'*')?;
    for _ in 0..count {
        let (len, start) = short_line(input, at, b'$')?;
        let end = start + len + 2;
        if end > input.len() || base + end > SHORT_BASE_MAX {
            return None;
        }
        argv.push(Span::new(base + start, len));
        at = end;
    }
    Some(at)
}

/// The length of up to five digits in the line at `at`, and the offset after the line. Up to two digits, the most
/// frequent, are one look at four bytes.
#[inline(always)]
fn short_line(input: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = u32::from_le_bytes(*input.get(at..)?.first_chunk()?);
    let [_, tens, ones, _] = line.to_le_bytes();
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if line & 0x00FF_00FF == u32::from_le_bytes([kind, 0, b'\r', 0]) && tens <= 9 {
        return Some((usize::from(tens), at + 4));
    }
    if tens == 0 || tens > 9 || ones > 9 {
        return None;
    }
    if line & 0xFF00_00FF == u32::from_le_bytes([kind, 0, 0, b'\r']) {
        return Some((usize::from(tens) * 10 + usize::from(ones), at + 5));
    }
    if line as u8 != kind {
        return None;
    }
    let (mut len, mut at) = (usize::from(tens) * 10 + usize::from(ones), at + 3);
    for _ in 0..4 {
        match input.get(at)? {
            b'\r' => return Some((len, at + 2)),
            digit @ b'0'..=b'9' => len = len * 10 + usize::from(digit - b'0'),
            _ => return None,
        }
        at += 1;
    }
    None
}

/// As `parse_command`, but an incomplete command leaves the spans found so far in `argv` and its place in `progress`;
/// the next call, with more bytes after the same ones at the same `base`, goes on from there.
pub fn continue_command(
    input: &[u8],
    base: usize,
    limits: &Limits,
    argv: &mut Vec<Span>,
    progress: &mut Progress,
) -> Result<Parsed, ProtocolError> {
    // Spans have 32 bits: no byte beyond is looked at, and waiting for one is refused below.
    let reach = (u32::MAX as usize).saturating_sub(base);
    let input = &input[..input.len().min(reach)];
    if progress.at == 0 {
        progress.argv_start = argv.len();
    }
    let parsed = match input.first() {
        Some(b'*') => multibulk(input, base, limits, argv, progress),
        Some(_) => inline::parse(input, base, limits, argv),
        None => Ok(Parsed::Incomplete { needed: 1 }),
    };
    match parsed {
        Ok(Parsed::Incomplete { needed }) if needed > reach => fail(Violation::InvalidBulkLength, argv, progress),
        Ok(Parsed::Incomplete { .. }) => parsed,
        Ok(_) => {
            *progress = Progress::default();
            parsed
        }
        Err(ProtocolError(violation)) => fail(violation, argv, progress),
    }
}

#[cold]
fn fail(violation: Violation, argv: &mut Vec<Span>, progress: &mut Progress) -> Result<Parsed, ProtocolError> {
    argv.truncate(progress.argv_start);
    *progress = Progress::default();
    Err(ProtocolError(violation))
}

fn multibulk(
    input: &[u8],
    base: usize,
    limits: &Limits,
    argv: &mut Vec<Span>,
    progress: &mut Progress,
) -> Result<Parsed, ProtocolError> {
    let (mut at, mut args_left) = (progress.at, progress.args_left);
    if at == 0 {
        let count = match short_length(input, 0) {
            Some(count) => count,
            None => match long_count(input, limits)? {
                Some(count) => count,
                None => {
                    return Ok(Parsed::Incomplete { needed: input.len() + 1 });
                }
            },
        };
        (args_left, at) = count;
        check_count(args_left, limits)?;
        // As many as the bytes at hand can hold, not as many as announced.
        argv.reserve(args_left.min(input.len() / 4));
    }
    while args_left > 0 {
        let header = match short_bulk_length(input, at) {
            Some(header) => header,
            None => match long_bulk_length(input, at, limits)? {
                Some(header) => header,
                None => {
                    *progress = Progress { at, args_left, ..*progress };
                    return Ok(Parsed::Incomplete { needed: (input.len() + 1).max(at + LINE_LEN_MIN) });
                }
            },
        };
        let (len, start) = header;
        if len > limits.bulk_len_max {
            return Err(ProtocolError(Violation::InvalidBulkLength));
        }
        // Redis does not look at the two bytes after an argument either.
        let end = start.saturating_add(len).saturating_add(2);
        if end > input.len() {
            *progress = Progress { at, args_left, ..*progress };
            let next_line = if args_left > 1 { LINE_LEN_MIN } else { 0 };
            return Ok(Parsed::Incomplete { needed: end.saturating_add(next_line) });
        }
        argv.push(Span::new(base + start, len));
        at = end;
        args_left -= 1;
    }
    Ok(Parsed::Command { consumed: at })
}

fn check_count(count: usize, limits: &Limits) -> Result<(), ProtocolError> {
    if count > limits.args_max {
        return Err(ProtocolError(Violation::InvalidCount));
    }
    if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
        return Err(ProtocolError(Violation::UnauthenticatedCount));
    }
    Ok(())
}

/// A length of one or two digits after the type byte at `at`, and the offset after its line. Anything else, even if
/// valid, is left to the general way.
#[inline]
fn short_length(input: &[u8], at: usize) -> Option<(usize, usize)> {
    let line: &[u8; 5] = input.get(at..)?.first_chunk()?;
    let tens = line[1].wrapping_sub(b'0');
    if tens > 9 {
        return None;
    }
    if line[2] == b'\r' {
        return Some((usize::from(tens), at + 4));
    }
    let ones = line[2].wrapping_sub(b'0');
    if tens == 0 || ones > 9 || line[3] != b'\r' {
        return None;
    }
    Some((usize::from(tens) * 10 + usize::from(ones), at + 5))
}

#[inline]
fn short_bulk_length(input: &[u8], at: usize) -> Option<(usize, usize)> {
    if *input.get(at)? != b'$' {
        return None;
    }
    short_length(input, at)
}

/// The number of arguments, 0 for a negative one, and the offset after its line; `None` when the line is not whole.
#[cold]
fn long_count(input: &[u8], limits: &Limits) -> Result<Option<(usize, usize)>, ProtocolError> {
    let Some((line, after)) = header_line(input, 0, limits).ok_or(ProtocolError(Violation::TooBigCountString))? else {
        return Ok(None);
    };
    let count = base::number::parse_i64(&line[1..]).ok_or(ProtocolError(Violation::InvalidCount))?;
    Ok(Some((usize::try_from(count).unwrap_or(0), after)))
}

/// The length of an argument and the offset of its first byte; `None` when the line is not whole.
fn long_bulk_length(input: &[u8], at: usize, limits: &Limits) -> Result<Option<(usize, usize)>, ProtocolError> {
    let Some((line, after)) = header_line(input, at, limits).ok_or(ProtocolError(Violation::TooBigBulkString))? else {
        return Ok(None);
    };
    // Never empty in Redis's eyes: the end of the line itself stands where '$' is due.
    let marker = line.first().copied().unwrap_or(b'\r');
    if marker != b'$' {
        return Err(ProtocolError(Violation::ExpectedDollar(marker)));
    }
    let len = base::number::parse_i64(&line[1..])
        .and_then(|len| usize::try_from(len).ok())
        .filter(|&len| len <= limits.bulk_len_max)
        .ok_or(ProtocolError(Violation::InvalidBulkLength))?;
    if len > UNAUTHENTICATED_BULK_LEN_MAX && !limits.authenticated {
        return Err(ProtocolError(Violation::UnauthenticatedBulkLength));
    }
    Ok(Some((len, after)))
}

/// A line and the offset after it, `Some(None)` when it is not whole, `None` when it is too long to become a length.
fn header_line<'a>(input: &'a [u8], at: usize, limits: &Limits) -> Option<Option<(&'a [u8], usize)>> {
    let rest = input.get(at..).unwrap_or_default();
    // As with inline commands, a NUL hides the end of the line.
    let end = rest.iter().position(|&byte| byte == b'\r' || byte == 0).filter(|&end| rest[end] == b'\r');
    match end {
        None if rest.len() > limits.inline_len_max => None,
        Some(end) if end + 2 <= rest.len() => Some(Some((&rest[..end], at + end + 2))),
        _ => Some(None),
    }
}
