//! What one node may hold, as `list-max-listpack-size` and the packed threshold set it.
//!
//! Sizes are compared as those of a listpack, header and terminator included, so that the border
//! between the two encodings lies at the same element as in Redis.

/// Header and terminator of a listpack, which our nodes do not store.
const LISTPACK_OVERHEAD: usize = 7;
/// What an element is assumed to take beside its text when a node is asked for room.
const ELEMENT_OVERHEAD: usize = 8;
/// Size limit of nodes that are limited by their count.
const COUNTED_NODE_BYTES: usize = 8192;
/// Elements from this length on stand alone whatever the settings say: offsets in a node are u32.
const PLAIN_ALWAYS: usize = 1 << 30;

/// The settings that shape a list.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `list-max-listpack-size`: -1 to -5 for 4 to 64 KB a node, positive for a count of elements.
    pub fill: i32,
    /// Length from which an element gets a node of its own; 0: when it exceeds the node's limit.
    pub packed_threshold: usize,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Self {
        Self { fill: -2, packed_threshold: 0 }
    }
}

impl Limits {
    #[inline]
    fn max_count(self) -> usize {
        if self.fill < 0 { usize::MAX } else { self.fill.max(1) as usize }
    }

    #[inline]
    pub(super) fn max_bytes(self) -> usize {
        if self.fill < 0 { 4096 << (self.fill.saturating_neg().min(5) - 1) } else { COUNTED_NODE_BYTES }
    }

    #[inline]
    fn exceeded(self, bytes: usize, count: usize) -> bool {
        bytes > self.max_bytes() || count > self.max_count()
    }

    /// Whether a node of `bytes` and `count` may take one more element of `len` bytes.
    #[inline]
    pub(super) fn admit(self, bytes: usize, count: usize, len: usize) -> bool {
        !self.exceeded(bytes + LISTPACK_OVERHEAD + len + ELEMENT_OVERHEAD, count + 1)
    }

    /// Whether an element of `len` bytes may replace one where the others take `rest` bytes.
    ///
    /// Redis replaces in place whatever the node's size; we follow until moving its bytes hurts.
    pub(super) fn admit_replaced(self, rest: usize, len: usize) -> bool {
        rest + len <= 4 * self.max_bytes()
    }

    /// Whether two nodes of together `bytes` and `count` may become one.
    pub(super) fn admit_merged(self, bytes: usize, count: usize) -> bool {
        !self.exceeded(bytes + LISTPACK_OVERHEAD, count)
    }

    /// Whether an element of `len` bytes gets a node of its own.
    #[inline]
    pub(super) fn is_plain(self, len: usize) -> bool {
        match self.packed_threshold {
            0 => len > self.max_bytes(),
            threshold => len >= threshold.min(PLAIN_ALWAYS),
        }
    }

    /// Whether a listpack outgrows its encoding by `count` new elements of together `len` bytes.
    #[inline]
    pub(super) fn outgrown(self, bytes: usize, count: usize, more_len: usize, more: usize) -> bool {
        self.exceeded(bytes.saturating_add(LISTPACK_OVERHEAD).saturating_add(more_len), count.saturating_add(more))
    }

    /// Whether a quicklist's only node is small enough to be a listpack again: half of the limit,
    /// so that a list at the border does not convert to and fro.
    pub(super) fn shrunken(self, bytes: usize, count: usize) -> bool {
        if self.fill < 0 { bytes + LISTPACK_OVERHEAD <= self.max_bytes() / 2 } else { count <= self.max_count() / 2 }
    }
}
