//! Sets of bytes.

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ByteSet([u64; 4]);

/// What separates the segments of a key.
pub(crate) const SEPARATOR: u8 = b':';

impl ByteSet {
    pub(crate) const EMPTY: Self = Self([0; 4]);
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);
    /// What a capture takes.
    pub(crate) const IN_SEGMENT: Self = Self::EMPTY.with(SEPARATOR).not();

    pub(crate) const fn one(byte: u8) -> Self {
        Self::EMPTY.with(byte)
    }

    pub(crate) const fn with(self, byte: u8) -> Self {
        let mut words = self.0;
        words[(byte >> 6) as usize] |= 1 << (byte & 63);
        Self(words)
    }

    pub(crate) const fn not(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([!a, !b, !c, !d])
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & e, b & f, c & g, d & h])
    }

    #[inline]
    pub(crate) const fn has(self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// Its only byte, when it has one.
    pub(crate) fn only(self) -> Option<u8> {
        let count: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        if count == 1 { self.first() } else { None }
    }

    fn first(self) -> Option<u8> {
        let at = self.0.iter().position(|&word| word != 0)?;
        Some(at as u8 * 64 + self.0[at].trailing_zeros() as u8)
    }

    /// A byte that people like to read, when there is one.
    pub(crate) fn sample(self) -> Option<u8> {
        let liked = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z').chain(b'!'..=b'~');
        liked.into_iter().find(|&byte| self.has(byte)).or_else(|| self.first())
    }
}
