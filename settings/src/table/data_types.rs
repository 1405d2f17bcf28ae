//! How long each data type keeps its compact form.

use crate::kind::Kind;
use crate::table::section;

section! {
    "Data types";

    /// The most fields of a hash in compact form.
    hash_max_listpack_entries: usize = "512", Kind::COUNT, works, aliases(&["hash-max-ziplist-entries"]);
    /// The longest field or value of a hash in compact form.
    hash_max_listpack_value: usize = "64", Kind::MEMORY, works, aliases(&["hash-max-ziplist-value"]);
    /// The size of a node of a list: so many elements, or from -1 to -5 for 4, 8, 16, 32 or 64 kilobytes.
    list_max_listpack_size: i32 = "-2", Kind::integer(i32::MIN as i64, i32::MAX as i64), works,
        aliases(&["list-max-ziplist-size"]);
    /// How many nodes at both ends of a list stay uncompressed; 0 compresses none.
    list_compress_depth: i32 = "0", Kind::SMALL;
    /// The most integers of a set kept as sorted integers.
    set_max_intset_entries: usize = "512", Kind::COUNT, works;
    /// The most members of a set in compact form.
    set_max_listpack_entries: usize = "128", Kind::COUNT, works;
    /// The longest member of a set in compact form.
    set_max_listpack_value: usize = "64", Kind::COUNT, works;
    /// The most members of a sorted set in compact form.
    zset_max_listpack_entries: usize = "128", Kind::COUNT, works, aliases(&["zset-max-ziplist-entries"]);
    /// The longest member of a sorted set in compact form.
    zset_max_listpack_value: usize = "64", Kind::MEMORY, works, aliases(&["zset-max-ziplist-value"]);
    /// The most bytes of a HyperLogLog in sparse form.
    hll_sparse_max_bytes: usize = "3000", Kind::MEMORY, works;
    /// The most bytes of a node of a stream; 0 sets no bound.
    stream_node_max_bytes: usize = "4096", Kind::MEMORY, works;
    /// The most entries of a node of a stream; 0 sets no bound.
    stream_node_max_entries: u64 = "100", Kind::COUNT, works;
}
