//! Bounds on clients: how many, how much they may send and hold.

use crate::kind::Kind;
use crate::table::section;
use crate::value::{ClientsMemory, OutputLimit};

const MIB: u64 = 1 << 20;

section! {
    "Clients";

    /// How many clients may be connected at once.
    maxclients: u32 = "10000", Kind::integer(1, u32::MAX as i64), works;
    /// The memory that all clients may use together, in bytes or as a percentage of maxmemory; 0 sets no bound.
    maxmemory_clients: ClientsMemory = "0", Kind::MemoryOrPercent, works;
    /// Unsent output at which a client is disconnected: class, hard limit, soft limit, seconds above the soft limit.
    client_output_buffer_limit: [OutputLimit; 3] =
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", Kind::OutputLimits, works;
    /// How much unparsed input a client may have.
    client_query_buffer_limit: u64 = "1gb", Kind::memory(MIB, i64::MAX as u64), works;
    /// The longest single argument of a command.
    proto_max_bulk_len: u64 = "512mb", Kind::memory(MIB, i64::MAX as u64), works;
    /// How many keys the server remembers for clients that cache them; 0 sets no bound.
    tracking_table_max_keys: u64 = "1000000", Kind::COUNT, works;
}
