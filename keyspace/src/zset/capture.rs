//! The picture of a sorted set, taken member by member in the order of its table.

use std::ops::Range;
use std::sync::Arc;

use super::SortedSet;
use super::tree::{Handle, Members};
use crate::dict::Slot;
use crate::snapshot::{Captured, Gathering, InCapture, Parts, STEP_BUCKETS};

impl SortedSet {
    /// Copies a member that is about to change, for a capture that does not have it.
    #[cold]
    pub(super) fn keep(&mut self, slot: Option<Slot>, handle: Handle) {
        if let Some(capture) = &self.capture
            && self.store.set_captured(slot, handle)
        {
            let score = self.tree.score(&self.store, handle);
            let member = self.store.member(handle);
            capture.gathering.add(|parts| parts.push_scored(member, score));
        }
    }

    /// As `keep`, for the members of a range of ranks, which must be short.
    #[cold]
    pub(super) fn keep_range(&mut self, ranks: Range<usize>) {
        let entries: Vec<Handle> = self.tree.range(ranks).map(|entry| entry.handle).collect();
        for handle in entries {
            self.keep(None, handle);
        }
    }
}

impl Captured for SortedSet {
    fn begin_capture(&mut self, gathering: Arc<Gathering>) {
        self.store.begin_capture();
        self.capture = InCapture::slot(gathering);
    }

    fn capture_step(&mut self, bytes_max: usize) -> bool {
        let Some(mut capture) = self.capture.take() else { return true };
        let (mut parts, mut handles) = (Parts::default(), Vec::new());
        for _ in 0..STEP_BUCKETS {
            capture.cursor = self.store.capture(capture.cursor, |handle| handles.push(handle));
            for handle in handles.drain(..) {
                parts.push_scored(self.store.member(handle), self.tree.score(&self.store, handle));
            }
            if capture.cursor == 0 {
                capture.gathering.give(parts);
                capture.gathering.finish();
                return true;
            }
            if parts.bytes() >= bytes_max {
                break;
            }
        }
        capture.gathering.give(parts);
        self.capture = Some(capture);
        false
    }

    fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.capture.as_ref().map(|capture| &capture.gathering)
    }
}

impl Drop for SortedSet {
    fn drop(&mut self) {
        while !self.capture_step(usize::MAX) {}
    }
}
