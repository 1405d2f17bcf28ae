//! A patched Lua 5.1 (`vendor/`, see `vendor/PATCHES.md`) behind a safe layer, with the libraries that scripts have.
//!
//! `ffi` declares the C side, `state` owns an interpreter, `stack` is what both sides hand each other.

mod ffi;
mod libraries;
mod number;
mod stack;
mod state;

pub use stack::{Argument, Kind, Place, Raised, Stack};
pub use state::{Host, Native, Reference, State};
