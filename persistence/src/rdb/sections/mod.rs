//! Our own form of a file with all keys: the records of Redis's format, in sections that are loaded side by side.
//!
//! Redis's form can be cut into records only from its front, by one thread, and its checksum is one of 64 bits that
//! processors have no instruction for. Here each section tells in front how long it is and has a CRC-32 of its own;
//! keys stand in the order of their hashes, and the head tells the seed of these: a server that starts with the same
//! seed fills one bucket after the other, two cores in different parts of the table.
//!
//! ```text
//! head      0  [u8; 8]  "STLSKEYS"
//!           8  u32      version of the form
//!          12  u32      0
//!          16  u64      seed of the hash
//!          24  u64      0
//!          32  u32      0
//!          36  u32      CRC-32 of everything before
//! section   0  u32      1: what is known of all keys, 2: keys, 3: the end
//!           4  u32      its place, from 0
//!           8  u64      bytes of its records
//!          16  u64      its keys; at the end: all keys
//!          24  u32      CRC-32 of its records
//!          28  u32      CRC-32 of the file's seed and everything before
//!          32  ...      records
//! ```
//!
//! # Invariants
//! - All numbers are little-endian. The first section is of kind 1, the last one of kind 3, nothing follows.
//! - A section begins with no database selected. A key and its value stand in one section.

mod load;
mod write;

use crc32fast::Hasher;

pub use write::SectionWriter;

const MAGIC: &[u8; 8] = b"STLSKEYS";
const VERSION: u32 = 1;
/// Bytes of the file's head.
const HEAD_LEN: usize = 40;
/// Bytes of a section's head.
const SECTION_HEAD_LEN: usize = 32;

/// Whether a file begins as one of this form.
pub fn is_sectioned(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The seed that the keys of a file are ordered by, from its first bytes.
pub fn seed_of(bytes: &[u8]) -> Option<u64> {
    parse_head(bytes).ok()
}

/// What a file's head is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BadHead {
    Damaged,
    Version(u32),
}

fn head(seed: u64) -> [u8; HEAD_LEN] {
    let mut bytes = [0; HEAD_LEN];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&seed.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..36]);
    bytes[36..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn parse_head(bytes: &[u8]) -> Result<u64, BadHead> {
    let head = bytes.get(..HEAD_LEN).ok_or(BadHead::Damaged)?;
    if !head.starts_with(MAGIC) || u32_at(head, 36) != crc32fast::hash(&head[..36]) {
        return Err(BadHead::Damaged);
    }
    match u32_at(head, 8) {
        VERSION => Ok(u64_at(head, 16)),
        version => Err(BadHead::Version(version)),
    }
}

/// What a section has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Facts, functions, how many keys databases have.
    About = 1,
    Keys = 2,
    End = 3,
}

/// A section's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct SectionHead {
    kind: Kind,
    place: u32,
    len: u64,
    keys: u64,
    crc: u32,
}

impl SectionHead {
    fn to_bytes(self, seed: u64) -> [u8; SECTION_HEAD_LEN] {
        let mut bytes = [0; SECTION_HEAD_LEN];
        bytes[..4].copy_from_slice(&(self.kind as u32).to_le_bytes());
        bytes[4..8].copy_from_slice(&self.place.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.len.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.keys.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.crc.to_le_bytes());
        let crc = head_crc(seed, &bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The head at the start of `bytes`, if it is whole and of this file.
    fn parse(bytes: &[u8], seed: u64) -> Option<Self> {
        let head = bytes.get(..SECTION_HEAD_LEN)?;
        let kind = match u32_at(head, 0) {
            1 => Kind::About,
            2 => Kind::Keys,
            3 => Kind::End,
            _ => return None,
        };
        let (place, len, keys, crc) = (u32_at(head, 4), u64_at(head, 8), u64_at(head, 16), u32_at(head, 24));
        (u32_at(head, 28) == head_crc(seed, &head[..28])).then_some(Self { kind, place, len, keys, crc })
    }
}

fn head_crc(seed: u64, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].try_into().map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes)
}
