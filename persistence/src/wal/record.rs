//! A record: CRC, length and kind, sequence number, payload.
//!
//! ```text
//! 0   u32  CRC-32 over the log's id and everything behind this field
//! 4   u64  length of the payload; the highest byte is the kind
//! 12  u64  sequence number
//! 20  ...  payload
//! ```
//!
//! Invariants: all numbers are little-endian; the CRC starts from the log's random id, so that neither another log's
//! records nor bytes that a client made up are ever taken for a record of this log; no record of an effect has the
//! sequence number 0; a transaction is one record, so it is there as a whole or not at all.

use crc32fast::Hasher;

use super::Seq;

/// Bytes before the payload.
pub(super) const HEAD_LEN: usize = 20;
const KIND_SHIFT: u32 = 56;

/// What a record says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Effects of one request or transaction, as RESP arrays; its sequence number is its place in the order.
    Effects = 1,
    /// No effect: everything up to its sequence number had been synced when it was written.
    Synced = 2,
}

/// Checks and seals the records of one log.
#[derive(Clone)]
pub(super) struct Sealer(Hasher);

/// A whole record that was found in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record<'a> {
    /// What it says.
    pub(super) kind: Kind,
    /// See [`Kind`].
    pub(super) seq: Seq,
    /// The effects.
    pub(super) payload: &'a [u8],
}

impl Record<'_> {
    /// Bytes that it takes in the segment.
    pub(super) fn len(&self) -> usize {
        HEAD_LEN + self.payload.len()
    }
}

impl Sealer {
    /// For the log with this id.
    pub(super) fn new(id: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&id.to_le_bytes());
        Self(hasher)
    }

    /// Appends a record whose payload `write` appends.
    #[inline]
    pub(super) fn push(&self, out: &mut Vec<u8>, kind: Kind, seq: Seq, write: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.extend_from_slice(&[0; HEAD_LEN]);
        write(out);
        let record = &mut out[start..];
        let len = (record.len() - HEAD_LEN) as u64 | (kind as u64) << KIND_SHIFT;
        record[4..12].copy_from_slice(&len.to_le_bytes());
        record[12..20].copy_from_slice(&seq.to_le_bytes());
        let crc = self.crc(&record[4..]);
        record[..4].copy_from_slice(&crc.to_le_bytes());
    }

    #[inline]
    fn crc(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(bytes);
        hasher.finalize()
    }

    /// The record at the start of `bytes`, if there is a whole and undamaged one.
    pub(super) fn parse<'a>(&self, bytes: &'a [u8]) -> Option<Record<'a>> {
        let (kind, len) = head(bytes)?;
        let end = usize::try_from(len).ok()?.checked_add(HEAD_LEN)?;
        let whole = bytes.get(..end)?;
        let crc = u32::from_le_bytes(whole[..4].try_into().ok()?);
        (crc == self.crc(&whole[4..])).then(|| Record { kind, seq: seq_of(whole), payload: &whole[HEAD_LEN..] })
    }

    /// The highest sequence number of which a record somewhere in `bytes` says that it was synced.
    pub(super) fn synced_within(&self, bytes: &[u8]) -> Seq {
        let mut synced = 0;
        let mut at = 0;
        while at + HEAD_LEN <= bytes.len() {
            // An empty payload leaves seven zero bytes before the kind: that is rare enough to compute its CRC.
            if bytes[at + 11] == Kind::Synced as u8
                && bytes[at + 4..at + 11] == [0; 7]
                && let Some(record) = self.parse(&bytes[at..])
            {
                synced = synced.max(record.seq);
            }
            at += 1;
        }
        synced
    }
}

/// Kind and length of payload of the record at the start of `bytes`, unchecked.
#[inline]
fn head(bytes: &[u8]) -> Option<(Kind, u64)> {
    let word = u64::from_le_bytes(bytes.get(4..12)?.try_into().ok()?);
    let kind = match word >> KIND_SHIFT {
        1 => Kind::Effects,
        2 => Kind::Synced,
        _ => return None,
    };
    Some((kind, word & ((1 << KIND_SHIFT) - 1)))
}

/// The sequence number and the length of a record that this process made itself.
#[inline]
pub(super) fn own_head(bytes: &[u8]) -> Option<(Seq, usize)> {
    let (_, len) = head(bytes)?;
    (bytes.len() >= HEAD_LEN).then(|| (seq_of(bytes), HEAD_LEN + len as usize))
}

#[inline]
fn seq_of(bytes: &[u8]) -> Seq {
    bytes[12..20].try_into().map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Sealer::new(9).push(&mut out, Kind::Effects, 5, |out| out.extend_from_slice(payload));
        out
    }

    #[test]
    fn comes_back_as_it_went() {
        let bytes = sealed(b"*1\r\n$4\r\nPING\r\n");
        let record = Sealer::new(9).parse(&bytes).expect("whole");
        assert_eq!(record, Record { kind: Kind::Effects, seq: 5, payload: b"*1\r\n$4\r\nPING\r\n" });
        assert_eq!(Sealer::new(8).parse(&bytes), None, "of another log");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let whole = sealed(b"some payload");
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Sealer::new(9).parse(&bytes), None, "bit {bit}");
        }
        for len in 0..whole.len() {
            assert_eq!(Sealer::new(9).parse(&whole[..len]), None, "cut at {len}");
        }
        assert_eq!(Sealer::new(9).parse(&[0; 100]), None);
    }

    #[test]
    fn words_on_what_was_synced_are_found_anywhere() {
        let sealer = Sealer::new(9);
        let mut bytes = b"damaged bytes of any length".to_vec();
        sealer.push(&mut bytes, Kind::Synced, 77, |_| {});
        bytes.extend_from_slice(b"more");
        assert_eq!(sealer.synced_within(&bytes), 77);
        assert_eq!(Sealer::new(1).synced_within(&bytes), 0);
    }
}
