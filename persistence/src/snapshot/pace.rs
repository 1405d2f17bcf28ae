//! How much of the processor a snapshot takes.

use std::time::{Duration, Instant};

/// What part of the time is work, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub u32);

/// Work goes on for so long before it rests: less than a request notices.
const WORK_MAX: Duration = Duration::from_micros(500);
/// A rest is no longer than this, whatever the work before it was.
const REST_MAX: Duration = Duration::from_millis(20);

/// Rests between steps of work, so that these take their share of the time.
pub struct Pace {
    share: u32,
    since: Instant,
}

impl Pace {
    /// Begins now.
    pub fn new(share: Share) -> Self {
        Self { share: share.0.clamp(1, 100), since: Instant::now() }
    }

    /// Called between steps: rests when it is time.
    pub fn step(&mut self) {
        if self.share == 100 {
            return;
        }
        let worked = self.since.elapsed();
        if worked < WORK_MAX {
            return;
        }
        let rest = worked * (100 - self.share) / self.share;
        std::thread::sleep(rest.min(REST_MAX));
        self.since = Instant::now();
    }
}
