//! Records as they stand in a segment, and effects as they stand in a record.
//!
//! ```text
//! record  0   u32  CRC-32 over the log's id and everything behind this field
//!         4   u64  length of the payload; the highest byte is the kind
//!         12  u64  sequence number
//!         20  ...  payload
//! effect  0   u64  sequence number
//!         8   u64  length
//!         16  ...  what it is, as RESP arrays
//! ```
//!
//! A record has the effects that were written together, one behind the other: a CRC over many of them costs a tenth of
//! one for each, since short inputs leave the processor's own instructions unused.
//!
//! Invariants: all numbers are little-endian; the CRC starts from the log's random id, so that neither another log's
//! records nor bytes that a client made up are ever taken for a record of this log; no effect has the sequence number
//! 0; a transaction is one effect, so it is there as a whole or not at all.

use crc32fast::Hasher;

use super::Seq;

/// Bytes before the payload.
pub(super) const HEAD_LEN: usize = 20;
/// Bytes before an effect in a record.
pub(super) const EFFECT_HEAD_LEN: usize = 16;
const KIND_SHIFT: u32 = 56;

/// What a record says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One effect, as the first version of the log had them; its sequence number is its place in the order.
    One = 1,
    /// No effect: everything up to its sequence number had been synced when it was written.
    Synced = 2,
    /// Effects one behind the other; its sequence number is that of the first.
    Effects = 3,
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

impl<'a> Record<'a> {
    /// Bytes that it takes in the segment.
    pub(super) fn len(&self) -> usize {
        HEAD_LEN + self.payload.len()
    }

    /// Its effects, with their places in it.
    pub(super) fn effects(&self) -> Effects<'a> {
        match self.kind {
            Kind::One => Effects { rest: &[], one: Some((self.seq, self.payload)) },
            Kind::Effects => Effects { rest: self.payload, one: None },
            Kind::Synced => Effects { rest: &[], one: None },
        }
    }
}

/// The effects of a record.
pub(super) struct Effects<'a> {
    rest: &'a [u8],
    one: Option<(Seq, &'a [u8])>,
}

impl<'a> Iterator for Effects<'a> {
    type Item = (Seq, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(one) = self.one.take() {
            return Some(one);
        }
        let (seq, len) = effect_head(self.rest)?;
        let (effect, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some((seq, &effect[EFFECT_HEAD_LEN..]))
    }
}

/// Appends an effect, whose words `write` appends.
#[inline]
pub(super) fn push_effect(out: &mut Vec<u8>, seq: Seq, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.reserve(EFFECT_HEAD_LEN + 128);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    write(out);
    let len = (out.len() - start - EFFECT_HEAD_LEN) as u64;
    out[start + 8..start + EFFECT_HEAD_LEN].copy_from_slice(&len.to_le_bytes());
}

/// The sequence number and the length, its head included, of the effect at the start of `bytes`.
#[inline]
pub(super) fn effect_head(bytes: &[u8]) -> Option<(Seq, usize)> {
    let head: &[u8; EFFECT_HEAD_LEN] = bytes.first_chunk()?;
    let (seq, len) = head.split_at(8);
    let len = u64::from_le_bytes(len.try_into().ok()?);
    Some((u64::from_le_bytes(seq.try_into().ok()?), usize::try_from(len).ok()?.checked_add(EFFECT_HEAD_LEN)?))
}

impl Sealer {
    /// For the log with this id.
    pub(super) fn new(id: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&id.to_le_bytes());
        Self(hasher)
    }

    /// Makes room for a record's head: its payload is to be appended, and then it is to be sealed.
    pub(super) fn begin(out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&[0; HEAD_LEN]);
        out.len() - HEAD_LEN
    }

    /// Seals the record that [`Self::begin`] began at `start`.
    pub(super) fn seal(&self, out: &mut [u8], start: usize, kind: Kind, seq: Seq) {
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
        1 => Kind::One,
        2 => Kind::Synced,
        3 => Kind::Effects,
        _ => return None,
    };
    Some((kind, word & ((1 << KIND_SHIFT) - 1)))
}

#[inline]
fn seq_of(bytes: &[u8]) -> Seq {
    bytes[12..20].try_into().map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(payload: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        let start = Sealer::begin(&mut out);
        for seq in [5, 6] {
            push_effect(&mut out, seq, |out| out.extend_from_slice(payload));
        }
        Sealer::new(9).seal(&mut out, start, Kind::Effects, 5);
        out.split_off(start)
    }

    #[test]
    fn comes_back_as_it_went() {
        let bytes = sealed(b"*1\r\n$4\r\nPING\r\n");
        let record = Sealer::new(9).parse(&bytes).expect("whole");
        assert_eq!((record.kind, record.seq, record.len()), (Kind::Effects, 5, bytes.len()));
        let effects: Vec<_> = record.effects().collect();
        assert_eq!(effects, [(5, &b"*1\r\n$4\r\nPING\r\n"[..]), (6, b"*1\r\n$4\r\nPING\r\n")]);
        assert_eq!(Sealer::new(8).parse(&bytes), None, "of another log");
        let one = Record { kind: Kind::One, seq: 7, payload: b"x" };
        assert_eq!(one.effects().collect::<Vec<_>>(), [(7, &b"x"[..])]);
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
        let start = Sealer::begin(&mut bytes);
        sealer.seal(&mut bytes, start, Kind::Synced, 77);
        bytes.extend_from_slice(b"more");
        assert_eq!(sealer.synced_within(&bytes), 77);
        assert_eq!(Sealer::new(1).synced_within(&bytes), 0);
    }
}
