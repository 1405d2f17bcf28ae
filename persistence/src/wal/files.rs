//! The files of a log: the manifest, which names the base and the first segment, and the head of a segment.
//!
//! Invariants: the manifest is only ever replaced as a whole; segments are numbered without gaps from the manifest's
//! first one; a segment's head is 40 bytes with a CRC, and says which sequence number its first record has.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::Seq;

/// The manifest's name in the log's directory.
pub const MANIFEST: &str = "log.manifest";
/// Bytes before a segment's first record.
pub(super) const SEGMENT_HEAD_LEN: usize = 40;
const MAGIC: [u8; 8] = *b"STLSLOG\n";
/// The version of the format that is written; higher ones are refused with a clear word. The first had a record for
/// each effect, and is read too.
pub(super) const VERSION: u32 = 2;

/// What a log starts from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Base {
    /// From nothing.
    Empty,
    /// A log was begun over data that no file has yet: without its base it is worth nothing.
    Pending,
    /// A snapshot with all effects up to a sequence number.
    Snapshot {
        /// The file's name in the log's directory.
        name: String,
        /// The last effect that it has.
        seq: Seq,
    },
}

/// See the module's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Manifest {
    /// Random, the same for all files of a log.
    pub(super) id: u64,
    /// What comes before the segments.
    pub(super) base: Base,
    /// The number of the first segment that is needed.
    pub(super) first: u64,
    /// Which files of another server's log this one has the data of, see [`super::Options::took`]; 0: none.
    pub(super) took: u64,
}

impl Manifest {
    /// The file's content.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("stateless log {VERSION}\nid {:016x}\n", self.id);
        let _ = match &self.base {
            Base::Empty => writeln!(text, "base empty"),
            Base::Pending => writeln!(text, "base pending"),
            Base::Snapshot { name, seq } => writeln!(text, "base {seq} {name}"),
        };
        let _ = writeln!(text, "first {}", self.first);
        if self.took != 0 {
            let _ = writeln!(text, "took {:016x}", self.took);
        }
        let crc = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text.into_bytes()
    }

    /// Reads the file's content; an error says what is wrong.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("not text at byte {}", error.valid_up_to()))?;
        let (body, crc) = text.rsplit_once("crc ").ok_or("its last line, the checksum, is missing")?;
        let version = body.lines().next().and_then(|line| line.strip_prefix("stateless log "));
        if !version.and_then(|version| version.parse().ok()).is_some_and(is_known) {
            return Err(match version {
                Some(version) => format!("version {version} is not known to this server, which knows {VERSION}"),
                None => "it does not begin with 'stateless log'".to_owned(),
            });
        }
        if u32::from_str_radix(crc.trim_end(), 16) != Ok(crc32fast::hash(body.as_bytes())) {
            return Err("its checksum does not match".to_owned());
        }
        let field = |name: &str| {
            let found = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            found.ok_or_else(|| format!("no line '{name}'"))
        };
        let id = u64::from_str_radix(field("id")?, 16).map_err(|error| format!("line 'id': {error}"))?;
        let first = field("first")?.parse().map_err(|error| format!("line 'first': {error}"))?;
        let took = match field("took") {
            Ok(text) => u64::from_str_radix(text, 16).map_err(|error| format!("line 'took': {error}"))?,
            Err(_) => 0,
        };
        Ok(Self { id, base: Self::parse_base(field("base")?)?, first, took })
    }

    fn parse_base(text: &str) -> Result<Base, String> {
        match text {
            "empty" => Ok(Base::Empty),
            "pending" => Ok(Base::Pending),
            _ => {
                let (seq, name) = text.split_once(' ').ok_or("line 'base': a sequence number and a name")?;
                let seq = seq.parse().map_err(|error| format!("line 'base': {error}"))?;
                if name.is_empty() || name.contains('/') {
                    return Err(format!("line 'base': '{name}' is no name of a file"));
                }
                Ok(Base::Snapshot { name: name.to_owned(), seq })
            }
        }
    }
}

/// The first bytes of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SegmentHead {
    /// The log's.
    pub(super) id: u64,
    /// The segment's place.
    pub(super) number: u64,
    /// The sequence number that its first effect has.
    pub(super) first_seq: Seq,
}

impl SegmentHead {
    /// The bytes.
    pub(super) fn to_bytes(self) -> [u8; SEGMENT_HEAD_LEN] {
        let mut bytes = [0; SEGMENT_HEAD_LEN];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.id.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.number.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.first_seq.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..36]);
        bytes[36..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the first bytes of a segment; an error says what is wrong.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let head = bytes.get(..SEGMENT_HEAD_LEN).ok_or("it is shorter than a segment's head")?;
        if head[..8] != MAGIC {
            return Err("it does not begin as a segment".to_owned());
        }
        let u64_at = |at: usize| head[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
        let u32_at = |at: usize| head[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
        if u32_at(36) != crc32fast::hash(&head[..36]) {
            return Err("the checksum of its head does not match".to_owned());
        }
        if !is_known(u32_at(8)) {
            return Err(format!("version {} is not known to this server, which knows {VERSION}", u32_at(8)));
        }
        Ok(Self { id: u64_at(12), number: u64_at(20), first_seq: u64_at(28) })
    }
}

fn is_known(version: u32) -> bool {
    (1..=VERSION).contains(&version)
}

/// Where the segment with this number is.
pub(super) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("log.{number:08}.segment"))
}

/// The number in a segment's name.
pub(super) fn segment_number(name: &str) -> Option<u64> {
    name.strip_prefix("log.")?.strip_suffix(".segment")?.parse().ok()
}

/// The name of the base that a compaction makes.
pub(super) fn base_name(number: u64) -> String {
    format!("base.{number:08}.keys")
}

/// Whether a file is a base, whole or half made.
pub(super) fn is_base(name: &str) -> bool {
    name.starts_with("base.") && [".keys", ".rdb", ".tmp"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a file of this name belongs to a log of this server.
pub fn is_of_log(name: &str) -> bool {
    name.starts_with(MANIFEST) || segment_number(name).is_some() || is_base(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_comes_back_and_no_flipped_bit_passes() {
        for base in [Base::Empty, Base::Pending, Base::Snapshot { name: base_name(3), seq: 4711 }] {
            let manifest = Manifest { id: 7, base, first: 3, took: 0xABC };
            let bytes = manifest.to_bytes();
            assert_eq!(Manifest::parse(&bytes), Ok(manifest));
            for bit in 0..bytes.len() * 8 {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // The case of the checksum's digits, and the line's end behind it, say nothing.
                if bit / 8 < bytes.len() - 9 {
                    assert!(Manifest::parse(&bytes).is_err(), "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn the_head_of_a_segment_comes_back_and_no_flipped_bit_passes() {
        let head = SegmentHead { id: 7, number: 3, first_seq: 99 };
        let bytes = head.to_bytes();
        assert_eq!(SegmentHead::parse(&bytes), Ok(head));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHead::parse(&bytes).is_err(), "bit {bit}");
        }
        assert_eq!(segment_number("log.00000012.segment"), Some(12));
    }
}
