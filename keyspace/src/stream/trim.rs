//! Removing the oldest entries, and entries by name, with what groups know of them.

use super::id::Id;
use super::{Groups, Stream};

/// What shall remain.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// At most so many entries.
    Newest(u64),
    /// Entries from this id on.
    From(Id),
}

/// What becomes of groups that still know an entry which is to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum References {
    /// They keep it pending.
    #[default]
    Keep,
    /// It is pending no more.
    Delete,
    /// An entry that some group has not acknowledged stays.
    Acknowledged,
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// What shall remain.
    pub keep: Keep,
    /// Only whole blocks go.
    pub is_approximate: bool,
    /// At most so many entries go; None: no bound.
    pub limit: Option<u64>,
    /// See [`References`].
    pub references: References,
}

/// What became of an entry that was to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// There is none.
    Absent,
    /// It is gone.
    Gone,
    /// A group needs it.
    Needed,
}

fn forget(groups: &mut Groups, id: Id) {
    for group in groups.values_mut() {
        group.acknowledge(id);
    }
}

fn is_needed(groups: &Groups, id: Id) -> bool {
    groups.values().any(|group| group.needs(id))
}

impl Stream {
    /// An entry is pending in no group any more.
    pub fn forget(&mut self, id: Id) {
        forget(&mut self.groups, id);
    }

    /// Removes an entry by name.
    pub fn remove(&mut self, id: Id, references: References) -> Removed {
        if references == References::Acknowledged && is_needed(&self.groups, id) {
            return if self.log.contains(id) { Removed::Needed } else { Removed::Absent };
        }
        if !self.log.remove(id) {
            return Removed::Absent;
        }
        if references == References::Delete {
            self.forget(id);
        }
        Removed::Gone
    }

    /// Removes the oldest entries; how many went.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut gone = 0;
        let mut after = None;
        while let Some(own) = self.next_block(after) {
            if matches!(trim.keep, Keep::Newest(count) if self.log.len <= count) {
                break;
            }
            let block = &self.log.blocks[&own];
            let count = u64::from(block.count());
            if trim.limit.is_some_and(|limit| gone + count > limit) {
                break;
            }
            let is_too_old = match trim.keep {
                Keep::Newest(kept) => self.log.len - count >= kept,
                Keep::From(id) => block.newest() < id,
            };
            if is_too_old && self.lets_go(own, trim.references) {
                self.log.drop_block(own);
                gone += count;
                continue;
            }
            if trim.is_approximate {
                break;
            }
            gone += self.trim_block(own, trim);
            // What a group needs stays; entries after it may still go.
            if !is_too_old {
                break;
            }
            after = Some(own);
        }
        if gone > 0 {
            self.log.find_first();
        }
        gone
    }

    fn next_block(&self, after: Option<Id>) -> Option<Id> {
        let blocks = &self.log.blocks;
        match after {
            None => blocks.keys().next().copied(),
            Some(own) => {
                blocks.range((std::ops::Bound::Excluded(own), std::ops::Bound::Unbounded)).next().map(|(own, _)| *own)
            }
        }
    }

    /// Whether a whole block may go, as far as groups are concerned; they forget its entries where that is wanted.
    fn lets_go(&mut self, own: Id, references: References) -> bool {
        if references == References::Keep || self.groups.is_empty() {
            return true;
        }
        let Self { log, groups } = self;
        let mut ids = log.blocks[&own].walk(own).map(|(_, place)| place.id);
        if references == References::Acknowledged {
            return !ids.any(|id| is_needed(groups, id));
        }
        ids.for_each(|id| forget(groups, id));
        true
    }

    /// Removes the oldest entries of a block of which some stay; how many went.
    fn trim_block(&mut self, own: Id, trim: &Trim) -> u64 {
        let excess = match trim.keep {
            Keep::Newest(count) => self.log.len - count,
            Keep::From(_) => u64::MAX,
        };
        let is_old = |id: Id| match trim.keep {
            Keep::Newest(_) => true,
            Keep::From(first) => id < first,
        };
        let Self { log, groups } = self;
        if trim.references == References::Acknowledged {
            let old = log.blocks[&own].walk(own).map(|(_, place)| place.id).take_while(|id| is_old(*id));
            let excess = usize::try_from(excess).unwrap_or(usize::MAX);
            let free: Vec<Id> = old.filter(|id| !is_needed(groups, *id)).take(excess).collect();
            return free.into_iter().map(|id| u64::from(log.drop_entry(id))).sum();
        }
        let Some(block) = log.blocks.get_mut(&own) else { return 0 };
        let (before, mut gone) = (block.capacity(), 0);
        block.remove_first(own, |id| {
            let goes = gone < excess && is_old(id);
            if goes {
                gone += 1;
                if trim.references == References::Delete {
                    forget(groups, id);
                }
            }
            goes
        });
        log.bytes -= before - block.capacity();
        log.len -= gone;
        if block.count() == 0 {
            log.drop_block(own);
        }
        gone
    }
}
