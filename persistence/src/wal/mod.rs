//! The write-ahead log: one total order of effects, in segments, from which a start rebuilds what was acknowledged.
//!
//! Reading order: `record` and `files` (what is on the disk), `log` (reserve, append, flush), `writer` (from the
//! cores' buffers into the segment), `sync` (durability, and what follows a failure), `recovery` (a start), `check`
//! (damage), `compaction`.
//!
//! Invariants:
//! - sequence numbers are dense: a start takes records in their order and stops at the first that is missing;
//! - a reply may leave when `settled` has reached its sequence number, not before: by then write(2) has returned for
//!   it and for all before it, and with `always` fdatasync too;
//! - records are kept in memory until a sync has succeeded: after any failed write or sync the segment is dead, and
//!   all that was not surely durable is written again into a new one before anything more is acknowledged;
//! - a segment says now and then how far everything was durable, so that a start can tell a torn tail, which is cut,
//!   from damage to what was promised, which it refuses to pass over.

mod check;
mod compaction;
mod files;
mod log;
mod record;
mod recovery;
mod sync;
mod threads;
mod waiters;
mod writer;

pub use check::{Checked, check, repair};
pub use compaction::Compaction;
pub use files::{Base, MANIFEST, is_of_log};
pub use log::{Log, Notice, Options, Policy, Stats};
pub use recovery::{Apply, Cut, Damage, Recovered, Recovery};
pub use threads::Threads;

/// A place in the total order of effects; the first is 1.
pub type Seq = u64;
