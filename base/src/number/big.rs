//! Unsigned integers of any size: as much as reading and printing long doubles exactly takes.

use super::rounding::{Exact, bit_len};

/// Decimal digits that fit one limb, and the power of ten that is one more than they can say.
const CHUNK_DIGITS: usize = 19;
const CHUNK: u64 = 10_000_000_000_000_000_000;

/// Limbs from the lowest; the highest is not zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Big(Vec<u64>);

impl Big {
    /// The number that a series of ASCII digits says.
    pub(crate) fn from_digits(digits: impl Iterator<Item = u8>) -> Big {
        let mut number = Big::default();
        let (mut chunk, mut power) = (0u64, 1u64);
        for digit in digits {
            chunk = chunk * 10 + u64::from(digit - b'0');
            power *= 10;
            if power == CHUNK {
                number.multiply_add(CHUNK, chunk);
                (chunk, power) = (0, 1);
            }
        }
        number.multiply_add(power, chunk);
        number
    }

    /// `mantissa * 2^exponent`.
    pub(crate) fn shifted(mantissa: u64, exponent: u32) -> Big {
        let mut number = Big::default();
        number.multiply_add(1, mantissa);
        number.shift_left(exponent);
        number
    }

    /// `10^exponent`.
    pub(crate) fn power_of_ten(exponent: u32) -> Big {
        let mut number = Big(vec![1]);
        number.multiply_by_power_of_ten(exponent);
        number
    }

    pub(crate) fn multiply_by_power_of_ten(&mut self, exponent: u32) {
        for _ in 0..exponent as usize / CHUNK_DIGITS {
            self.multiply_add(CHUNK, 0);
        }
        self.multiply_add(10u64.pow(exponent % CHUNK_DIGITS as u32), 0);
    }

    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = u128::from(addend);
        for limb in &mut self.0 {
            carry += u128::from(*limb) * u128::from(factor);
            *limb = carry as u64;
            carry >>= 64;
        }
        if carry != 0 {
            self.0.push(carry as u64);
        }
    }

    pub(crate) fn bit_len(&self) -> u32 {
        match self.0.split_last() {
            Some((&high, lower)) => lower.len() as u32 * 64 + bit_len(u128::from(high)),
            None => 0,
        }
    }

    pub(crate) fn shift_left(&mut self, bits: u32) {
        if self.0.is_empty() {
            return;
        }
        // At most 63 bits are shifted, so that the factor fits a limb.
        self.multiply_add(1 << (bits % 64), 0);
        self.0.splice(0..0, std::iter::repeat_n(0, bits as usize / 64));
    }

    /// The highest 128 bits, and whether there is more; the whole number if it is short.
    pub(crate) fn to_exact(&self) -> Exact {
        let lower = self.0.len().saturating_sub(2);
        let high = self.0[lower..].iter().rev().fold(0, |high, &limb| high << 64 | u128::from(limb));
        let Some((&next, rest)) = self.0[..lower].split_last() else {
            return Exact { mantissa: high, exponent: 0, more: false };
        };
        // Below a high limb of few bits as many of the third one are needed. Through 128 bits, as `>> 64` must give 0.
        let room = high.leading_zeros();
        let next = u128::from(next) << room;
        let more = next as u64 != 0 || rest.iter().any(|&limb| limb != 0);
        Exact { mantissa: high << room | next >> 64, exponent: lower as i32 * 64 - room as i32, more }
    }

    /// `self / divisor` to 68 bits or one less; neither is zero.
    pub(crate) fn divide(mut self, mut divisor: Big) -> Exact {
        const QUOTIENT_BITS: i32 = 68;
        let shift = divisor.bit_len() as i32 - self.bit_len() as i32;
        match shift {
            0.. => self.shift_left(shift as u32),
            _ => divisor.shift_left(shift.unsigned_abs()),
        }
        let mut mantissa = 0u128;
        for _ in 0..QUOTIENT_BITS {
            mantissa <<= 1;
            if self.is_at_least(&divisor) {
                self.subtract(&divisor);
                mantissa |= 1;
            }
            self.multiply_add(2, 0);
        }
        Exact { mantissa, exponent: 1 - QUOTIENT_BITS - shift, more: !self.0.is_empty() }
    }

    fn is_at_least(&self, other: &Big) -> bool {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_ge()
    }

    /// Takes away a number which is not larger.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = false;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let taken = other.0.get(index).copied().unwrap_or(0);
            let (difference, under) = limb.overflowing_sub(taken);
            let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = under || under_again;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    /// In decimal.
    pub(crate) fn into_decimal(mut self) -> String {
        let mut chunks = Vec::new();
        while !self.0.is_empty() {
            let mut rest = 0u128;
            for limb in self.0.iter_mut().rev() {
                let dividend = rest << 64 | u128::from(*limb);
                *limb = (dividend / u128::from(CHUNK)) as u64;
                rest = dividend % u128::from(CHUNK);
            }
            chunks.push(rest as u64);
            while self.0.last() == Some(&0) {
                self.0.pop();
            }
        }
        let high = chunks.pop().unwrap_or(0).to_string();
        chunks.iter().rev().fold(high, |text, chunk| text + &format!("{chunk:0CHUNK_DIGITS$}"))
    }
}
