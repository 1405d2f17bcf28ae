//! Waiting for shards while a script runs, which may hold some for long and want more as it goes.
//!
//! # Invariants
//! - Who waits for a shard while holding others either waits in ascending order and gives all back when a script
//!   escalates, or is that script.
//! - Only who holds the gate escalates; so at most one waits out of order, and nothing that it waits for waits for it.
#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use parking_lot::lock_api::RawMutex as _;
use parking_lot::{Mutex, RawMutex};

use crate::shard::{Keyspace, WatchFlag};

/// A script has been holding what is wanted for too long: who asked is to be told that, instead of waiting on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Halted;

/// How long a wait lasts before it looks around.
const LOOK_AROUND: Duration = Duration::from_millis(5);
/// As above, for one that holds what others may want.
const LOOK_AROUND_HOLDING: Duration = Duration::from_micros(200);

/// A watch: database, key, and whose it is.
type Watch = (usize, Box<[u8]>, WatchFlag);

/// What concerns all waits.
pub(crate) struct Waits {
    halted: AtomicBool,
    escalating: AtomicBool,
    gate: RawMutex,
    meanwhile: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Watches that end, in shards that a script holds.
    unwatched: Mutex<Vec<Watch>>,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            halted: AtomicBool::new(false),
            escalating: AtomicBool::new(false),
            gate: RawMutex::INIT,
            meanwhile: OnceLock::new(),
            unwatched: Mutex::default(),
        }
    }
}

/// Whoever holds it may wait for shards in any order, and change keys of shards that it did not lock at first.
pub struct Gate<'k>(&'k Keyspace);

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        // SAFETY: locked in `try_gate`.
        unsafe { self.0.waits.gate.unlock() }
    }
}

impl Gate<'_> {
    /// Locks a shard whatever else is locked.
    pub(crate) fn lock(&self, shard: usize) {
        let space = self.0;
        if space.try_lock(shard) {
            return;
        }
        space.waits.escalating.store(true, SeqCst);
        space.wait_for(shard);
        space.waits.escalating.store(false, SeqCst);
    }
}

impl Keyspace {
    /// Says what a core does while it waits for long, once.
    pub fn set_meanwhile(&self, meanwhile: impl Fn() + Send + Sync + 'static) {
        let _ = self.waits.meanwhile.set(Box::new(meanwhile));
    }

    /// Says whether requests that wait for shards are to give up.
    pub fn set_halted(&self, halted: bool) {
        self.waits.halted.store(halted, SeqCst);
    }

    /// Ends the watches that could not be ended while a script held their shards. None may be locked.
    pub fn settle_watches(&self) {
        let unwatched = std::mem::take(&mut *self.waits.unwatched.lock());
        unwatched.iter().for_each(|(db, key, flag)| self.unwatch(*db, key, flag));
    }

    #[cold]
    pub(crate) fn unwatch_later(&self, db: usize, key: &[u8], flag: &WatchFlag) {
        self.waits.unwatched.lock().push((db, key.into(), flag.clone()));
    }

    /// See [`Keyspace::set_halted`].
    #[inline]
    pub fn is_halted(&self) -> bool {
        self.waits.halted.load(Relaxed)
    }

    /// Whether somebody waits out of order.
    pub fn is_escalating(&self) -> bool {
        self.waits.escalating.load(SeqCst)
    }

    /// The gate, unless another has it.
    pub fn try_gate(&self) -> Option<Gate<'_>> {
        self.waits.gate.try_lock().then(|| Gate(self))
    }

    #[cold]
    pub(crate) fn wait_for(&self, shard: usize) {
        while !self.try_lock_for(shard, LOOK_AROUND) {
            if self.is_halted()
                && let Some(meanwhile) = self.waits.meanwhile.get()
            {
                meanwhile();
            }
        }
    }

    /// Locks one shard, holding no other, for a request.
    #[inline]
    pub(crate) fn lock_for_request(&self, shard: usize) -> Result<(), Halted> {
        if self.try_lock(shard) { Ok(()) } else { self.wait_for_request(shard) }
    }

    #[cold]
    fn wait_for_request(&self, shard: usize) -> Result<(), Halted> {
        while !self.try_lock_for(shard, LOOK_AROUND) {
            if self.is_halted() {
                return Err(Halted);
            }
        }
        Ok(())
    }

    /// Locks shards in ascending order for a request; all or none.
    #[inline]
    pub(crate) fn lock_in_order(&self, shards: impl Iterator<Item = usize> + Clone) -> Result<(), Halted> {
        for (taken, shard) in shards.clone().enumerate() {
            if !self.try_lock(shard) {
                return self.wait_in_order(shards, taken);
            }
        }
        Ok(())
    }

    /// Locks all shards, however long that takes.
    pub(crate) fn lock_all_in_order(&self) {
        while self.lock_in_order(0..self.shards()).is_err() {
            if let Some(meanwhile) = self.waits.meanwhile.get() {
                meanwhile();
            }
            std::thread::sleep(LOOK_AROUND);
        }
    }

    /// Goes on with `lock_in_order` from the shard that was not free.
    #[cold]
    fn wait_in_order(&self, shards: impl Iterator<Item = usize> + Clone, mut taken: usize) -> Result<(), Halted> {
        while let Some(shard) = shards.clone().nth(taken) {
            if self.try_lock_for(shard, LOOK_AROUND_HOLDING) {
                taken += 1;
                continue;
            }
            let is_halted = self.is_halted();
            if is_halted || self.is_escalating() {
                for shard in shards.clone().take(taken) {
                    // SAFETY: locked above.
                    unsafe { self.unlock_unchanged(shard) };
                }
                taken = 0;
            }
            if is_halted {
                return Err(Halted);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    #[test]
    fn who_holds_gives_way_to_who_escalates() {
        let space = Arc::new(Keyspace::new(8, 1, 1));
        space.lock(5);
        let waiting = {
            let space = space.clone();
            thread::spawn(move || {
                space.lock_in_order(0..8).expect("nobody halts");
                for shard in 0..8 {
                    // SAFETY: locked above.
                    unsafe { space.unlock_unchanged(shard) };
                }
            })
        };
        thread::sleep(Duration::from_millis(20));
        // The other one has 0 to 4 and wants 5: without giving way nobody would go on.
        let gate = space.try_gate().expect("nobody has it");
        assert!(space.try_gate().is_none());
        gate.lock(2);
        drop(gate);
        for shard in [2, 5] {
            // SAFETY: locked above.
            unsafe { space.unlock_unchanged(shard) };
        }
        waiting.join().expect("it ends");
    }

    #[test]
    fn requests_give_up_when_halted_and_others_serve_meanwhile() {
        static SERVED: AtomicUsize = AtomicUsize::new(0);
        let space = Arc::new(Keyspace::new(8, 1, 1));
        space.set_meanwhile(|| {
            SERVED.fetch_add(1, SeqCst);
        });
        space.lock(3);
        space.set_halted(true);
        assert_eq!(space.lock_for_request(3), Err(Halted));
        assert_eq!(space.lock_in_order(0..8), Err(Halted));
        assert!((0..3).all(|shard| space.try_lock(shard)), "all that was taken is given back");
        let patient = {
            let space = space.clone();
            thread::spawn(move || space.lock(3))
        };
        while SERVED.load(SeqCst) == 0 {
            thread::yield_now();
        }
        // SAFETY: locked above.
        unsafe { space.unlock_unchanged(3) };
        patient.join().expect("it gets the shard");
    }
}
