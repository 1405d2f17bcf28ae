//! Active defragmentation of memory.

use crate::kind::Kind;
use crate::table::section;

section! {
    "Defragmentation";

    /// Moves values together to return memory.
    activedefrag: bool = "no", Kind::SWITCH;
    /// The wasted bytes below which nothing is moved.
    active_defrag_ignore_bytes: u64 = "100mb", Kind::memory(1, i64::MAX as u64);
    /// The fragmentation, in percent, from which values are moved.
    active_defrag_threshold_lower: u32 = "10", Kind::integer(0, 1000);
    /// The fragmentation, in percent, at which most effort is spent.
    active_defrag_threshold_upper: u32 = "100", Kind::integer(0, 1000);
    /// The least share of a core to spend, in percent.
    active_defrag_cycle_min: u32 = "1", Kind::integer(1, 99);
    /// The largest share of a core to spend, in percent.
    active_defrag_cycle_max: u32 = "25", Kind::integer(1, 99);
    /// The largest number of elements that are moved in one go.
    active_defrag_max_scan_fields: u64 = "1000", Kind::integer(1, i64::MAX);
}
