//! The audit log's lines: events as JSON, each line chained to the one before by its hash, and the check of a chain.
//!
//! Invariants: a line is one object in printable ASCII and UTF-8, whatever bytes a client sent; `seq` grows by one;
//! `prev` is the SHA-256 of the line before, without its end. Nothing here reads or writes files.

mod chain;
mod check;
mod class;
mod event;
mod json;
mod time;

pub use chain::{Chain, Tail};
pub use check::{Checked, Fault, check};
pub use class::{Class, Classes};
pub use event::{Event, hashed};
