//! Which records of a table the running capture has.
//!
//! One bit of each word tells, its sense. A capture begins by turning the table's sense, which makes all records
//! count as not captured at once; it ends when all words bear the new sense. Words carry the bit along wherever
//! segments grow, split or merge.
//!
//! # Invariants
//! - Without a capture, every word bears the table's sense.
//! - A record that comes in bears the present sense: it is none of the picture.

use std::ptr::NonNull;

use super::segment::SlotWord;
use super::{Dict, Records, Slot};

impl<R: Records> Dict<R> {
    /// From now on no record counts as captured but those that come in. The last capture is over.
    pub(crate) fn begin_capture(&mut self) {
        self.sense = !self.sense;
    }

    /// Whether the capture has the record at a slot.
    #[inline]
    pub(crate) fn is_captured(&self, slot: Slot) -> bool {
        SlotWord::load(slot.word).sense() == self.sense
    }

    /// Says that the capture has the record at a slot, which it did not have.
    pub(crate) fn set_captured(&mut self, slot: Slot) {
        SlotWord::load(slot.word).turned().store(slot.word);
    }

    /// Visits the records from `cursor` on (0 begins) that were not captured, some at a time, and counts them as
    /// captured. Answers the next cursor, 0 at the end: then none is left. Cursors are those of [`Dict::scan`].
    pub(crate) fn capture(&mut self, cursor: u64, mut visit: impl FnMut(NonNull<u8>)) -> u64 {
        let sense = self.sense;
        self.scan_words(cursor, |place| {
            let word = SlotWord::load(place);
            if word.sense() != sense {
                word.turned().store(place);
                visit(word.record());
            }
        })
    }
}
