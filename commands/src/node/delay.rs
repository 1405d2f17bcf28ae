//! `rdb-key-save-delay` and `key-load-delay`: tests and debugging slow saving and loading down by them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Node;

/// How long one sleeps at a time who may be told to stop.
const NAP: Duration = Duration::from_millis(5);

/// Microseconds for so many keys: a negative setting is one microsecond for so many of them.
fn microseconds(keys: usize, setting: i32) -> u64 {
    let (keys, each) = (keys as u64, u64::from(setting.unsigned_abs()));
    if setting >= 0 { keys * each } else { keys / each }
}

impl Node {
    /// After so many keys were written to a snapshot.
    pub fn delay_keys(&self, keys: usize) {
        let mut left = Duration::from_micros(microseconds(keys, self.settings.rdb_key_save_delay()));
        while !left.is_zero() && !self.snapshots.is_stopped() {
            let nap = left.min(NAP);
            std::thread::sleep(nap);
            left -= nap;
        }
    }

    /// After so many keys came in from a file, into the table of a shard and a database: nothing is locked.
    pub fn after_loading(&self, shard: usize, db: usize, keys: usize) {
        self.relieve(shard, db);
        self.delay_load(keys);
    }

    /// After so many keys or requests were loaded. The setting is looked at again and again, so that a client can end
    /// the wait; threads that load side by side wait one after the other.
    pub fn delay_load(&self, keys: usize) {
        static TURN: Mutex<()> = Mutex::new(());
        if self.settings.key_load_delay() == 0 {
            return;
        }
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = Duration::ZERO;
        loop {
            let whole = Duration::from_micros(microseconds(keys, self.settings.key_load_delay()));
            let nap = whole.saturating_sub(done).min(NAP);
            if nap.is_zero() {
                return;
            }
            std::thread::sleep(nap);
            done += nap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::microseconds;

    #[test]
    fn a_negative_delay_is_for_many_keys() {
        assert_eq!([microseconds(7, 100), microseconds(7, 0), microseconds(7, -2)], [700, 0, 3]);
        assert_eq!(microseconds(usize::MAX >> 32, i32::MIN), 1);
    }
}
