//! What stands around a value's bytes in a file.
//!
//! ```text
//! 0..4    bytes of the payload
//! 4..12   the value's ticket
//! 12..16  CRC32 of the payload
//! 16..20  CRC32 of the above, the file's number and the block's place
//! ```
//! A block that is read from a wrong place, or is another's, is told as surely as one with a flipped bit.

use keyspace::warm::Ticket;

/// Bytes in front of the payload.
pub(super) const HEAD_SIZE: usize = 20;

/// A block's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) payload_len: usize,
    pub(super) ticket: Ticket,
    payload_sum: u32,
}

impl Head {
    /// Bytes of the whole block.
    pub(super) fn block_len(&self) -> usize {
        HEAD_SIZE + self.payload_len
    }
}

fn head_sum(head: &[u8], segment: u64, at: u64) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(head);
    sum.update(&segment.to_le_bytes());
    sum.update(&at.to_le_bytes());
    sum.finalize()
}

/// Writes the head of a block whose payload stands behind `start` in `out` already, with room for the head before it.
pub(super) fn seal(out: &mut [u8], ticket: Ticket, segment: u64, at: u64) {
    let Some((head, payload)) = out.split_first_chunk_mut::<HEAD_SIZE>() else { return };
    head[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[4..12].copy_from_slice(&ticket.number().to_le_bytes());
    head[12..16].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let sum = head_sum(&head[..16], segment, at);
    head[16..].copy_from_slice(&sum.to_le_bytes());
}

/// The head at the start of some bytes of a file; None when it is not what was written there.
pub(super) fn head(bytes: &[u8], segment: u64, at: u64) -> Option<Head> {
    let head = bytes.first_chunk::<HEAD_SIZE>()?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if word(16) != head_sum(&head[..16], segment, at) {
        return None;
    }
    let number = u64::from(word(4)) | u64::from(word(8)) << 32;
    Some(Head { payload_len: word(0) as usize, ticket: Ticket::from_number(number), payload_sum: word(12) })
}

/// The payload of a whole block; None when it is not what was written.
pub(super) fn payload(block: &[u8], head: Head) -> Option<&[u8]> {
    let payload = block.get(HEAD_SIZE..)?;
    (payload.len() == head.payload_len && crc32fast::hash(payload) == head.payload_sum).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_other_place_is_told() {
        let ticket = Ticket::from_number(0x0102_0304_0506_0708);
        let mut block = vec![0; HEAD_SIZE];
        block.extend_from_slice(b"what a value is");
        seal(&mut block, ticket, 7, 4096);
        let found = head(&block, 7, 4096).expect("as it was written");
        assert_eq!((found.ticket, found.block_len()), (ticket, block.len()));
        assert_eq!(payload(&block, found), Some(&b"what a value is"[..]));
        assert_eq!(head(&block, 8, 4096), None);
        assert_eq!(head(&block, 7, 4097), None);
        for bit in 0..block.len() * 8 {
            block[bit / 8] ^= 1 << (bit % 8);
            let read = head(&block, 7, 4096).and_then(|head| payload(&block, head));
            assert_eq!(read, None, "bit {bit}");
            block[bit / 8] ^= 1 << (bit % 8);
        }
        for len in 0..block.len() {
            assert_eq!(head(&block[..len], 7, 4096).and_then(|head| payload(&block[..len], head)), None, "{len}");
        }
    }
}
