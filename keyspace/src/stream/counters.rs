//! How far a group has read, counted in entries: exact while nothing was removed ahead of it, else unknown.

use super::group::Group;
use super::id::Id;
use super::log::Log;

impl Log {
    /// Whether an entry was removed by name among those from `from` on.
    fn has_gap_from(&self, from: Id) -> bool {
        self.len > 0 && !self.max_deleted_id.is_zero() && from <= self.max_deleted_id
    }

    /// How many entries were added up to `id`, itself included; None: nobody can say.
    pub fn entries_up_to(&self, id: Id) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 || (self.len == 0 && id <= self.last_id) {
            return Some(added);
        }
        // 0-0 is before all that was removed; any other id before a removed one has a gap of unknown size after it.
        if !id.is_zero() && id < self.max_deleted_id || id > self.last_id {
            return None;
        }
        if id == self.last_id {
            return Some(added);
        }
        if self.max_deleted_id.is_zero() || self.max_deleted_id < self.first_id {
            // All that remains was added in a row.
            let before_first = added - self.len as i64;
            return match id.cmp(&self.first_id) {
                std::cmp::Ordering::Less => Some(before_first),
                std::cmp::Ordering::Equal => Some(before_first + 1),
                std::cmp::Ordering::Greater => None,
            };
        }
        None
    }

    /// How many entries a group has not read; None: nobody can say.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 || self.len == 0 {
            return Some(0);
        }
        // The group is behind the first entry, and no gap is ahead: all that remains is unread.
        if group.last_id < self.first_id && self.max_deleted_id < self.first_id {
            return Some(self.len as i64);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_gap_from(group.last_id) => Some(read),
            _ => self.entries_up_to(group.last_id),
        };
        read.map(|read| (self.entries_added as i64).wrapping_sub(read))
    }
}

impl Group {
    /// Takes note that an entry of `log` after its last one is delivered.
    #[inline]
    pub fn advance(&mut self, log: &Log, id: Id) {
        let is_counted = self.last_id >= log.first_id() && !log.has_gap_from(self.last_id);
        match &mut self.entries_read {
            Some(read) if is_counted => *read = read.wrapping_add(1),
            read if log.entries_added > 0 => *read = log.entries_up_to(id),
            _ => {}
        }
        self.last_id = id;
    }
}
