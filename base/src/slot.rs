//! The cluster's hash slot of a key: CRC16 (XMODEM), of the key's hash tag if it has one.

/// Number of slots.
pub const COUNT: u16 = 16384;

const TABLE: [u16; 256] = {
    const POLYNOMIAL: u16 = 0x1021;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ POLYNOMIAL };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The slot of a key.
pub fn of(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % COUNT
}

/// The part of a key that decides its slot: what stands between the first `{` and the first `}` after it, unless that
/// is nothing; otherwise the whole key.
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let behind = &key[open + 1..];
        let close = behind.iter().position(|&byte| byte == b'}')?;
        Some(&behind[..close])
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_check_value() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn slots_as_redis() {
        for (key, slot) in [
            ("", 0),
            ("foo", 12182),
            ("{", 4092),
            ("{}", 15257),
            ("{}a", 10875),
            ("{a}b", 15495),
            ("x{a}b", 15495),
            ("}{a}", 15495),
            ("{{a}}", 10276),
            ("{a", 10276),
            ("a}{", 7586),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
        ] {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn keys_with_a_tag_share_its_slot() {
        assert_eq!(of(b"{user1000}.following"), of(b"user1000"));
        assert_eq!(of(b"foo{bar}{zap}"), of(b"bar"));
    }
}
