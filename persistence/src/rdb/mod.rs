//! Redis's snapshot format: single values (DUMP, RESTORE) and whole files.
//!
//! - `format`: the numbers of the format. `lzf`, `checksum`: its compression and its sum.
//! - `input`, `decode`: bytes to values, everything checked in structure and in meaning.
//! - `output`, `encode`: values to bytes.
//! - `payload`: what DUMP answers and RESTORE takes.
//! - `file`: what stands around the values in a file, read and written.
//! - `sections`: the same records in a form of our own, which loads faster.
//!
//! # Invariants
//! - No input makes it panic, loop or allocate more than a small multiple of the input's own length.
//! - What was decoded holds what commands rely on: no empty collection, no field or member twice, no score that is
//!   not a number, integers in order.

mod checksum;
mod decode;
mod encode;
pub mod file;
mod format;
mod input;
mod lzf;
mod output;
mod payload;
pub mod sections;

pub use decode::{Decoded, Functions};
pub use encode::Encoder;
pub use format::Version;
pub use input::Malformed;
pub(crate) use payload::bare_value;
pub use payload::{Refused, dump, dump_functions, restore, restore_functions};
