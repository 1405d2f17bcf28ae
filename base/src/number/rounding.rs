//! Rounding an exact value to a binary format: to nearest, ties to even.

/// A binary floating-point format. Its values are integers times powers of two.
pub(crate) struct Format {
    /// Bits of the mantissa, at most 64.
    pub(crate) mantissa_bits: u32,
    /// Exponent of the smallest value above zero.
    pub(crate) exponent_min: i32,
    /// All values are below two to this power.
    pub(crate) magnitude_max: i32,
}

/// `f64`.
pub(crate) const DOUBLE: Format = Format { mantissa_bits: 53, exponent_min: -1074, magnitude_max: 1024 };
/// The 80-bit extended format of x86.
pub(crate) const EXTENDED: Format = Format { mantissa_bits: 64, exponent_min: -16445, magnitude_max: 16384 };

/// An integer times a power of two, plus, if `more`, something above zero and below the integer's unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact {
    pub(crate) mantissa: u128,
    pub(crate) exponent: i32,
    /// Only together with more mantissa bits than the format has.
    pub(crate) more: bool,
}

impl Format {
    /// The nearest mantissa and exponent; `None` when the value is too large for the format.
    pub(crate) fn round(&self, value: Exact) -> Option<(u64, i32)> {
        let bits = bit_len(value.mantissa);
        let excess = bits as i32 - self.mantissa_bits as i32;
        let shift = excess.max(self.exponent_min.saturating_sub(value.exponent)).max(0);
        let (mut mantissa, mut exponent) = (shift_right_to_even(value, shift as u32), value.exponent + shift);
        if bit_len(mantissa) > self.mantissa_bits {
            // Carried to the next power of two: the bit that goes is zero.
            mantissa >>= 1;
            exponent += 1;
        }
        let too_large = mantissa != 0 && exponent.saturating_add(bit_len(mantissa) as i32) > self.magnitude_max;
        (!too_large).then_some((mantissa as u64, exponent))
    }
}

/// Number of bits up to the highest one set.
pub(crate) fn bit_len(value: u128) -> u32 {
    u128::BITS - value.leading_zeros()
}

/// Drops the lowest bits, rounding to nearest, ties to even.
pub(crate) fn shift_right_to_even(value: Exact, shift: u32) -> u128 {
    if shift == 0 {
        return value.mantissa;
    }
    let kept = value.mantissa.checked_shr(shift).unwrap_or(0);
    let dropped = value.mantissa - kept.checked_shl(shift).unwrap_or(0);
    // Past 128 bits even a full mantissa is less than half a unit.
    let half = 1u128.checked_shl(shift - 1).unwrap_or(u128::MAX);
    let up = dropped > half || (dropped == half && shift <= u128::BITS && (value.more || kept & 1 == 1));
    kept + u128::from(up)
}

/// The double of a mantissa and exponent that `DOUBLE.round` gave.
pub(crate) fn to_f64((mantissa, exponent): (u64, i32)) -> f64 {
    const HIDDEN_BIT: u64 = 1 << 52;
    if mantissa == 0 {
        return 0.0;
    }
    // Up to the hidden bit, unless the exponent's lower limit stops it: a subnormal number.
    let room = (DOUBLE.mantissa_bits - bit_len(u128::from(mantissa))) as i32;
    let shift = room.min(exponent - DOUBLE.exponent_min);
    let (mantissa, exponent) = (mantissa << shift, exponent - shift);
    if mantissa < HIDDEN_BIT {
        return f64::from_bits(mantissa);
    }
    let biased = (exponent - DOUBLE.exponent_min + 1) as u64;
    f64::from_bits(biased << 52 | (mantissa - HIDDEN_BIT))
}
