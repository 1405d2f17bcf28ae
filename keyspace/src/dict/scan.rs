//! Walking a table in hash order: SCAN cursors and random samples.

use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use super::directory::DEPTH_MAX;
use super::segment::{BUCKETS_MAX, SLOTS, Segment, SlotWord};
use super::{Dict, Records};

const TAG_BITS: u32 = 16;
const DEPTH_BITS: u32 = 5;
/// Bits of a table's cursor; whoever has many tables (shards) puts their number above.
pub const CURSOR_BITS: u32 = DEPTH_MAX + TAG_BITS + DEPTH_BITS;

/// A place in hash order. `depth` is the local depth of the segment that the walk was in: when the segment
/// has merged with its neighbour since, the walk starts again at the joined segment's beginning.
struct Cursor {
    prefix: u64,
    tag: u64,
    depth: u32,
}

impl Cursor {
    fn unpack(cursor: u64) -> Self {
        let depth = (cursor & ((1 << DEPTH_BITS) - 1)) as u32;
        let tag = cursor >> DEPTH_BITS & ((1 << TAG_BITS) - 1);
        Self { prefix: cursor >> (DEPTH_BITS + TAG_BITS) & ((1 << DEPTH_MAX) - 1), tag, depth }
    }

    fn pack(&self) -> u64 {
        (self.prefix << TAG_BITS | self.tag) << DEPTH_BITS | u64::from(self.depth)
    }
}

impl<R: Records> Dict<R> {
    /// Visits (with their marks) at least the records of one bucket, from `cursor` on (0 begins), and answers the next cursor, 0
    /// at the end. Every record that is present from the first to the last call is visited at least once,
    /// whatever grows, splits or shrinks in between: cursors are places in hash order.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(NonNull<u8>, bool)) -> u64 {
        self.scan_words(cursor, |word| {
            let word = SlotWord::load(word);
            visit(word.record(), word.is_marked());
        })
    }

    /// As `scan`, for the places of the records' words.
    pub(super) fn scan_words(&self, cursor: u64, mut visit: impl FnMut(NonNull<AtomicU64>)) -> u64 {
        let mut at = Cursor::unpack(cursor);
        let directory = self.dir();
        let index = (at.prefix >> (DEPTH_MAX - directory.depth())) as usize;
        let segment = directory.segment(index);
        if segment.depth() < at.depth {
            at.tag = 0;
        }
        let bucket = segment.home(at.tag as u16);
        visit_home(segment, bucket, at.tag as u16, &mut visit);
        at.depth = segment.depth();
        if bucket + 1 < segment.buckets() {
            at.tag = ((bucket as u64 + 1) << TAG_BITS).div_ceil(segment.buckets() as u64);
            return at.pack();
        }
        let shift = DEPTH_MAX - segment.depth();
        let next = (at.prefix >> shift) + 1;
        if next >> segment.depth() != 0 {
            return 0;
        }
        Cursor { prefix: next << shift, tag: 0, depth: 0 }.pack()
    }

    /// A record chosen uniformly; `below(n)` gives random numbers below n. None when the table is empty.
    pub fn random(&self, mut below: impl FnMut(u64) -> u64) -> Option<NonNull<u8>> {
        if self.is_empty() {
            return None;
        }
        let directory = self.dir();
        loop {
            let segment = directory.segment(below(1 << directory.depth()) as usize);
            // A shallow segment stands in several entries: it is taken as often as a deep one.
            if directory.reach(segment) > 1 && below(directory.reach(segment) as u64) != 0 {
                continue;
            }
            let room = BUCKETS_MAX.max(segment.buckets()).min(self.widest()) * SLOTS;
            let place = below(room as u64) as usize;
            if place < segment.capacity() {
                let word = segment.get(place / SLOTS, place % SLOTS);
                if !word.is_empty() {
                    return Some(word.record());
                }
            }
        }
    }

    /// The number of buckets of the largest segment; tables of one segment need no 64-bucket dice.
    fn widest(&self) -> usize {
        if self.dir().depth() == 0 { self.dir().segment(0).buckets() } else { usize::MAX }
    }

    /// Visits the records of a few buckets from a random place on, until `visit` says enough (true) or
    /// `buckets` were seen: samples for eviction and expiry.
    pub fn sample(&self, random: u64, buckets: usize, mut visit: impl FnMut(NonNull<u8>, bool) -> bool) {
        let directory = self.dir();
        let mut index = (random >> 32) as usize & ((1 << directory.depth()) - 1);
        let mut segment = directory.segment(index);
        let mut bucket = (random as u32 as usize) % segment.buckets();
        for _ in 0..buckets {
            for slot in 0..SLOTS {
                let word = segment.get(bucket, slot);
                if word.is_empty() {
                    break;
                }
                if visit(word.record(), word.is_marked()) {
                    return;
                }
            }
            bucket += 1;
            if bucket == segment.buckets() {
                index = (directory.first_index(index) + directory.reach(segment)) & ((1 << directory.depth()) - 1);
                segment = directory.segment(index);
                bucket = 0;
            }
        }
    }
}

/// Visits the records at home in `bucket` with a tag of at least `tag_min`.
fn visit_home(segment: Segment, bucket: usize, tag_min: u16, visit: &mut impl FnMut(NonNull<AtomicU64>)) {
    let mut at = bucket;
    loop {
        for slot in 0..SLOTS {
            let word = segment.get(at, slot);
            if word.is_empty() {
                return;
            }
            if word.tag() >= tag_min && segment.home(word.tag()) == bucket {
                visit(segment.word(at, slot));
            }
        }
        at = segment.after(at);
        if at == bucket {
            return;
        }
    }
}
