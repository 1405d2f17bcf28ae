//! ACL categories: a bit each, under Redis's names.

macro_rules! categories {
    ($($(#[$doc:meta])* $name:ident = $bit:expr, $text:expr;)*) => {
        $($(#[$doc])* pub const $name: u32 = 1 << $bit;)*

        /// All categories in the order in which COMMAND INFO and ACL CAT list them.
        pub const NAMES: &[(u32, &str)] = &[$(($name, $text)),*];
    };
}

categories! {
    /// Keys of any type.
    KEYSPACE = 0, "keyspace";
    /// Reads keys.
    READ = 1, "read";
    /// Writes keys.
    WRITE = 2, "write";
    /// Sets.
    SET = 3, "set";
    /// Sorted sets.
    SORTEDSET = 4, "sortedset";
    /// Lists.
    LIST = 5, "list";
    /// Hashes.
    HASH = 6, "hash";
    /// Strings.
    STRING = 7, "string";
    /// Bitmaps.
    BITMAP = 8, "bitmap";
    /// HyperLogLogs.
    HYPERLOGLOG = 9, "hyperloglog";
    /// Geo indexes.
    GEO = 10, "geo";
    /// Streams.
    STREAM = 11, "stream";
    /// Channels.
    PUBSUB = 12, "pubsub";
    /// For operators.
    ADMIN = 13, "admin";
    /// O(1) or O(log N).
    FAST = 14, "fast";
    /// Anything else.
    SLOW = 15, "slow";
    /// May wait.
    BLOCKING = 16, "blocking";
    /// Needs care.
    DANGEROUS = 17, "dangerous";
    /// Connections.
    CONNECTION = 18, "connection";
    /// Transactions.
    TRANSACTION = 19, "transaction";
    /// Scripts.
    SCRIPTING = 20, "scripting";
    /// Which keys belong together, and who may write them.
    OWNERSHIP = 21, "ownership";
}
