//! Integers of 1 to 64 bits at any bit of a string.
//!
//! Invariant: a field is at most 64 bits wide, and an unsigned one at most 63, so every value fits an i64.

use commands_macros::Args;

use crate::error::{Error, Result};

/// How a field's integer is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    is_signed: bool,
    /// Its width.
    pub(super) bits: u32,
}

/// What becomes of a value that does not fit.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Overflow {
    /// Its low bits are stored.
    Wrap,
    /// The nearest value that fits is.
    Sat,
    /// Nothing is.
    Fail,
}

/// A field and the bits before it in its first byte take at most 71 bits.
const WINDOW_LEN: usize = size_of::<u128>();

impl Field {
    /// `i16`, `u8` and so on.
    pub(super) fn parse(word: &[u8]) -> Result<Self> {
        let field = word.split_first().and_then(|(sign, bits)| {
            let bits = base::number::parse_u64(bits).and_then(|bits| u32::try_from(bits).ok())?;
            match sign {
                b'i' if (1..=64).contains(&bits) => Some(Self { is_signed: true, bits }),
                b'u' if (1..=63).contains(&bits) => Some(Self { is_signed: false, bits }),
                _ => None,
            }
        });
        field.ok_or(Error::Plain(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))
    }

    /// The value at a bit; what is past the end of the string is zero.
    pub(super) fn read(self, bytes: &[u8], offset: usize) -> i64 {
        let (_, window) = window(bytes, offset);
        self.truncated((window >> self.shift(offset)) as u64)
    }

    /// Stores a value that fits, inside the string.
    pub(super) fn write(self, bytes: &mut [u8], offset: usize, value: i64) {
        let (len, window) = window(bytes, offset);
        let mask = u128::from(u64::MAX >> (64 - self.bits)) << self.shift(offset);
        let placed = u128::from(value as u64) << self.shift(offset);
        let window = window & !mask | placed & mask;
        bytes[offset / 8..offset / 8 + len].copy_from_slice(&window.to_be_bytes()[..len]);
    }

    /// How far the field is from the window's end.
    fn shift(self, offset: usize) -> u32 {
        u128::BITS - (offset % 8) as u32 - self.bits
    }

    /// The value of the low bits.
    fn truncated(self, word: u64) -> i64 {
        let high = word << (64 - self.bits);
        if self.is_signed { high as i64 >> (64 - self.bits) } else { (high >> (64 - self.bits)) as i64 }
    }

    /// A client's number as the field understands it: negative ones are large for an unsigned field.
    pub(super) fn of_word(self, value: i64) -> i128 {
        if self.is_signed { i128::from(value) } else { i128::from(value as u64) }
    }

    /// What is to be stored for a value.
    pub(super) fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (least, most) = match self.is_signed {
            true => (-(1i128 << (self.bits - 1)), (1i128 << (self.bits - 1)) - 1),
            false => (0, (1i128 << self.bits) - 1),
        };
        if (least..=most).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.truncated(value as u64)),
            Overflow::Sat => Some(value.clamp(least, most) as i64),
            Overflow::Fail => None,
        }
    }
}

/// The bytes from a bit's byte on, the first one highest, and how many of them the string has.
fn window(bytes: &[u8], offset: usize) -> (usize, u128) {
    let tail = bytes.get(offset / 8..).unwrap_or_default();
    let mut window = [0; WINDOW_LEN];
    let len = tail.len().min(WINDOW_LEN);
    window[..len].copy_from_slice(&tail[..len]);
    (len, u128::from_be_bytes(window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_changes() {
        for bits in 1..=64 {
            for is_signed in [true, false].into_iter().filter(|signed| *signed || bits < 64) {
                let field = Field { is_signed, bits };
                for offset in (0..80).chain([100, 135 - bits as usize]) {
                    let before: Vec<u8> = (0..25).map(|at: u8| at.wrapping_mul(57)).collect();
                    let mut bytes = before.clone();
                    let value = field.truncated(0x9E37_79B9_7F4A_7C15 >> (offset % 7));
                    field.write(&mut bytes, offset, value);
                    assert_eq!(field.read(&bytes, offset), value);
                    let old = field.read(&before, offset);
                    field.write(&mut bytes, offset, old);
                    assert_eq!(bytes, before);
                }
            }
        }
    }
}
