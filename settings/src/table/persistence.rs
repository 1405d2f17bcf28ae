//! Snapshots and the append-only file.

use std::sync::Arc;

use crate::choices::AppendFsync;
use crate::kind::{Kind, checks};
use crate::table::section;
use crate::value::{SavePoint, Text};

section! {
    "Persistence";

    /// When a snapshot is taken: pairs of seconds and changes, or an empty text for never.
    save: Arc<[SavePoint]> = "3600 1 300 100 60 10000", Kind::Save, works;
    /// The file name of the snapshot.
    dbfilename: Text = "dump.rdb", Kind::Text(checks::db_file), protected, works;
    /// Refuses writes after a snapshot failed, until one succeeds.
    stop_writes_on_bgsave_error: bool = "yes", Kind::SWITCH, works;
    /// Compresses strings in snapshots.
    rdbcompression: bool = "yes", Kind::SWITCH, works;
    /// The version of the format of snapshots and DUMP: 10 for Redis 7.0, 11 for 7.2, 12 for 7.4 and 8.0.
    rdb_version: u32 = "10", Kind::integer(10, 12), own, works;
    /// Ends snapshots with a checksum, and checks it when loading.
    rdbchecksum: bool = "yes", Kind::SWITCH, at_start, works;
    /// Forces a snapshot to disk in steps while it is written.
    rdb_save_incremental_fsync: bool = "yes", Kind::SWITCH, works;
    /// Removes snapshot files that only replication needed.
    rdb_del_sync_files: bool = "no", Kind::SWITCH;
    /// Logs every write, so that a restart loses little or nothing.
    appendonly: bool = "no", Kind::SWITCH, works;
    /// The stem of the file names of the append-only file.
    appendfilename: Text = "appendonly.aof", Kind::Text(checks::append_file), works, at_start;
    /// The directory of the append-only file, within dir.
    appenddirname: Text = "appendonlydir", Kind::Text(checks::append_dir), works, at_start;
    /// When the append-only file is forced to disk.
    appendfsync: AppendFsync = "everysec", Kind::one_of::<AppendFsync>(), works;
    /// Leaves forcing to disk to the system while a snapshot or rewrite runs.
    no_appendfsync_on_rewrite: bool = "no", Kind::SWITCH;
    /// The growth, in percent, at which the append-only file is rewritten; 0 never does.
    auto_aof_rewrite_percentage: u32 = "100", Kind::SMALL, works;
    /// The size below which the append-only file is not rewritten by itself.
    auto_aof_rewrite_min_size: u64 = "64mb", Kind::MEMORY, works;
    /// Starts with an append-only file whose end is cut off, dropping that end.
    aof_load_truncated: bool = "yes", Kind::SWITCH, works;
    /// Starts a rewritten append-only file with a snapshot.
    aof_use_rdb_preamble: bool = "yes", Kind::SWITCH;
    /// Writes the time into the append-only file, so that it can be restored to a point in time.
    aof_timestamp_enabled: bool = "no", Kind::SWITCH;
    /// Forces a rewritten append-only file to disk in steps.
    aof_rewrite_incremental_fsync: bool = "yes", Kind::SWITCH, works;
}
