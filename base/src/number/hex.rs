//! Hexadecimal floating-point texts as C's `strtod` takes them: `0x1.8p3`.

use super::rounding::Exact;

/// Bits collected before the rest only counts as "more": beyond those of any format.
const BITS_MAX: u32 = 100;
/// Beyond the range of all formats whatever the mantissa that memory can hold; keeps the arithmetic from overflowing.
const EXPONENT_MAX: i64 = 1 << 40;

/// Whether a text without its sign is hexadecimal.
pub(crate) fn is_hex(text: &[u8]) -> bool {
    matches!(text, [b'0', b'x' | b'X', ..])
}

/// The value of a hexadecimal text without its sign.
pub(crate) fn parse(text: &[u8]) -> Option<Exact> {
    let mut value = Exact { mantissa: 0, exponent: 0, more: false };
    let mut exponent = 0i64;
    let (mut has_digit, mut has_point) = (false, false);
    let mut rest = &text[2..];
    while let Some((&byte, after)) = rest.split_first() {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                has_digit = true;
                if value.mantissa >> BITS_MAX == 0 {
                    value.mantissa = value.mantissa << 4 | u128::from(digit);
                    exponent -= if has_point { 4 } else { 0 };
                } else {
                    value.more |= digit != 0;
                    exponent += if has_point { 0 } else { 4 };
                }
            }
            None if byte == b'.' && !has_point => has_point = true,
            None => break,
        }
        rest = after;
    }
    exponent += match rest {
        [] => 0,
        [b'p' | b'P', written @ ..] => parse_exponent(written)?,
        _ => return None,
    };
    value.exponent = exponent.clamp(-1_000_000, 1_000_000) as i32;
    has_digit.then_some(value)
}

/// A decimal exponent with an optional sign, cut off at a size that no format reaches.
pub(crate) fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(EXPONENT_MAX));
    Some(sign * magnitude)
}
