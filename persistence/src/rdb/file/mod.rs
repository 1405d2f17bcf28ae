//! Snapshot files: what stands around the values.
//!
//! - `write`: a [`Writer`] takes keys and writes a file.
//! - `scan`: a [`Scanner`] goes over a file's records without looking into values.
//! - `load`: files into a keyspace, on several threads.
//! - `map`: a file's bytes. `check`: a file judged without loading it.

mod check;
pub(super) mod load;
mod map;
mod scan;
mod write;

pub use check::{Checked, Flaw, check};
pub use load::{Fact, LoadError, Loader, Progress, Report};
pub use map::Map;
pub(super) use scan::{Dialect, Found};
pub use scan::{Fault, Record, Scanner};
pub(super) use write::goes_in_parts;
pub use write::{Options, Writer};

/// How a file of Redis begins, and how one of Valkey; digits of the version follow.
const MAGIC: &[u8] = b"REDIS";
const VALKEY_MAGIC: &[u8] = b"VALKEY";
/// Magic and version together.
const MAGIC_SIZE: usize = 9;
/// From this version on a checksum stands at the end.
const SUMMED_VERSION_MIN: u16 = 5;
