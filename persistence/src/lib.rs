//! The write-ahead log, snapshots, RDB and AOF files, the warm tier, and the disk they stand on; never sees a command.

pub mod aof;
pub mod disk;
pub mod rdb;
pub mod snapshot;
pub mod tier;
pub mod wal;
