//! Micro benchmarks and an open-loop load generator; comparisons with other servers.
//!
//! - [`requests`], [`replies`]: prebuilt requests out, replies counted without being parsed.
//! - [`generator`]: one thread, one epoll, many connections; at a fixed rate or as fast as the server answers.
//! - [`summary`]: percentiles, 100 ms windows, and the check that the generator itself can be believed.
//! - [`process`]: CPU time and resident memory of a server.
//! - [`micro`]: parser and commands in process, without sockets.
//! - [`patterns`]: finding the patterns that a key matches.
//! - [`compare`]: this server and its peers side by side, as a table and a chart.

pub mod compare;
pub mod generator;
pub mod micro;
pub mod options;
pub mod patterns;
pub mod process;
pub mod replies;
pub mod requests;
pub mod summary;
