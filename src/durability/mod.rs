//! The write-ahead log in the server: who appends, who writes, which replies wait.
//!
//! Invariants: a core's thread appends into the slot of its own number; the replies of a batch that left records
//! stay with the connection until the log has settled them; one task of each core writes for all connections that
//! had their turn since it last did, so a write(2) is shared by them.

mod aside;
pub(crate) mod check_aof;
pub(crate) mod holds;
pub(crate) mod journal;
pub(crate) mod keep;
pub(crate) mod open;
pub(crate) mod rewrite;
pub(crate) mod start;
pub(crate) mod theirs;
pub(crate) mod tools;
