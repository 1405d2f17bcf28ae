//! Entry ids: a time in milliseconds and a number within it.

/// The id of an entry; ids order entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Id {
    /// Unix milliseconds, unless the client chose something else.
    pub ms: u64,
    /// Tells entries of the same time apart.
    pub seq: u64,
}

/// Two numbers of 20 digits and the dash.
const TEXT_LEN_MAX: usize = 41;

impl Id {
    /// No entry has it; it stands for "before the first".
    pub const ZERO: Self = Self { ms: 0, seq: 0 };
    /// The last there is.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// An id of its parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Whether it is 0-0.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The id after it.
    #[inline]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before it.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }
}

/// Room for an id as clients see it, `ms-seq`.
pub struct IdText([u8; TEXT_LEN_MAX]);

impl Default for IdText {
    fn default() -> Self {
        Self([0; TEXT_LEN_MAX])
    }
}

impl IdText {
    /// Writes `id` and returns the text.
    #[inline]
    pub fn spell(&mut self, id: Id) -> &[u8] {
        let at = self.spell_before(TEXT_LEN_MAX, id.seq) - 1;
        self.0[at] = b'-';
        let at = self.spell_before(at, id.ms);
        &self.0[at..]
    }

    fn spell_before(&mut self, mut at: usize, mut number: u64) -> usize {
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return at;
            }
        }
    }
}
