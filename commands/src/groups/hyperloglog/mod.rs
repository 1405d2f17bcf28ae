//! HyperLogLogs: how many different elements were added, within 0.81 percent, in at most 12 KiB.
//!
//! # Invariants
//! - A HyperLogLog is a string in Redis's own format, to the byte: GET, DUMP and SET carry it between servers.
//! - As any client may write any string, nothing in one is relied upon before it was checked: lengths by
//!   `object::encoding`, runs of registers while they are walked.

mod add;
mod count;
mod debug;
mod dense;
mod estimate;
mod hash;
mod merge;
mod object;
mod selftest;
mod sparse;

use keyspace::change::Event;

use crate::error::Error;
use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] =
    &[&add::PFADD, &count::PFCOUNT, &debug::PFDEBUG, &merge::PFMERGE, &selftest::PFSELFTEST];

/// Of PFMERGE too.
const PFADD_EVENT: Event = super::string::string_event("pfadd");

/// The string's length and magic are right, and its registers are not.
const CORRUPTED: Error = Error::Plain("INVALIDOBJ Corrupted HLL object detected");
