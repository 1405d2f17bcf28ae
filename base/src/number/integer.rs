//! Integers in canonical decimal: the text that printing the number gives, and no other.

/// A canonical integer: no `+`, no leading zero, no `-0`, no blank.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', magnitude @ ..] => {
            let magnitude = parse_u64(magnitude).filter(|&magnitude| magnitude != 0)?;
            0i64.checked_sub_unsigned(magnitude)
        }
        _ => i64::try_from(parse_u64(text)?).ok(),
    }
}

/// A canonical integer without sign.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    /// Any number of so many digits fits 64 bits.
    const SAFE_DIGITS: usize = 19;
    let (&first, _) = text.split_first()?;
    if (first == b'0' && text.len() > 1) || text.len() > SAFE_DIGITS + 1 {
        return None;
    }
    let (safe, last) = text.split_at(text.len().min(SAFE_DIGITS));
    let mut value = 0u64;
    for &byte in safe {
        value = value * 10 + u64::from(digit(byte)?);
    }
    match last {
        [byte] => value.checked_mul(10)?.checked_add(u64::from(digit(*byte)?)),
        _ => Some(value),
    }
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(digit)
}

/// Appends the integer in decimal.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Length of the integer in decimal, sign included.
pub fn digits(value: i64) -> usize {
    let magnitude = value.unsigned_abs();
    usize::from(value < 0) + magnitude.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_integers() {
        for text in ["", "-", "+1", "01", "00", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "1-", "\0", "1\0"]
        {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn limits_of_the_range() {
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"99999999999999999999"), None);
        assert_eq!(parse_u64(b"100000000000000000000"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(value: i64) {
            let mut text = Vec::new();
            push_i64(&mut text, value);
            prop_assert_eq!(parse_i64(&text), Some(value));
            prop_assert_eq!(digits(value), text.len());
        }

        #[test]
        fn accepts_what_it_prints_and_nothing_else(text in "[-+0-9 ]{0,21}") {
            let canonical = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
            prop_assert_eq!(parse_i64(text.as_bytes()), canonical);
        }
    }
}
