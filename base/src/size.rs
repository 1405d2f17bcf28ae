//! Sizes in memory: as configuration writes them, as INFO shows them.

/// Longest number before the unit.
const DIGITS_MAX: usize = 127;

/// A size such as `100`, `1k` (1000), `1kb` (1024), `1M`, `1gb`; an absent number is 0. Unlike Redis, which wraps
/// around (a size could become "unlimited"), a size past 64 bits is refused.
pub fn parse(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS_MAX {
        return None;
    }
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let append = |number: u64, digit: &u8| number.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    number.iter().try_fold(0, append)?.checked_mul(unit)
}

/// A size for people: `1.50M`.
pub fn human(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    let power = bytes.checked_ilog2().unwrap_or(0) / 10;
    match power.checked_sub(1).and_then(|index| UNITS.get(index as usize)) {
        Some(unit) => format!("{:.2}{unit}", bytes as f64 / (1u64 << (power * 10)) as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_as_redis() {
        for (text, bytes) in [
            ("0", 0),
            ("10b", 10),
            ("1B", 1),
            ("1k", 1000),
            ("1Kb", 1024),
            ("1m", 1_000_000),
            ("2MB", 2 << 20),
            ("1g", 1_000_000_000),
            ("3gb", 3 << 30),
            ("010", 10),
            ("", 0),
            ("kb", 0),
            ("18446744073709551615", u64::MAX),
            ("17179869183gb", 17_179_869_183 << 30),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(bytes), "{text}");
        }
        assert_eq!(parse(&[&[b'0'; 126][..], b"1"].concat()), Some(1));
    }

    #[test]
    fn what_is_no_size() {
        for text in ["1t", "1p", "-1", "-", "+1", "1.5mb", "1 kb", " 1", "1 ", "0x10", "1kbb", "1bb", "1e3", "1_0"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        for text in ["18446744073709551616", "18446744073709551615k", "17179869184gb"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[&[b'0'; 127][..], b"1"].concat()), None);
    }

    #[test]
    fn shown_as_redis() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1152, "1.12K"),
            (1290, "1.26K"),
            (1536, "1.50K"),
            (1_048_575, "1024.00K"),
            (1_572_864, "1.50M"),
            ((1 << 30) - 1, "1024.00M"),
            (1_236_950_581_248, "1.12T"),
            (1 << 50, "1.00P"),
            (1 << 60, "1152921504606846976B"),
            (u64::MAX, "18446744073709551615B"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
