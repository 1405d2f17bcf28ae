//! Resumption: everything about a session is in a ticket that the client keeps, sealed; the server keeps nothing.

use std::sync::Arc;

use rustls::crypto::ring::Ticketer;
use rustls::server::ProducesTickets;

/// The library's tickets, which end after `tls-session-cache-timeout`.
#[derive(Debug)]
pub(super) struct Tickets {
    inner: Arc<dyn ProducesTickets>,
    lifetime_seconds: u32,
}

/// Each ticket begins with when it was made, in seconds of a clock that never goes back.
const HEAD_LEN: usize = 8;

impl Tickets {
    pub(super) fn new(lifetime_seconds: u32) -> Result<Self, rustls::Error> {
        Ok(Self { inner: Ticketer::new()?, lifetime_seconds })
    }

    fn seal(&self, plain: &[u8], now_seconds: u64) -> Option<Vec<u8>> {
        let mut content = now_seconds.to_le_bytes().to_vec();
        content.extend_from_slice(plain);
        self.inner.encrypt(&content)
    }

    fn open(&self, sealed: &[u8], now_seconds: u64) -> Option<Vec<u8>> {
        let content = self.inner.decrypt(sealed)?;
        let (head, plain) = content.split_first_chunk::<HEAD_LEN>()?;
        let age = now_seconds.checked_sub(u64::from_le_bytes(*head))?;
        (age <= u64::from(self.lifetime_seconds)).then(|| plain.to_vec())
    }
}

fn now_seconds() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs()
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime_seconds.min(self.inner.lifetime())
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, now_seconds())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher, now_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_until_its_time_is_over() {
        let tickets = Tickets::new(300).expect("random keys");
        let sealed = tickets.seal(b"session", 1000).expect("it fits");
        assert_eq!(tickets.open(&sealed, 1300).as_deref(), Some(&b"session"[..]));
        assert_eq!(tickets.open(&sealed, 1301), None);
        assert_eq!(tickets.open(&sealed, 999), None);
        assert_eq!(tickets.open(&sealed[1..], 1000), None);
        assert_eq!(Tickets::new(300).expect("random keys").open(&sealed, 1000), None);
    }
}
