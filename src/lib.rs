//! The server: sockets, threads and start-up; it composes everything and is a library for its own tests.
//!
//! Reading order: `startup` (from settings to a running server), `process` (the program around it: command line,
//! log, signals, end), `cores` (a thread each), `net` (sockets and the loop of a connection).

mod allocator;
mod audit;
mod cli;
mod cores;
mod crash;
mod durability;
mod gateway;
mod host;
mod limits;
mod loading;
mod log;
mod logo;
mod net;
mod oom;
mod placement;
mod process;
mod rdb_tools;
mod spare;
mod startup;
mod supervisor;
mod system;
#[cfg(test)]
mod tidy;
mod title;
mod tls;

pub use process::run;
pub use startup::{Running, StartError, start};
