//! The numbers of the format.

/// The version of the format that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// What Redis 7.0 reads.
    pub const V10: Self = Self(10);
    /// Redis 7.2: packed sets, streams that know when a consumer was active.
    pub const V11: Self = Self(11);
    /// Redis 7.4 and 8.0: deadlines of hash fields.
    pub const V12: Self = Self(12);
}

/// The newest version of Redis's format that is read.
pub(super) const VERSION_MAX: u16 = 12;
/// Valkey counts on from here.
pub(super) const VALKEY_VERSION: u16 = 80;

/// Types of values, as numbers before them.
pub(super) mod kind {
    pub(crate) const STRING: u8 = 0;
    pub(crate) const LIST: u8 = 1;
    pub(crate) const SET: u8 = 2;
    pub(crate) const ZSET_TEXT: u8 = 3;
    pub(crate) const HASH: u8 = 4;
    pub(crate) const ZSET: u8 = 5;
    pub(crate) const MODULE_PRE_GA: u8 = 6;
    pub(crate) const MODULE: u8 = 7;
    pub(crate) const HASH_ZIPMAP: u8 = 9;
    pub(crate) const LIST_ZIPLIST: u8 = 10;
    pub(crate) const SET_INTSET: u8 = 11;
    pub(crate) const ZSET_ZIPLIST: u8 = 12;
    pub(crate) const HASH_ZIPLIST: u8 = 13;
    pub(crate) const LIST_QUICKLIST: u8 = 14;
    pub(crate) const STREAM_1: u8 = 15;
    pub(crate) const HASH_LISTPACK: u8 = 16;
    pub(crate) const ZSET_LISTPACK: u8 = 17;
    pub(crate) const LIST_QUICKLIST_2: u8 = 18;
    pub(crate) const STREAM_2: u8 = 19;
    pub(crate) const SET_LISTPACK: u8 = 20;
    pub(crate) const STREAM_3: u8 = 21;
    /// Redis 7.4 before its release: each field with its own absolute deadline.
    pub(crate) const HASH_DEADLINES_PRE_GA: u8 = 22;
    /// In what Valkey wrote.
    pub(crate) const HASH_DEADLINES_VALKEY: u8 = 22;
    pub(crate) const HASH_LISTPACK_DEADLINES_PRE_GA: u8 = 23;
    pub(crate) const HASH_DEADLINES: u8 = 24;
    pub(crate) const HASH_LISTPACK_DEADLINES: u8 = 25;
}

/// What stands where a value's type could stand.
pub(super) mod opcode {
    /// Of Valkey.
    pub(crate) const SLOT_IMPORT: u8 = 243;
    pub(crate) const SLOT_INFO: u8 = 244;
    pub(crate) const FUNCTION_2: u8 = 245;
    pub(crate) const FUNCTION_PRE_GA: u8 = 246;
    pub(crate) const MODULE_AUX: u8 = 247;
    pub(crate) const IDLE: u8 = 248;
    pub(crate) const FREQ: u8 = 249;
    pub(crate) const AUX: u8 = 250;
    pub(crate) const RESIZE_DB: u8 = 251;
    pub(crate) const DEADLINE_MS: u8 = 252;
    pub(crate) const DEADLINE_SECONDS: u8 = 253;
    pub(crate) const SELECT_DB: u8 = 254;
    pub(crate) const EOF: u8 = 255;
}

/// A length's two upper bits.
pub(super) mod length {
    pub(crate) const BITS_6: u8 = 0;
    pub(crate) const BITS_14: u8 = 1;
    pub(crate) const ENCODED: u8 = 3;
    pub(crate) const BITS_32: u8 = 0x80;
    pub(crate) const BITS_64: u8 = 0x81;
}

/// How a string that is not plain is written.
pub(super) mod text {
    pub(crate) const INT8: u8 = 0;
    pub(crate) const INT16: u8 = 1;
    pub(crate) const INT32: u8 = 2;
    pub(crate) const LZF: u8 = 3;
}

/// The parts of a module's value.
pub(super) mod module {
    pub(crate) const EOF: u64 = 0;
    pub(crate) const SIGNED: u64 = 1;
    pub(crate) const UNSIGNED: u64 = 2;
    pub(crate) const FLOAT: u64 = 3;
    pub(crate) const DOUBLE: u64 = 4;
    pub(crate) const STRING: u64 = 5;
}

/// A node of a list.
pub(super) const NODE_PLAIN: u64 = 1;
pub(super) const NODE_PACKED: u64 = 2;

/// What field deadlines may be: Redis keeps 46 bits.
pub(super) const FIELD_DEADLINE_MAX: i64 = (1 << 46) - 2;
