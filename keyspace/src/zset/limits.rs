//! Which form a sorted set takes, by the rules of Redis.
//!
//! A sorted set is packed while its members are few and short; it moves to the large form when a member does not
//! fit, or when more members are announced than may be packed, new or not. It never moves back, except where a
//! command builds the set anew.

/// The settings that shape a sorted set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `zset-max-listpack-entries`
    pub entries_max: usize,
    /// `zset-max-listpack-value`
    pub value_len_max: usize,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Self {
        Self { entries_max: 128, value_len_max: 64 }
    }
}

/// Blobs stay below this whatever the settings say: an entry's lengths have 32 bits.
const BLOB_LEN_MAX: usize = 1 << 30;
/// The shortest member with its score.
const PAIR_LEN_MIN: usize = 2;

impl Limits {
    /// Whether `count` members, the longest of `len_max` bytes, may be packed.
    pub(super) fn packs(&self, count: usize, len_max: usize) -> bool {
        let blob_len_max = len_max.saturating_add(2 * super::packed::SCORE_LEN_MAX).saturating_mul(count);
        count <= self.entries_max && len_max <= self.value_len_max && blob_len_max < BLOB_LEN_MAX
    }

    /// Whether a packed set may take one more member, of `len` bytes.
    pub(super) fn packed_admits(&self, blob: &[u8], len: usize) -> bool {
        // Counting takes a walk, which a short blob does not need.
        let has_room = blob.len() / PAIR_LEN_MIN < self.entries_max || super::packed::len(blob) < self.entries_max;
        has_room && len <= self.value_len_max && blob.len().saturating_add(len) < BLOB_LEN_MAX
    }
}
