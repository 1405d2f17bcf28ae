//! One shard that stays locked from command to command, while a batch asks for nothing else.
//!
//! # Invariants
//! - While `shard` is Some its lock is held by this hold alone; a view of it unlocks nothing.
//! - `did` is what all views of it did so far: the hints of what may have changed follow before it is free.
#![allow(unsafe_code)]

use std::cell::Cell;

use super::{Held, Keys, Now};
use crate::change::Tally;
use crate::shard::Keyspace;
use crate::waits::Halted;

/// Commands that run before others get their turn.
const VIEWS_MAX: u32 = 32;

/// See the module's head. Dropping it frees the shard.
pub struct Hold<'s> {
    space: &'s Keyspace,
    shard: Option<usize>,
    db: usize,
    /// Views since it was locked.
    views: u32,
    did: Cell<Did>,
}

/// What a view did.
#[derive(Clone, Copy, Default)]
pub(super) struct Did {
    pub(super) wrote: bool,
    pub(super) selected: bool,
}

impl<'s> Hold<'s> {
    /// Of nothing yet.
    pub fn none(space: &'s Keyspace) -> Self {
        Self { space, shard: None, db: 0, views: 0, did: Cell::default() }
    }

    /// Sees to it that a key's shard is what is locked.
    #[inline(always)]
    pub fn lock(&mut self, db: usize, hash: u64) -> Result<(), Halted> {
        let shard = self.space.shard_of(hash);
        if self.shard == Some(shard) && self.db == db {
            return Ok(());
        }
        self.release();
        self.space.lock_for_request(shard)?;
        (self.shard, self.db, self.views) = (Some(shard), db, 0);
        Ok(())
    }

    /// The view of what is locked, for one command.
    #[inline(always)]
    pub fn keys<'h>(&'h mut self, now: Now, tally: &'h mut Tally) -> Keys<'h> {
        self.views += 1;
        let held = self.shard.map_or(Held::None, |shard| Held::Kept(shard, &self.did));
        let Did { wrote, selected } = self.did.get();
        Keys { space: self.space, db: self.db, held, selected, wrote, keep_expired: false, now, tally }
    }

    /// Whether a key's shard is locked, and may stay so: others want it, too.
    #[inline(always)]
    pub fn can_have(&self, hash: u64) -> bool {
        self.shard == Some(self.space.shard_of(hash)) && self.views < VIEWS_MAX
    }

    /// Frees what is locked.
    #[inline(always)]
    pub fn release(&mut self) {
        let Some(shard) = self.shard.take() else { return };
        // SAFETY: the shard was locked by `lock`, and no view of it lives: each borrows the hold.
        unsafe {
            match self.did.take() {
                Did { wrote: false, .. } => self.space.unlock_unchanged(shard),
                Did { selected: false, .. } => self.space.unlock(shard, self.db),
                _ => self.space.unlock_all_dbs(shard),
            }
        }
    }
}

impl Drop for Hold<'_> {
    #[inline]
    fn drop(&mut self) {
        self.release();
    }
}
