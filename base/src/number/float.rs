//! Doubles: reading scores and other floating-point arguments, and spelling them in replies.

use super::rounding::{DOUBLE, to_f64};
use super::{hex, shortest};

/// A double's text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct F64Text {
    bytes: [u8; F64Text::LEN_MAX],
    len: u8,
}

impl F64Text {
    /// Longest: a sign and 24 digits.
    const LEN_MAX: usize = 32;

    fn new() -> F64Text {
        F64Text { bytes: [0; F64Text::LEN_MAX], len: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }

    fn push_zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b"0");
        }
    }

    /// The text's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl AsRef<str> for F64Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for F64Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Whole numbers within these limits are spelled as integers.
const WHOLE_MAX: f64 = (i64::MAX / 2) as f64;

/// A double as Redis replies it: `3`, `0.1`, `1.5e-7`, `1e+20`, `inf`, `-inf`, `nan`.
pub fn format_f64(value: f64) -> F64Text {
    let mut text = F64Text::new();
    if value.is_nan() {
        text.push(b"nan");
    } else if value.is_infinite() {
        text.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        text.push(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else if value.abs() <= WHOLE_MAX && value == value.trunc() {
        text.push(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        if value < 0.0 {
            text.push(b"-");
        }
        push_digits(&mut text, &shortest::digits(value.abs()));
    }
    text
}

/// A double as C's `%.17g` spells it, which says more digits than it takes to read the same double back.
pub fn format_f64_17(value: f64) -> F64Text {
    use std::io::Write;
    if !value.is_finite() || value == 0.0 {
        return format_f64(value);
    }
    let (mut scientific, mut text) = ([0; F64Text::LEN_MAX], F64Text::new());
    let mut room = &mut scientific[..];
    // Seventeen digits and an exponent take 24 bytes at most.
    let _ = write!(room, "{:.16e}", value.abs());
    let left = room.len();
    let scientific = &scientific[..F64Text::LEN_MAX - left];
    let (mantissa, exponent) = scientific.split_at(scientific.iter().position(|&byte| byte == b'e').unwrap_or(0));
    let exponent = super::parse_i64(exponent.get(1..).unwrap_or_default()).unwrap_or(0) as i32;
    let mut digits = [0; 17];
    mantissa.iter().filter(|byte| **byte != b'.').zip(&mut digits).for_each(|(&from, to)| *to = from);
    let len = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    if value < 0.0 {
        text.push(b"-");
    }
    push_general(&mut text, &digits, len, exponent);
    text
}

/// Seventeen digits, of which `len` count, the first one at `10^exponent`.
fn push_general(text: &mut F64Text, digits: &[u8; 17], len: usize, exponent: i32) {
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    match exponent {
        -4..=-1 => {
            text.push(b"0.");
            text.push_zeros((-exponent - 1) as usize);
            text.push(&digits[..len]);
        }
        0..=16 => {
            text.push(&digits[..whole]);
            if len > whole {
                text.push(b".");
                text.push(&digits[whole..len]);
            }
        }
        _ => {
            text.push(&digits[..1]);
            if len > 1 {
                text.push(b".");
                text.push(&digits[1..len]);
            }
            text.push(if exponent < 0 { b"e-" } else { b"e+" });
            text.push_zeros(usize::from(exponent.abs() < 10));
            text.push(itoa::Buffer::new().format(exponent.abs()).as_bytes());
        }
    }
}

fn push_digits(text: &mut F64Text, digits: &shortest::Digits) {
    let bytes = &digits.bytes[..digits.len];
    let len = digits.len as i32;
    // Of the first digit.
    let magnitude = (digits.exponent + len - 1).abs();
    if digits.exponent >= 0 && magnitude < len + 7 {
        text.push(bytes);
        text.push_zeros(digits.exponent as usize);
    } else if digits.exponent < 0 && (digits.exponent > -7 || magnitude < 4) {
        let whole = len + digits.exponent;
        if whole <= 0 {
            text.push(b"0.");
            text.push_zeros(-whole as usize);
            text.push(bytes);
        } else {
            let (whole, fraction) = bytes.split_at(whole as usize);
            text.push(whole);
            text.push(b".");
            text.push(fraction);
        }
    } else {
        text.push(&bytes[..1]);
        if len > 1 {
            text.push(b".");
            text.push(&bytes[1..]);
        }
        text.push(if digits.exponent + len > 0 { b"e+" } else { b"e-" });
        text.push(itoa::Buffer::new().format(magnitude).as_bytes());
    }
}

/// A score or another floating-point argument: decimal, hexadecimal or an infinity; not `nan`, no blanks, nothing out
/// of range.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(whole) = parse_short_whole(text) {
        return Some(whole);
    }
    let (negative, unsigned) = split_sign(text);
    if hex::is_hex(unsigned) {
        let exact = hex::parse(unsigned)?;
        let value = to_f64(DOUBLE.round(exact)?);
        let vanished = value == 0.0 && exact.mantissa != 0;
        return (!vanished).then_some(if negative { -value } else { value });
    }
    let value = parse_decimal(text)?;
    let overflowed = value.is_infinite() && unsigned.iter().any(u8::is_ascii_digit);
    let vanished = value == 0.0 && has_significant_digit(unsigned);
    (!overflowed && !vanished).then_some(value)
}

/// The commonest form, digits alone, few enough for a double to hold exactly.
#[inline]
fn parse_short_whole(text: &[u8]) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    let whole = text.iter().try_fold(0_u64, |whole, &byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| whole * 10 + u64::from(digit))
    })?;
    Some(whole as f64)
}

/// The end of a score range, its `(` taken off: decimal or an infinity. More is let through than for a score: what
/// follows a NUL is not looked at, no text at all is 0, and numbers out of range become an infinity or 0.
pub fn parse_f64_bound(text: &[u8]) -> Option<f64> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    parse_decimal(text)
}

/// Every text without blanks that C's `strtod` takes, but no hexadecimal one and not `nan`.
fn parse_decimal(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

pub(crate) fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        [b'+', unsigned @ ..] => (false, unsigned),
        _ => (false, text),
    }
}

/// Whether the mantissa of a decimal text is other than zero.
fn has_significant_digit(unsigned: &[u8]) -> bool {
    unsigned.iter().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A double and Redis 8.0's reply to ZSCORE.
    const SPELLED: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.0, "-1"),
        (1e15, "1000000000000000"),
        (1e18, "1000000000000000000"),
        (1e19, "1e+19"),
        (4_611_686_018_427_387_904.0, "4611686018427387904"),
        (4_611_686_018_427_388_928.0, "4611686018427389000"),
        (-4_611_686_018_427_387_904.0, "-4611686018427387904"),
        (9_007_199_254_740_993.0, "9007199254740992"),
        (1.234_567_89e20, "1.23456789e+20"),
        (-1e20, "-1e+20"),
        (3.14e21, "3.14e+21"),
        (3.14e22, "31399999999999998000000"),
        (1e100, "1e+100"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (123_456.789, "123456.789"),
        (0.001, "0.001"),
        (1e-5, "0.00001"),
        (1.5e-5, "0.000015"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-6, "1.5e-6"),
        (1.234e-5, "1.234e-5"),
        (-1.234_567_890_123_456_8e-10, "-1.2345678901234568e-10"),
        (1e-320, "1e-320"),
        (5e-324, "5e-324"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN, "-1.7976931348623157e+308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ];

    #[test]
    fn seventeen_digits_as_c_prints_them() {
        let cases: [(f64, &str); 14] = [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (-0.0, "-0"),
            (-2.5, "-2.5"),
            (100.0, "100"),
            (1e20, "1e+20"),
            (12_345_678_901_234_567.0, "12345678901234568"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000_012_3, "1.2300000000000001e-05"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(format_f64_17(value).as_str(), text);
        }
    }

    #[test]
    fn spelled_as_redis() {
        for &(value, text) in SPELLED {
            assert_eq!(format_f64(value).as_str(), text);
        }
    }

    #[test]
    fn reads_what_redis_reads() {
        for (text, value) in [
            ("+1", 1.0),
            ("-0", -0.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("-.5e1", -5.0),
            ("1.e3", 1000.0),
            ("1E0005", 1e5),
            ("00001", 1.0),
            ("inf", f64::INFINITY),
            ("+INF", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0X1P-2", -0.25),
            ("0x1.8p1", 3.0),
            ("0x.8", 0.5),
            ("0x0p999999999999999999999", 0.0),
            ("0x1.fffffffffffff8", 2.0),
            ("0x1.fffffffffffff7ffffffffffffffffffffffff", 1.999_999_999_999_999_8),
            ("0x1p-1074", 5e-324),
            ("1e-320", 1e-320),
            ("0e999999999999999999999", 0.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
    }

    #[test]
    fn refuses_what_redis_refuses() {
        for text in [
            "",
            ".",
            "+",
            "-",
            "1e",
            "1e+",
            "e5",
            " 1",
            "1 ",
            "\t1",
            "1\0",
            "1_0",
            "1,0",
            "-+1",
            "1x",
            "nan",
            "-NaN",
            "nan(1)",
            "infin",
            "inf ",
            "0x",
            "0x.",
            "0x.p1",
            "0x1p",
            "0x1p+",
            "0xg",
            "0x1.2.3",
            "1e400",
            "-1e400",
            "2e-324",
            "1e-400",
            "0x1p1024",
            "0x1p-1076",
            "0x1p99999999999999999999",
            "\u{661}",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_let_more_through() {
        for (text, value) in [
            ("", 0.0),
            ("\0x", 0.0),
            ("1\0x", 1.0),
            ("1e400", f64::INFINITY),
            ("-1e400", f64::NEG_INFINITY),
            ("1e-400", 0.0),
            ("+inf", f64::INFINITY),
            ("5.", 5.0),
        ] {
            assert_eq!(parse_f64_bound(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in ["0x10", "nan", " 1", "1 ", "1x", "+", "(1"] {
            assert_eq!(parse_f64_bound(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_spelled_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            let text = format_f64(value);
            let read = parse_f64(text.as_bytes()).map(f64::to_bits);
            prop_assert_eq!(read, (!value.is_nan()).then_some(bits), "{}", text.as_str());
        }

        #[test]
        fn hexadecimal_digits_are_exact(mantissa in 1u64..1 << 53, exponent in -1074..=971i32) {
            let text = format!("0x{mantissa:x}p{exponent}");
            let value = mantissa as f64 * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
            prop_assert_eq!(parse_f64(text.as_bytes()), Some(value));
        }

        #[test]
        fn any_text(text in "[-+0-9.eExXpPinf]{0,40}") {
            parse_f64(text.as_bytes());
            parse_f64_bound(text.as_bytes());
        }
    }
}
