//! The chain: each line holds the hash of the one before.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Where a chain stands: what the next line refers to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tail {
    /// The last line's number; 0: there is none.
    pub seq: u64,
    /// The SHA-256 of the last line.
    pub hash: [u8; 32],
}

/// Makes lines.
#[derive(Debug, Default)]
pub struct Chain {
    tail: Tail,
}

/// Where a line says its number and the hash of the line before.
pub(crate) const HEAD: &[u8] = b"{\"seq\":";
pub(crate) const PREV: &[u8] = b",\"prev\":\"";
pub(crate) const END: &[u8] = b"\"}";

impl Chain {
    /// A chain that goes on behind a line.
    pub fn after(tail: Tail) -> Self {
        Self { tail }
    }

    /// Where it stands.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Appends an event's line, with its end.
    pub fn push(&mut self, fields: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(HEAD);
        out.extend_from_slice((self.tail.seq + 1).to_string().as_bytes());
        out.push(b',');
        out.extend_from_slice(fields);
        out.extend_from_slice(PREV);
        out.extend_from_slice(hex(&self.tail.hash).as_bytes());
        out.extend_from_slice(END);
        self.tail = Tail { seq: self.tail.seq + 1, hash: Sha256::digest(&out[start..]).into() };
        out.push(b'\n');
    }
}

impl Tail {
    /// The tail that a line is, if it is one of a chain.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        parse(line).map(|(seq, _)| Self { seq, hash: Sha256::digest(line).into() })
    }
}

/// A line's number and the hash that it names.
pub(crate) fn parse(line: &[u8]) -> Option<(u64, [u8; 32])> {
    let rest = line.strip_prefix(HEAD)?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seq = str::from_utf8(&rest[..len]).ok()?.parse().ok()?;
    let named = line.strip_suffix(END)?;
    let (before, named) = named.split_at_checked(named.len().checked_sub(64)?)?;
    before.ends_with(PREV).then_some((seq, unhex(named)?))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digits = str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}
