//! The decimal digits of a double: Grisu2 (Loitsch, 2010), in the variant whose output Redis shows.
//!
//! Grisu2 always gives digits that read back as the same number, and nearly always the fewest. Clients see where it
//! does not (3.14e22 has 17 digits), so an exactly shortest algorithm would be wrong here.

use super::powers::{FIRST, POWERS, STEP};

const FRACTION_BITS: u32 = 52;
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
const EXPONENT_BIAS: i32 = 1023 + FRACTION_BITS as i32;
/// Digits never exceed 17 by the algorithm; one more is room.
pub(crate) const DIGITS_MAX: usize = 18;

/// A number as mantissa and binary exponent.
#[derive(Clone, Copy)]
struct Float {
    mantissa: u64,
    exponent: i32,
}

impl Float {
    fn of(value: f64) -> Float {
        let bits = value.to_bits();
        let fraction = bits & (HIDDEN_BIT - 1);
        let exponent = (bits >> FRACTION_BITS & 0x7ff) as i32;
        if exponent == 0 {
            return Float { mantissa: fraction, exponent: 1 - EXPONENT_BIAS };
        }
        Float { mantissa: fraction | HIDDEN_BIT, exponent: exponent - EXPONENT_BIAS }
    }

    /// With the highest bit set.
    fn normalized(self) -> Float {
        let shift = self.mantissa.leading_zeros();
        Float { mantissa: self.mantissa << shift, exponent: self.exponent - shift as i32 }
    }

    /// Half way to the neighbours, both with the exponent of the upper one. All that lies between reads back as `self`.
    fn boundaries(self) -> (Float, Float) {
        let upper = Float { mantissa: (self.mantissa << 1) + 1, exponent: self.exponent - 1 }.normalized();
        // The neighbour below a power of two is nearer.
        let shift = if self.mantissa == HIDDEN_BIT { 2 } else { 1 };
        let mantissa = (self.mantissa << shift) - 1;
        let mantissa = mantissa << (self.exponent - shift - upper.exponent);
        (Float { mantissa, exponent: upper.exponent }, upper)
    }

    /// The upper half of the product, rounded.
    fn times(self, other: Float) -> Float {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa) + (1 << 63);
        Float { mantissa: (product >> 64) as u64, exponent: self.exponent + other.exponent + 64 }
    }
}

/// A power of ten that brings a number of this exponent to an exponent in -60..=-32, and its decimal exponent. Two
/// powers may do; which one is found first decides the digits.
fn power_for(exponent: i32) -> (Float, i32) {
    const EXPONENTS: std::ops::RangeInclusive<i32> = -60..=-32;
    let guess = (f64::from(-(exponent + POWERS.len() as i32)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (guess - FIRST) / STEP;
    loop {
        let (mantissa, power_exponent) = POWERS[index as usize];
        let reached = exponent + power_exponent + 64;
        if reached < *EXPONENTS.start() {
            index += 1;
        } else if reached > *EXPONENTS.end() {
            index -= 1;
        } else {
            return (Float { mantissa, exponent: power_exponent }, FIRST + index * STEP);
        }
    }
}

/// Digits under construction.
pub(crate) struct Digits {
    pub(crate) bytes: [u8; DIGITS_MAX],
    pub(crate) len: usize,
    /// Power of ten of the last digit.
    pub(crate) exponent: i32,
}

impl Digits {
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.len != 0 {
            self.bytes[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    /// Brings the last digit nearer to the number: `distance` lies between it and the upper boundary, `rest` is what
    /// the digits have left of that boundary, `unit` the weight of the last digit, `delta` the width of the interval.
    fn round(&mut self, delta: u64, mut rest: u64, unit: u64, distance: u64) {
        while rest < distance
            && delta - rest >= unit
            && (rest + unit < distance || distance - rest > rest + unit - distance)
        {
            self.bytes[self.len - 1] -= 1;
            rest += unit;
        }
    }
}

/// The digits of a finite number above zero.
pub(crate) fn digits(value: f64) -> Digits {
    let number = Float::of(value);
    let (lower, upper) = number.boundaries();
    let (power, decimal) = power_for(upper.exponent);
    let number = number.normalized().times(power);
    // A unit on both sides for the error of the multiplication.
    let upper = Float { mantissa: upper.times(power).mantissa - 1, ..upper.times(power) };
    let lower = lower.times(power).mantissa + 1;

    let mut digits = Digits { bytes: [0; DIGITS_MAX], len: 0, exponent: -decimal };
    let mut distance = upper.mantissa - number.mantissa;
    let mut delta = upper.mantissa - lower;
    let point = -upper.exponent as u32;
    let fraction_mask = (1u64 << point) - 1;
    let mut whole = upper.mantissa >> point;
    let mut fraction = upper.mantissa & fraction_mask;

    let mut unit = 1_000_000_000u64;
    for position in (0..10).rev() {
        digits.push(whole / unit);
        whole %= unit;
        let rest = (whole << point) + fraction;
        if rest <= delta {
            digits.exponent += position;
            digits.round(delta, rest, unit << point, distance);
            return digits;
        }
        unit /= 10;
    }
    loop {
        fraction *= 10;
        delta *= 10;
        distance = distance.wrapping_mul(10);
        digits.exponent -= 1;
        digits.push(fraction >> point);
        fraction &= fraction_mask;
        if fraction < delta {
            digits.round(delta, fraction, 1 << point, distance);
            return digits;
        }
    }
}
