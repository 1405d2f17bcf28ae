//! Values, shards, tables, expiry, eviction and the list of changes; no Redis grammar.

mod ahead;
pub mod backlen;
pub mod change;
pub mod db;
pub mod dict;
pub mod encoding;
pub mod entry;
pub mod epoch;
pub mod export;
pub mod hash;
pub mod import;
pub mod intset;
pub mod keys;
pub mod list;
pub mod memory;
pub mod object;
pub mod packed;
pub mod pool;
pub(crate) mod room;
pub mod set;
pub mod shard;
pub mod slab;
pub mod snapshot;
pub mod stream;
pub mod string;
pub mod walk;
pub mod zset;
