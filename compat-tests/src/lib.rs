//! Is it like Redis? Transcripts, properties and histories, run against this server and against a real one.
//!
//! - [`target`]: the servers under test, all behind one trait, at [`ports`] of their own;
//!   [`connection`]: a blocking client of one of them; [`http`]: one of its gateway.
//! - [`transcript`]: the files of `cases/`, redis-cli sessions with their expected replies.
//! - [`seen`]: all that clients see of keys, to compare two servers by.
//! - [`model`]: random command sequences on two servers at once; every reply and the final state must agree.
//! - [`differential`]: random commands built from the table, with boundary arguments, on two servers at once.
//! - [`rules`]: the same commands, of users with random ACL rules.
//! - [`concurrent`]: several connections at once; the history of each key must be linearizable.
//!
//! Invariant: a test never passes because a server was missing. What is not installed is a failure that
//! says how to install it.

pub mod concurrent;
pub mod connection;
pub mod differential;
pub mod effects;
pub mod http;
pub mod model;
pub mod pattern;
pub mod ports;
pub mod rng;
pub mod rules;
pub mod seen;
pub mod target;
pub mod transcript;

/// Waits until something is so, and fails the test if it is not within seconds.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < std::time::Duration::from_secs(15), "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
