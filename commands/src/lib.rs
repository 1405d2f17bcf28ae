//! The command table, the handlers and the path of a request.
//!
//! Reading order: `spec` (how a command is declared), `groups` (the catalogue), `execute` (the path: look up,
//! `guards`, lock, run, `publish`), `ctx` and `client` (what a handler sees), `node` (the running instance).

pub mod args;
pub mod client;
pub mod ctx;
mod effect;
#[cfg(test)]
mod effect_property;
#[cfg(test)]
mod effect_tests;
pub mod error;
pub mod execute;
mod expiration;
pub mod file;
mod groups;
mod guards;
mod keys;
pub mod module;
pub mod node;
pub mod ownership;
mod publish;
pub mod quick;
pub mod replay;
pub mod reply;
pub mod request;
mod scan;
pub mod script;
pub mod spec;
pub mod table;
#[cfg(test)]
mod table_tests;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod waiting;
pub mod wake;
#[cfg(test)]
mod warm_tests;

/// As in the server, whose memory it counts.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
