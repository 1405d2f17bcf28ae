//! Clients that go too far: too much unread output or unparsed input, too long idle, too much memory together, or
//! not a client of this protocol at all.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use settings::{ClientClass, LogLevel};

use super::{Node, describe};
use crate::client::{Client, Shared, signal};

/// Output up to this is nobody's concern: about what Redis keeps beside its limits.
const OUTPUT_FREE_BYTES: usize = 16 * 1024;
/// Unparsed input that a client may have before it signs in.
const UNAUTHENTICATED_INPUT_MAX: usize = 1024 * 1024;
/// The least that `client-query-buffer-limit` can be.
const INPUT_FREE_BYTES: usize = 1024 * 1024;
/// How often clients are looked at when none needs a closer look.
const LOOK_EVERY_MS: i64 = 1000;
/// And how often while some client keeps room for large commands.
const LOOK_SOON_MS: i64 = 200;
/// Room from which on it shrinks to what the last commands needed.
const LARGE_INPUT_BYTES: u64 = 32 * 1024;
/// Idleness after which a client's input buffer shrinks.
pub const SHRINK_AFTER_MS: i64 = 2000;
/// How often the log tells of browsers.
const BROWSER_LOG_EVERY_MS: i64 = 60_000;

/// Counters of INFO, and what is to be remembered between two looks.
#[derive(Debug, Default)]
pub struct Care {
    /// INFO `client_output_buffer_limit_disconnections`.
    pub output_disconnections: AtomicU64,
    /// INFO `client_query_buffer_limit_disconnections`.
    pub query_disconnections: AtomicU64,
    /// INFO `evicted_clients`.
    pub evictions: AtomicU64,
    /// Some client exceeds its soft limit.
    has_soft: AtomicBool,
    /// Some client keeps more room for its input than it seems to need.
    has_room: AtomicBool,
    looked_ms: AtomicI64,
    browser_logged_ms: AtomicI64,
    /// Memory of all clients that may be evicted, as far as it is counted, while there is a limit.
    together: AtomicU64,
    /// The limit that `together` was last counted for.
    memory_max: AtomicU64,
    /// Held by who counts all clients: two would evict twice as many as needed.
    weighing: Mutex<()>,
}

impl Care {
    /// A client that is gone takes no memory.
    pub(crate) fn uncount(&self, shared: &Shared) {
        self.recount(shared, 0);
    }

    /// Takes note of a client's memory; answers what all take together.
    fn recount(&self, shared: &Shared, bytes: u64) -> u64 {
        if shared.facts.counted_bytes.load(Relaxed) == bytes {
            return self.together.load(Relaxed);
        }
        let change = bytes.wrapping_sub(shared.facts.counted_bytes.swap(bytes, Relaxed));
        self.together.fetch_add(change, Relaxed).wrapping_add(change)
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        for count in [&self.output_disconnections, &self.query_disconnections, &self.evictions] {
            count.store(0, Relaxed);
        }
    }
}

impl Node {
    /// Ends a connection whose unsent output exceeds its class's limits; whether it may go on.
    #[inline]
    pub fn bound_output(&self, shared: &Shared, bytes: usize) -> bool {
        bytes <= OUTPUT_FREE_BYTES || self.judge_output(shared, bytes)
    }

    /// Whether there is a hard limit to a client's unsent output.
    pub(crate) fn has_output_limit(&self, shared: &Shared) -> bool {
        self.settings.client_output_buffer_limit()[class_of(shared) as usize].hard_bytes > 0
    }

    #[cold]
    fn judge_output(&self, shared: &Shared, bytes: usize) -> bool {
        let limit = self.settings.client_output_buffer_limit()[class_of(shared) as usize];
        let (bytes, since) = (bytes as u64, &shared.facts.soft_since_ms);
        let is_hard = limit.hard_bytes > 0 && bytes >= limit.hard_bytes;
        let is_soft = limit.soft_bytes > 0 && bytes >= limit.soft_bytes;
        if !is_soft {
            since.store(0, Relaxed);
        }
        if !is_hard && !is_soft {
            return true;
        }
        let now_ms = base::clock::unix_ms();
        if is_soft && since.load(Relaxed) == 0 {
            since.store(now_ms, Relaxed);
            self.care.has_soft.store(true, Relaxed);
        }
        let soft_seconds = (now_ms - since.load(Relaxed)) / 1000;
        if !is_hard && soft_seconds <= limit.soft_seconds as i64 {
            return true;
        }
        if !shared.facts.ended.load(Relaxed) {
            let line = self.line_of(shared, now_ms);
            shared.end();
            self.care.output_disconnections.fetch_add(1, Relaxed);
            let text = format!("Client {line} scheduled to be closed ASAP for overcoming of output buffer limits.");
            self.host().log(LogLevel::Warning, &text);
        }
        false
    }

    /// Whether a client may have so much unparsed input, what waits for EXEC included; says in the log why not.
    #[inline]
    pub fn admits_input(&self, client: &Client, input: &[u8]) -> bool {
        if input.len() <= INPUT_FREE_BYTES && client.multi.is_none() {
            return true;
        }
        self.judge_input(client, input)
    }

    #[cold]
    fn judge_input(&self, client: &Client, input: &[u8]) -> bool {
        let bytes = input.len() + client.shared.facts.multi_bytes.load(Relaxed) as usize;
        let is_stranger = bytes > UNAUTHENTICATED_INPUT_MAX && client.must_sign_in(self);
        if bytes as u64 <= self.settings.client_query_buffer_limit() && !is_stranger {
            return true;
        }
        self.care.query_disconnections.fetch_add(1, Relaxed);
        let line = self.line_of(&client.shared, base::clock::unix_ms());
        let start = base::quote::quote(&input[..input.len().min(64)]);
        let text = format!("Closing client that reached max query buffer length: {line} (qbuf initial bytes: {start})");
        self.host().log(LogLevel::Warning, &text);
        false
    }

    /// A browser that was made to send us its request line or headers as commands: its connection ends before it
    /// does harm, without a word.
    #[cold]
    pub(crate) fn suspects_browser(&self, client: &mut Client, name: &[u8]) -> bool {
        if !name.eq_ignore_ascii_case(b"POST") && !name.eq_ignore_ascii_case(b"Host:") {
            return false;
        }
        let now_ms = base::clock::unix_ms();
        let logged_ms = &self.care.browser_logged_ms;
        if now_ms - logged_ms.load(Relaxed) > BROWSER_LOG_EVERY_MS {
            logged_ms.store(now_ms, Relaxed);
            let text = format!(
                "Possible SECURITY ATTACK detected: POST or Host: was sent as a command, as a browser does that a web \
                 page misuses to reach this server. Connection from {} aborted.",
                client.shared.addr
            );
            self.host().log(LogLevel::Warning, &text);
        }
        client.closing = true;
        client.shared.end();
        true
    }

    /// Looks after all clients; called by one core at each of its ticks.
    pub fn look_after_clients(&self, now_ms: i64) {
        let memory_max = self.settings.maxmemory_clients().bytes(self.settings.maxmemory());
        let is_urgent = memory_max > 0 || self.care.has_soft.load(Relaxed);
        let pause_ms = if self.care.has_room.load(Relaxed) { LOOK_SOON_MS } else { LOOK_EVERY_MS };
        if !is_urgent && now_ms - self.care.looked_ms.load(Relaxed) < pause_ms {
            return;
        }
        self.care.looked_ms.store(now_ms, Relaxed);
        self.care.has_soft.store(false, Relaxed);
        self.care.has_room.store(false, Relaxed);
        let idle_max_ms = i64::from(self.settings.timeout()) * 1000;
        for shared in self.clients.iter().filter(|shared| !shared.facts.ended.load(Relaxed)) {
            self.look_after(&shared, now_ms, idle_max_ms);
        }
        if memory_max > 0 {
            self.weigh_clients(memory_max, now_ms);
        }
    }

    /// Takes note of a client's memory after its commands; with a limit to all clients' memory, some may have to go.
    #[inline]
    pub fn bound_clients(&self, shared: &Shared) {
        let memory_max = self.settings.maxmemory_clients().bytes(self.settings.maxmemory());
        if memory_max | self.care.memory_max.load(Relaxed) != 0 {
            self.judge_clients(shared, memory_max);
        }
    }

    #[cold]
    fn judge_clients(&self, shared: &Shared, memory_max: u64) {
        if self.care.memory_max.swap(memory_max, Relaxed) != memory_max {
            // Nobody counted by the old limit, or less may be used now.
            return self.weigh_clients(memory_max, base::clock::unix_ms());
        }
        if self.care.recount(shared, evictable_bytes(shared)) > memory_max {
            self.weigh_clients(memory_max, base::clock::unix_ms());
        }
    }

    /// Counts the memory of all clients, and evicts some where it exceeds the limit; 0 is none.
    fn weigh_clients(&self, memory_max: u64, now_ms: i64) {
        let _alone = self.care.weighing.lock();
        let (mut together, mut all) = (0, Vec::new());
        for shared in self.clients.iter().filter(|shared| !shared.facts.ended.load(Relaxed)) {
            let bytes = evictable_bytes(&shared);
            shared.facts.counted_bytes.store(bytes, Relaxed);
            together += bytes;
            if bytes > 0 {
                all.push((bytes, shared.clone()));
            }
        }
        self.care.together.store(together, Relaxed);
        if memory_max > 0 && together > memory_max {
            self.evict_clients(all, together - memory_max, now_ms);
        }
    }

    fn look_after(&self, shared: &Shared, now_ms: i64, idle_max_ms: i64) {
        let facts = &shared.facts;
        let idle_ms = now_ms - facts.last_ms.load(Relaxed);
        let may_idle = shared.is_blocked() || shared.is_subscriber() || facts.monitor.load(Relaxed);
        if idle_max_ms > 0 && idle_ms > idle_max_ms && !may_idle {
            self.host().log(LogLevel::Verbose, "Closing idle client");
            return shared.end();
        }
        if facts.soft_since_ms.load(Relaxed) != 0 {
            self.judge_output(shared, shared.output_bytes());
            if facts.soft_since_ms.load(Relaxed) != 0 {
                self.care.has_soft.store(true, Relaxed);
            }
        }
        let free = facts.query_free_bytes.load(Relaxed);
        if free > LARGE_INPUT_BYTES || idle_ms > SHRINK_AFTER_MS && free > 0 {
            shared.raise(signal::SHRINK);
            self.care.has_room.store(true, Relaxed);
        }
    }

    /// The largest go first, until `excess` bytes are free.
    fn evict_clients(&self, mut clients: Vec<(u64, Arc<Shared>)>, mut excess: u64, now_ms: i64) {
        clients.sort_unstable_by_key(|(bytes, _)| Reverse(*bytes));
        for (bytes, shared) in clients {
            let line = self.line_of(&shared, now_ms);
            self.host().log(LogLevel::Notice, &format!("Evicting client: {line}"));
            shared.end();
            self.care.uncount(&shared);
            self.care.evictions.fetch_add(1, Relaxed);
            excess = excess.saturating_sub(bytes);
            if excess == 0 {
                return;
            }
        }
    }

    fn line_of(&self, shared: &Shared, now_ms: i64) -> String {
        let mut line = Vec::new();
        describe::push(&mut line, self, shared, now_ms, None);
        String::from_utf8_lossy(&line).into_owned()
    }
}

/// Memory for which a client can be evicted.
fn evictable_bytes(shared: &Shared) -> u64 {
    if shared.facts.no_evict.load(Relaxed) { 0 } else { shared.memory_usage() as u64 }
}

fn class_of(shared: &Shared) -> ClientClass {
    if shared.is_subscriber() { ClientClass::PubSub } else { ClientClass::Normal }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use crate::client::signal;
    use crate::testing::Fixture;

    fn with(name: &str, value: &str) -> Fixture {
        let fixture = Fixture::new();
        fixture.node.settings.set(&[(name, value)], settings::Caller::default()).expect("a live setting");
        fixture
    }

    fn is_killed(fixture: &mut Fixture, client: u32) -> bool {
        fixture.client(client).shared.signals() & signal::KILL != 0
    }

    #[test]
    fn subscribers_that_do_not_read() {
        let mut fixture = with("client-output-buffer-limit", "pubsub 50000 0 0");
        fixture.cli(2, "SUBSCRIBE a");
        let message = "x".repeat(10_000);
        for _ in 0..4 {
            fixture.cli(1, &format!("PUBLISH a {message}"));
        }
        assert!(!is_killed(&mut fixture, 2));
        fixture.cli(1, &format!("PUBLISH a {message}"));
        assert!(is_killed(&mut fixture, 2));
        assert_eq!(fixture.node.care.output_disconnections.load(Relaxed), 1);
    }

    #[test]
    fn a_soft_limit_takes_its_time() {
        let mut fixture = with("client-output-buffer-limit", "pubsub 0 20000 5");
        fixture.cli(2, "SUBSCRIBE a");
        fixture.cli(1, &format!("PUBLISH a {}", "x".repeat(30_000)));
        let shared = fixture.client(2).shared.clone();
        let since_ms = shared.facts.soft_since_ms.load(Relaxed);
        assert!(since_ms > 0);
        fixture.node.look_after_clients(base::clock::unix_ms());
        assert!(!is_killed(&mut fixture, 2));
        shared.facts.soft_since_ms.store(since_ms - 6000, Relaxed);
        fixture.node.look_after_clients(base::clock::unix_ms());
        assert!(is_killed(&mut fixture, 2));
    }

    #[test]
    fn idle_clients() {
        let mut fixture = with("timeout", "10");
        let now_ms = base::clock::unix_ms();
        for client in 1..=3 {
            fixture.cli(client, "PING");
        }
        fixture.cli(2, "SUBSCRIBE a");
        fixture.client(3).shared.facts.last_ms.store(now_ms + 5000, Relaxed);
        fixture.node.look_after_clients(now_ms + 11_000);
        assert_eq!([1, 2, 3].map(|client| is_killed(&mut fixture, client)), [true, false, false]);
    }

    #[test]
    fn the_largest_clients_are_evicted() {
        let mut fixture = with("maxmemory-clients", "1mb");
        for (client, bytes) in [(1, 100_000), (2, 900_000), (3, 800_000), (4, 2_000_000)] {
            fixture.client(client).shared.facts.query_bytes.store(bytes, Relaxed);
        }
        fixture.cli(4, "CLIENT NO-EVICT on");
        fixture.node.look_after_clients(base::clock::unix_ms());
        assert_eq!([1, 2, 3, 4].map(|client| is_killed(&mut fixture, client)), [false, true, false, false]);
        assert_eq!(fixture.node.care.evictions.load(Relaxed), 1);
    }

    #[test]
    fn browsers() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.cli(1, "post / HTTP/1.1"), "");
        assert!(fixture.client(1).closing && is_killed(&mut fixture, 1));
    }

    #[test]
    fn memory_is_looked_at_after_each_batch() {
        let mut fixture = with("maxmemory-clients", "200000");
        let shared = fixture.client(2).shared.clone();
        fixture.node.bound_clients(&shared);
        for number in 0..10_000 {
            fixture.cli(2, &format!("WATCH {number}"));
            fixture.node.bound_clients(&shared);
            if is_killed(&mut fixture, 2) {
                break;
            }
        }
        assert!(is_killed(&mut fixture, 2));
        assert!(fixture.node.care.together.load(Relaxed) < 200_000);
        fixture.client(3).shared.facts.query_bytes.store(150_000, Relaxed);
        fixture.node.settings.set(&[("maxmemory-clients", "100000")], settings::Caller::default()).expect("live");
        let shared = fixture.client(1).shared.clone();
        fixture.node.bound_clients(&shared);
        assert_eq!([1, 3].map(|client| is_killed(&mut fixture, client)), [false, true]);
    }

    #[test]
    fn prefixes_of_tracking_count() {
        let mut fixture = with("maxmemory-clients", "200000");
        let shared = fixture.client(2).shared.clone();
        let before = shared.memory_usage();
        fixture.cli(2, "CLIENT TRACKING ON BCAST PREFIX first PREFIX second");
        assert!(shared.memory_usage() > before + "firstsecond".len());
        fixture.cli(2, "CLIENT TRACKING OFF");
        assert_eq!(shared.memory_usage(), before);
        for number in 10_000..20_000 {
            fixture.cli(2, &format!("CLIENT TRACKING ON BCAST PREFIX {number}"));
            fixture.node.bound_clients(&shared);
            if is_killed(&mut fixture, 2) {
                return;
            }
        }
        unreachable!("ten thousand prefixes take more than the limit");
    }
}
