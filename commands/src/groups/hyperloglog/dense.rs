//! Registers of six bits each, the first one in the lowest bits of the first byte: four are three bytes.

use super::object::REGISTERS;

const BITS: usize = 6;
const MASK: u32 = (1 << BITS) - 1;

/// The bytes of all registers.
pub(super) const LEN: usize = REGISTERS * BITS / 8;

/// Raises a register to a value; whether it was lower.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    let (at, shift) = (index * BITS / 8, index * BITS % 8);
    // A register that ends with its byte has nothing in the next one, and the last one has no next.
    let next = registers.get(at + 1).copied().unwrap_or(0);
    let pair = u32::from(registers[at]) | u32::from(next) << 8;
    if pair >> shift & MASK >= u32::from(value) {
        return false;
    }
    let pair = pair & !(MASK << shift) | u32::from(value) << shift;
    registers[at] = pair as u8;
    if let Some(next) = registers.get_mut(at + 1) {
        *next = (pair >> 8) as u8;
    }
    true
}

/// Each four registers in turn.
fn quads(registers: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    registers.as_chunks::<3>().0.iter().map(|&[low, middle, high]| {
        let bits = u32::from_le_bytes([low, middle, high, 0]);
        [0, 1, 2, 3].map(|place| (bits >> (place * BITS) & MASK) as u8)
    })
}

/// All registers, a byte each.
pub(super) fn unpack(registers: &[u8], to: &mut [u8; REGISTERS]) {
    for (to, quad) in to.as_chunks_mut::<4>().0.iter_mut().zip(quads(registers)) {
        *to = quad;
    }
}

/// As `unpack`, where the higher value stays.
pub(super) fn merge(registers: &[u8], into: &mut [u8; REGISTERS]) {
    for (into, quad) in into.as_chunks_mut::<4>().0.iter_mut().zip(quads(registers)) {
        for (into, value) in into.iter_mut().zip(quad) {
            *into = value.max(*into);
        }
    }
}

/// The reverse of `unpack`.
pub(super) fn pack(from: &[u8; REGISTERS], registers: &mut [u8]) {
    for (to, quad) in registers.as_chunks_mut::<3>().0.iter_mut().zip(from.as_chunks::<4>().0) {
        let bits = quad.iter().rev().fold(0, |bits, &value| bits << BITS | u32::from(value));
        let [low, middle, high, _] = bits.to_le_bytes();
        *to = [low, middle, high];
    }
}

/// How many registers have each value.
pub(super) fn histogram(registers: &[u8]) -> [u32; 64] {
    let mut counts = [0; 64];
    for quad in quads(registers) {
        for value in quad {
            counts[usize::from(value)] += 1;
        }
    }
    counts
}
