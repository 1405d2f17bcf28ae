//! Time: the wall clock for deadlines and ids, and a cheap tick for durations.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment of a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(u64);

/// Measures durations in some nanoseconds less than the system's clock takes to be read: the processor's own
/// counter where it is steady, the system's clock elsewhere (both by `quanta`).
#[derive(Clone, Debug)]
pub struct Clock(quanta::Clock);

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// The clock; the first one in a process calibrates itself for some milliseconds.
    pub fn new() -> Self {
        Self(quanta::Clock::new())
    }

    /// Now.
    #[inline]
    pub fn ticks(&self) -> Ticks {
        Ticks(self.0.raw())
    }

    /// Nanoseconds from one moment to a later one.
    #[inline]
    pub fn ns_between(&self, start: Ticks, end: Ticks) -> u64 {
        self.0.delta_as_nanos(start.0, end.0)
    }
}

/// Wall clock, unix milliseconds.
#[inline]
pub fn unix_ms() -> i64 {
    unix_us() / 1000
}

/// Wall clock, unix microseconds.
#[inline]
pub fn unix_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}
