//! INCRBYFLOAT's arithmetic: the 80-bit long double of x86, in software, so that sums are the same on every machine.
//!
//! Invariant: every finite value is one that the format has, correctly rounded when read and when added.

use std::fmt;

use super::big::Big;
use super::float::split_sign;
use super::hex;
use super::rounding::{DOUBLE, EXTENDED, Exact, bit_len};

/// Longest text that is read as a number.
const TEXT_LEN_MAX: usize = 5 * 1024 - 1;
/// Digits printed after the point.
const FRACTION_DIGITS: usize = 17;
const FRACTION_UNIT: u128 = 10u128.pow(FRACTION_DIGITS as u32);

/// A number of the 80-bit extended format.
#[derive(Clone, Copy, Debug)]
pub enum LongDouble {
    /// Within the format's range.
    Finite(Finite),
    /// Past it, or written `inf`.
    Infinite {
        /// Its sign.
        negative: bool,
    },
    /// The sum of opposite infinities.
    NotANumber,
}

/// `mantissa * 2^exponent`, with its sign.
#[derive(Clone, Copy, Debug)]
pub struct Finite {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

impl LongDouble {
    /// The number a text says: decimal, hexadecimal or an infinity; not `nan`, nothing out of range.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > TEXT_LEN_MAX {
            return None;
        }
        let (negative, unsigned) = split_sign(text);
        if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
            return Some(LongDouble::Infinite { negative });
        }
        let exact = if hex::is_hex(unsigned) { hex::parse(unsigned)? } else { parse_decimal(unsigned)? };
        let (mantissa, exponent) = EXTENDED.round(exact)?;
        let vanished = mantissa == 0 && exact.mantissa != 0;
        (!vanished).then_some(LongDouble::Finite(Finite { negative, mantissa, exponent }))
    }

    /// Whether it is neither infinite nor not a number.
    pub fn is_finite(self) -> bool {
        matches!(self, LongDouble::Finite(_))
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        let magnitude_of = |negative: bool, magnitude: f64| if negative { -magnitude } else { magnitude };
        match self {
            LongDouble::Finite(Finite { negative, mantissa, exponent }) => {
                let exact = Exact { mantissa: u128::from(mantissa), exponent, more: false };
                magnitude_of(negative, DOUBLE.round(exact).map_or(f64::INFINITY, super::rounding::to_f64))
            }
            LongDouble::Infinite { negative } => magnitude_of(negative, f64::INFINITY),
            LongDouble::NotANumber => f64::NAN,
        }
    }
}

impl std::ops::Add for LongDouble {
    type Output = LongDouble;

    /// The sum, rounded to the format.
    fn add(self, other: LongDouble) -> LongDouble {
        match (self, other) {
            (LongDouble::Finite(a), LongDouble::Finite(b)) => add_finite(a, b),
            (LongDouble::Infinite { negative: a }, LongDouble::Infinite { negative: b }) if a != b => {
                LongDouble::NotANumber
            }
            (LongDouble::NotANumber, _) | (_, LongDouble::NotANumber) => LongDouble::NotANumber,
            (LongDouble::Infinite { .. }, _) => self,
            (_, LongDouble::Infinite { .. }) => other,
        }
    }
}

fn add_finite(a: Finite, b: Finite) -> LongDouble {
    /// Room below the larger number's mantissa; one bit is left above it for the carry.
    const ROOM_BITS: u32 = 63;
    let (large, small) = if magnitude(a) >= magnitude(b) { (a, b) } else { (b, a) };
    if small.mantissa == 0 {
        // Zeros of opposite signs give the positive one.
        let negative = large.negative && (large.mantissa != 0 || small.negative);
        return LongDouble::Finite(Finite { negative, ..large });
    }
    // Normalized, so that the larger one has the larger exponent and what is shifted out lies far below its last bit.
    let (large, small) = (normalized(large), normalized(small));
    let distance = (large.exponent - small.exponent) as u32;
    let high = u128::from(large.mantissa) << ROOM_BITS;
    let whole = u128::from(small.mantissa) << ROOM_BITS;
    let low = whole.checked_shr(distance).unwrap_or(0);
    let more = low.checked_shl(distance).unwrap_or(0) != whole;
    let mantissa = match large.negative == small.negative {
        true => high + low,
        // The exact difference lies just below when something was shifted out.
        false => high - low - u128::from(more),
    };
    let negative = large.negative && mantissa != 0;
    let exact = Exact { mantissa, exponent: large.exponent - ROOM_BITS as i32, more };
    match EXTENDED.round(exact) {
        Some((mantissa, exponent)) => LongDouble::Finite(Finite { negative, mantissa, exponent }),
        None => LongDouble::Infinite { negative },
    }
}

/// Orders numbers other than zero by their size.
fn magnitude(number: Finite) -> (bool, i32, u64) {
    let Finite { mantissa, exponent, .. } = normalized(number);
    (mantissa != 0, exponent, mantissa)
}

/// With the highest bit of the mantissa set.
fn normalized(number: Finite) -> Finite {
    if number.mantissa == 0 {
        return number;
    }
    let shift = number.mantissa.leading_zeros();
    Finite { mantissa: number.mantissa << shift, exponent: number.exponent - shift as i32, ..number }
}

/// The value of a decimal text without its sign.
fn parse_decimal(text: &[u8]) -> Option<Exact> {
    const ZERO: Exact = Exact { mantissa: 0, exponent: 0, more: false };
    /// Decimal exponents of the first digit past which every number is out of range, or vanishes.
    const RANGE: std::ops::RangeInclusive<i64> = -5000..=5000;
    let number_len = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let (number, suffix) = text.split_at(number_len);
    let mut exponent = match suffix {
        [] => 0,
        [b'e' | b'E', written @ ..] => hex::parse_exponent(written)?,
        _ => return None,
    };
    let point = number.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&number[..at], &number[at + 1..]),
        None => (number, &number[..0]),
    };
    if whole.len() + fraction.len() == 0 || fraction.contains(&b'.') {
        return None;
    }
    exponent -= fraction.len() as i64;
    let digits = || whole.iter().chain(fraction).copied().skip_while(|&digit| digit == b'0');
    let count = digits().count();
    if count == 0 {
        return Some(ZERO);
    }
    // Trailing zeros would only make the integers larger.
    let trailing = whole.iter().chain(fraction).rev().take_while(|&&digit| digit == b'0').count();
    let significant = digits().take(count - trailing);
    exponent += trailing as i64;
    let magnitude = exponent + (count - trailing) as i64;
    if magnitude > *RANGE.end() {
        return Some(Exact { mantissa: 1, exponent: i32::from(i16::MAX), more: false });
    }
    if magnitude < *RANGE.start() {
        return Some(Exact { mantissa: 1, exponent: i32::from(i16::MIN), more: false });
    }
    Some(scale(significant, count - trailing, exponent as i32))
}

/// A series of digits times a power of ten.
fn scale(digits: impl Iterator<Item = u8>, count: usize, exponent: i32) -> Exact {
    /// Digits that fit 64 bits, and powers of ten small enough that the quotient keeps more bits than the format has.
    const FAST_DIGITS: usize = 19;
    const FAST_EXPONENTS: std::ops::RangeInclusive<i32> = -18..=0;
    if count <= FAST_DIGITS && FAST_EXPONENTS.contains(&exponent) {
        let number = digits.fold(0u128, |number, digit| number * 10 + u128::from(digit - b'0'));
        let room = number.leading_zeros();
        let (dividend, divisor) = (number << room, 10u128.pow(exponent.unsigned_abs()));
        let more = dividend % divisor != 0;
        return Exact { mantissa: dividend / divisor, exponent: -(room as i32), more };
    }
    let mut number = Big::from_digits(digits);
    if exponent < 0 {
        return number.divide(Big::power_of_ten(exponent.unsigned_abs()));
    }
    number.multiply_by_power_of_ten(exponent.unsigned_abs());
    number.to_exact()
}

impl fmt::Display for LongDouble {
    /// With 17 digits after the point, trailing zeros left out, and no `-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LongDouble::Finite(number) => fmt_finite(number, f),
            LongDouble::Infinite { negative } => f.write_str(if negative { "-inf" } else { "inf" }),
            LongDouble::NotANumber => f.write_str("nan"),
        }
    }
}

fn fmt_finite(number: Finite, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Finite { negative, mantissa, exponent } = number;
    let sign = if negative { "-" } else { "" };
    if exponent >= 0 {
        if bit_len(u128::from(mantissa)) + exponent.unsigned_abs() <= u128::BITS && mantissa != 0 {
            return write!(f, "{sign}{}", u128::from(mantissa) << exponent);
        }
        let sign = if mantissa == 0 { "" } else { sign };
        return write!(f, "{sign}{}", Big::shifted(mantissa, exponent.unsigned_abs()).into_decimal());
    }
    // A mantissa of 64 bits times 10^17 fits 121.
    let scaled = Exact { mantissa: u128::from(mantissa) * FRACTION_UNIT, exponent, more: false };
    let units = super::rounding::shift_right_to_even(scaled, exponent.unsigned_abs());
    let (whole, fraction) = (units / FRACTION_UNIT, units % FRACTION_UNIT);
    let sign = if units == 0 { "" } else { sign };
    if fraction == 0 {
        return write!(f, "{sign}{whole}");
    }
    let fraction = format!("{fraction:0FRACTION_DIGITS$}");
    write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(a: &str, b: &str) -> String {
        let parse = |text: &str| LongDouble::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is refused"));
        (parse(a) + parse(b)).to_string()
    }

    #[test]
    fn sums_as_redis() {
        for (a, b, expected) in [
            ("0.1", "0.2", "0.3"),
            ("3.0e3", "200", "3200"),
            ("5.0e3", "-5.0e3", "0"),
            ("-0", "-0", "0"),
            ("0", "-1e-20", "0"),
            ("0", "1e-17", "0.00000000000000001"),
            ("0", "5e-18", "0"),
            ("0", "3.0000000000000000055", "3.00000000000000001"),
            ("0", "0x1p3", "8"),
            ("0", "-0x1p-3", "-0.125"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551616", "1", "18446744073709551616"),
            ("36893488147419103233", "0", "36893488147419103232"),
            ("12345678901234567890123", "0", "12345678901234567889920"),
            ("1", "-1e-30", "1"),
            ("18446744073709551616", "-0.5", "18446744073709551616"),
            ("18446744073709551616", "-0.75", "18446744073709551615"),
            ("0", "1e-4940", "0"),
            ("0", "2e-4951", "0"),
            ("1e4932", "1e4932", "inf"),
            ("-inf", "1", "-inf"),
            ("inf", "-Infinity", "nan"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
            assert_eq!(sum(b, a), expected, "{b} + {a}");
        }
    }

    #[test]
    fn large_numbers_are_exact() {
        let power = sum("1e300", "0");
        assert_eq!(power.len(), 301);
        assert!(power.starts_with("100000000000000000000899732407"), "{power}");
        assert!(power.ends_with("5104006144"), "{power}");
        let largest = sum("1.1897314953572317650e+4932", "0");
        assert_eq!(largest.len(), 4933);
        assert!(largest.starts_with("118973149535723176502126385303"), "{largest}");
        assert!(largest.ends_with("1989770240"), "{largest}");
    }

    #[test]
    fn refuses_what_redis_refuses() {
        for text in [
            "",
            ".",
            "+",
            "1e",
            "0x",
            "0x.p1",
            " 1",
            "1 ",
            "1_0",
            "nan",
            "NAN",
            "abc",
            "1\0",
            "1..",
            "1e5000",
            "1e-5000",
            "1e-4951",
            "1.1897314953572317651e+4932",
            "1e99999999999999999999",
            "0x1p16384",
            "0x1p-16447",
        ] {
            assert!(LongDouble::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(LongDouble::parse(&[b'1'; 5115]).is_none());
        let zeros = |len: usize| [&vec![b'0'; len - 1][..], b"1"].concat();
        assert!(LongDouble::parse(&zeros(5119)).is_some());
        assert!(LongDouble::parse(&zeros(5120)).is_none());
    }

    #[test]
    fn to_double() {
        let double = |text: &str| LongDouble::parse(text.as_bytes()).unwrap().to_f64();
        assert_eq!(double("0.1"), 0.1);
        assert_eq!(double("-1e400"), f64::NEG_INFINITY);
        assert_eq!(double("1e-400"), 0.0);
        assert_eq!(double("inf"), f64::INFINITY);
        assert_eq!(double("5e-324"), 5e-324);
    }

    proptest! {
        /// 64-bit integers are exact, and so are sums that stay below 2^64.
        #[test]
        fn integers_are_exact(a: i64, b: i64) {
            prop_assert_eq!(sum(&a.to_string(), "0"), a.to_string());
            let exact = i128::from(a) + i128::from(b);
            if u64::try_from(exact.unsigned_abs()).is_ok() {
                prop_assert_eq!(sum(&a.to_string(), &b.to_string()), exact.to_string());
            }
        }

        /// Digits too far behind to matter make the number go the slow way.
        #[test]
        fn both_ways_of_reading_agree(digits in 1u64..10_000_000_000_000_000_000, exponent in 0..18usize, sign in "-?") {
            let fast = format!("{sign}{digits}e-{exponent}");
            let slow = format!("{sign}{digits}.{}1e-{exponent}", "0".repeat(60));
            let read = |text: &str| LongDouble::parse(text.as_bytes()).unwrap().to_string();
            prop_assert_eq!(read(&fast), read(&slow));
        }

        /// A sum of halves, quarters and so on of small numbers needs no rounding.
        #[test]
        fn short_fractions_add_exactly(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000, shift in 0..17u32) {
            let exact = |number: i64| format!("{:.17}", number as f64 / f64::from(1u32 << shift));
            let text = |number| exact(number).trim_end_matches('0').trim_end_matches('.').to_string();
            prop_assert_eq!(sum(&text(a), &text(b)), text(a + b));
        }

        #[test]
        fn any_text(text in "[-+0-9.eExXpPinf]{0,40}") {
            if let Some(number) = LongDouble::parse(text.as_bytes()) {
                (number + number).to_string();
            }
        }
    }
}
