//! Views that grow: a script touches keys that nobody declared, and runs its commands on parts of its own view.
//!
//! Invariant: a lent view unlocks nothing, and the view behind it is not used while it lives.
#![allow(unsafe_code)]

use super::hold::Did;
use super::{Held, Keys, Shards};
use crate::waits::{Gate, Halted};

impl<'k> Keys<'k> {
    /// Whether a key's shard is locked.
    #[inline]
    pub fn holds(&self, hash: u64) -> bool {
        let shard = self.space.shard_of(hash);
        match &self.held {
            Held::None => false,
            Held::One(held) | Held::Kept(held, _) | Held::Lent(held) => *held == shard,
            Held::Many(held) | Held::LentMany(held) => held.binary_search(&(shard as u16)).is_ok(),
            Held::All | Held::LentAll => true,
        }
    }

    /// Whether everything is locked.
    #[inline]
    pub fn holds_all(&self) -> bool {
        matches!(self.held, Held::All | Held::LentAll)
    }

    /// Locks one more key's shard if that needs no waiting; whether it is locked now.
    pub fn try_extend(&mut self, hash: u64) -> bool {
        let shard = self.space.shard_of(hash);
        self.holds(hash) || self.space.try_lock(shard) && self.add(shard)
    }

    /// As `try_extend`, for all shards. Those that were free stay locked also where some were not.
    pub fn try_extend_all(&mut self) -> bool {
        let missing = self.missing();
        let got = missing.iter().filter(|&&shard| self.space.try_lock(shard) && self.add(shard)).count();
        if got == missing.len() {
            self.hold_all();
        }
        got == missing.len()
    }

    /// Locks one more key's shard, however long that takes.
    pub fn extend(&mut self, hash: u64, gate: &Gate<'_>) {
        if !self.holds(hash) {
            let shard = self.space.shard_of(hash);
            gate.lock(shard);
            self.add(shard);
        }
    }

    /// As `extend`, for all shards.
    pub fn extend_all(&mut self, gate: &Gate<'_>) {
        for shard in self.missing() {
            gate.lock(shard);
            self.add(shard);
        }
        self.hold_all();
    }

    /// Gives everything back and locks all shards in order.
    pub fn relock_all(&mut self) -> Result<(), Halted> {
        self.unlock_held();
        self.held = Held::None;
        self.space.lock_in_order(0..self.space.shards())?;
        self.hold_all();
        Ok(())
    }

    fn hold_all(&mut self) {
        self.held = Held::All;
        self.selected = true;
    }

    fn missing(&self) -> Vec<usize> {
        let is_held = |shard: usize| match &self.held {
            Held::None => false,
            Held::One(held) | Held::Kept(held, _) | Held::Lent(held) => *held == shard,
            Held::Many(held) | Held::LentMany(held) => held.binary_search(&(shard as u16)).is_ok(),
            Held::All | Held::LentAll => true,
        };
        (0..self.space.shards()).filter(|&shard| !is_held(shard)).collect()
    }

    /// Takes note of a shard that was locked just now.
    fn add(&mut self, shard: usize) -> bool {
        match &mut self.held {
            Held::None => self.held = Held::Many([shard as u16].into_iter().collect()),
            Held::One(held) => {
                let mut both: Shards = [*held as u16, shard as u16].into_iter().collect();
                both.sort_unstable();
                self.held = Held::Many(both);
            }
            Held::Many(held) => {
                let place = held.partition_point(|&held| usize::from(held) < shard);
                held.insert(place, shard as u16);
            }
            Held::Kept(..) | Held::All | Held::Lent(_) | Held::LentMany(_) | Held::LentAll => {
                unreachable!("only a view of its own shards grows, and one that has not all")
            }
        }
        true
    }

    /// A view of the same shards for one command of several.
    pub fn lend(&mut self) -> Keys<'_> {
        let held = match &self.held {
            Held::None => Held::None,
            Held::One(shard) | Held::Kept(shard, _) | Held::Lent(shard) => Held::Lent(*shard),
            Held::Many(shards) | Held::LentMany(shards) => Held::LentMany(shards.clone()),
            Held::All | Held::LentAll => Held::LentAll,
        };
        let Self { space, db, keep_expired, now, .. } = *self;
        self.wrote = true;
        Keys { space, db, held, selected: false, wrote: true, keep_expired, now, tally: &mut *self.tally }
    }

    /// Whether several databases were looked at: the view behind a lent one must know.
    pub fn is_selected(&self) -> bool {
        self.selected
    }

    #[inline]
    pub(super) fn unlock_held(&mut self) {
        // SAFETY: `held` are the locks taken when the view was made or extended.
        unsafe {
            match &self.held {
                Held::None | Held::Lent(_) | Held::LentMany(_) | Held::LentAll => {}
                Held::One(shard) => self.unlock(*shard),
                Held::Kept(_, did) => did.set(Did { wrote: self.wrote, selected: self.selected }),
                Held::Many(shards) => {
                    for &shard in shards {
                        self.unlock(usize::from(shard));
                    }
                }
                Held::All => {
                    for shard in 0..self.space.shards() {
                        self.space.unlock_all_dbs(shard);
                    }
                }
            }
        }
    }
}
