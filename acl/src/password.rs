//! Passwords: only their SHA-256 is kept, as Redis shows and stores it.

use sha2::{Digest, Sha256};

/// The SHA-256 of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of a password.
    pub fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// From 64 lower-case hexadecimal digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        use std::fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Compares in constant time: the answer's delay tells nothing.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(other.0).fold(0, |all, (own, other)| all | (own ^ other));
        std::hint::black_box(difference) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let hash = Hash::of(b"foo");
        assert_eq!(hash.to_hex(), "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae");
        assert_eq!(Hash::parse(hash.to_hex().as_bytes()), Some(hash));
        assert_eq!(Hash::parse(&[b'g'; 64]), None);
        assert_eq!(Hash::parse(hash.to_hex().to_uppercase().as_bytes()), None);
        assert_eq!(Hash::parse(b"2c"), None);
    }
}
