//! Memory.

use settings::MaxmemoryPolicy;

/// What an eviction policy keeps in the access clock of each key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clock {
    /// It does not look at it.
    None,
    /// The time of the last access.
    Lru,
    /// A counter of accesses.
    Lfu,
}

/// The clock that a policy needs.
pub(crate) fn clock_of(policy: MaxmemoryPolicy) -> Clock {
    match policy {
        MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => Clock::Lru,
        MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu => Clock::Lfu,
        _ => Clock::None,
    }
}
