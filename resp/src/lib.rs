//! RESP2 and RESP3: bytes to requests, replies to bytes; sans-I/O.

mod cli;
mod inline;
mod parse;
mod reply;
mod reply_end;
mod write;

pub use parse::{Limits, Parsed, Progress, ProtocolError, Span, continue_command, parse_command, short_command};
pub use reply::{Reply, parse_reply};
pub use reply_end::ReplyEnd;
pub use write::{Chunk, Later, Mark, Proto, Writer};
