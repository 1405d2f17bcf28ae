//! CRC-64 in the variant of the format.

use crc::{CRC_64_REDIS, Crc, Digest, Table};

static SUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// A checksum under way.
#[derive(Clone)]
pub(super) struct Checksum(Digest<'static, u64, Table<16>>);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(SUM.digest())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

/// The checksum of some bytes.
pub(super) fn of(bytes: &[u8]) -> u64 {
    SUM.checksum(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_values() {
        assert_eq!(super::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let mut sum = super::Checksum::new();
        sum.update(b"12345");
        sum.update(b"6789");
        assert_eq!(sum.value(), super::of(b"123456789"));
    }
}
