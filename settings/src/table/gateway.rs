//! HTTP in front of the same commands.

use crate::kind::Kind;
use crate::table::section;
use crate::value::Words;

const ADDRESSES: Kind = Kind::Words { max: 16, too_many: "Too many bind addresses specified." };
const BODY_MIN: u64 = 1024;

section! {
    "Gateway";

    /// The TCP port of HTTP: the REST contract of Upstash, metrics and health. 0 opens none.
    http_port: u16 = "0", Kind::PORT, at_start, own, works;
    /// The addresses to listen on for HTTP, as with bind.
    http_bind: Words = "127.0.0.1 -::1", ADDRESSES, at_start, own, works;
    /// The threads of HTTP, beside those of core-threads.
    http_threads: u32 = "1", Kind::integer(1, 64), at_start, own, works;
    /// The largest body of a request that is read.
    http_body_max: usize = "32mb", Kind::memory(BODY_MIN, u32::MAX as u64), own, works;
    /// Seconds that a client has for its headers, for its body, and between two requests on a connection.
    http_timeout: u32 = "60", Kind::integer(1, 86_400), own, works;
}
