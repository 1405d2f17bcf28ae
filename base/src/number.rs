//! Numbers as Redis reads and spells them.
//!
//! Reading is strict: a text is a number only if nothing else stands in it, blanks included.

mod big;
mod float;
mod hex;
mod integer;
mod long_double;
mod powers;
mod rounding;
mod shortest;

pub use float::{F64Text, format_f64, format_f64_17, parse_f64, parse_f64_bound};
pub use integer::{digits, parse_i64, parse_u64, push_i64};
pub use long_double::LongDouble;
