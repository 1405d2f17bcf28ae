//! What an access writes into an entry's clock, for the eviction policies that look at it.

/// The eviction policy's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Seconds, 24 bits.
    Lru(u32),
    /// Minutes (16 bits); the counter's growth and decay.
    Lfu {
        /// Minutes, 16 bits.
        minutes: u32,
        /// `lfu-log-factor`
        log_factor: u32,
        /// `lfu-decay-time`, minutes
        decay_minutes: u32,
        /// A random word for this batch.
        random: u32,
    },
    /// Accesses leave no trace (CLIENT NO-TOUCH).
    Untouched {
        /// What a new entry starts with.
        initial: u32,
    },
}

/// A new LFU counter, so that young keys are not the first to go.
const LFU_INIT: u32 = 5;

impl Access {
    /// The clock of an entry that is made now.
    #[inline]
    pub fn initial(self) -> u32 {
        match self {
            Self::Lru(seconds) => seconds,
            Self::Lfu { minutes, .. } => minutes << 8 | LFU_INIT,
            Self::Untouched { initial } => initial,
        }
    }

    /// The clock of an entry that is accessed now.
    #[inline]
    pub(super) fn next(self, clock: u32, salt: u32) -> u32 {
        match self {
            Self::Lru(seconds) => seconds,
            Self::Untouched { .. } => clock,
            Self::Lfu { minutes, log_factor, decay_minutes, random } => {
                let counter = decayed(clock, minutes, decay_minutes);
                let dice = f64::from(random.wrapping_add(salt).wrapping_mul(0x9E37_79B9)) / f64::from(u32::MAX);
                minutes << 8 | log_increment(counter, log_factor, dice)
            }
        }
    }
}

/// The LFU counter (0 to 255) of a clock, after the decay since its last access.
pub fn decayed(clock: u32, minutes: u32, decay_minutes: u32) -> u32 {
    let elapsed = minutes.wrapping_sub(clock >> 8) & 0xFFFF;
    let periods = elapsed.checked_div(decay_minutes).unwrap_or(0);
    (clock & 255).saturating_sub(periods)
}

fn log_increment(counter: u32, log_factor: u32, dice: f64) -> u32 {
    let base = counter.saturating_sub(LFU_INIT);
    let chance = 1.0 / (f64::from(base) * f64::from(log_factor) + 1.0);
    if counter < 255 && dice < chance { counter + 1 } else { counter }
}
