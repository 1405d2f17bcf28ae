//! What goes wrong, and the lots by which it does.

/// How a simulated disk fails; calls are counted from 1 since the disk was made.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// These calls fail with EIO.
    pub io_error_at: Vec<u64>,
    /// At this call the power goes off, before it has done anything.
    pub power_off_at: Option<u64>,
    /// Bytes that fit: beyond them ENOSPC.
    pub capacity: Option<u64>,
    /// An append may take fewer bytes than it was given.
    pub short_writes: bool,
    /// Every so many reads at a place one fails with EIO; 0: none.
    pub read_error_every: u64,
    /// A read at a place may give fewer bytes than there are.
    pub short_reads: bool,
    /// No read at a place ends without waiting.
    pub caches_nothing: bool,
}

impl Faults {
    pub(super) fn fails_read(&self, read: u64) -> bool {
        read.checked_rem(self.read_error_every) == Some(0)
    }

    pub(super) fn fails(&self, call: u64) -> bool {
        self.io_error_at.contains(&call)
    }
}

/// Random numbers that are the same for the same seed everywhere (splitmix64).
#[derive(Clone, Debug)]
pub struct Lots(u64);

impl Lots {
    /// The lots of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
