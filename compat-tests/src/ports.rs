//! Ports for servers that tests start.
//!
//! They lie below the range from which the system takes ports for outgoing connections (32768 and up on Linux), so
//! that no client of a test that runs beside can hold one, and no process of tests begins where another one does.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A port of the loopback at which nobody listens, another one at each call.
pub fn free() -> Result<u16, String> {
    for _ in 0..1_000 {
        let number = TAKEN.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(151));
        let port = u16::try_from(FIRST + number % COUNT).expect("the range ends below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no free port on the loopback: 1,000 of 10000-31999 are taken".into())
}
