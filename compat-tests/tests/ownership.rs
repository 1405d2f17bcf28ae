//! What derives from a key is never read once it is older than the key's last acknowledged change: writers, fillers and
//! readers over TCP. The same load on a plain redis-server finds what it looks for.
//!
//! `OWNERSHIP_SECONDS` says how long, `OWNERSHIP_THREADS` how many of each kind (readers: twice as many), `SEED` which
//! numbers.

use compat_tests::connection::Connection;
use compat_tests::target::{Target, Tcp};
use resp::Reply;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const SOURCES: usize = 8;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn number(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Bulk(text) => base::number::parse_u64(text),
        _ => None,
    }
}

/// A few random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn call(client: &mut Connection, words: &[&str]) -> Reply {
    let reply = client.call(words).unwrap_or_else(|silence| panic!("{words:?}: {silence}"));
    assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
    reply
}

/// Changes a source in one of many ways.
fn change(client: &mut Connection, dice: &mut Dice, source: &str, version: u64) {
    let version = version.to_string();
    match dice.below(7) {
        0 => drop(call(client, &["DEL", source])),
        1 => drop(call(client, &["GETSET", source, &version])),
        2 => {
            call(client, &["MULTI"]);
            call(client, &["SET", source, &version]);
            call(client, &["EXEC"]);
        }
        3 => drop(call(client, &["EVAL", "redis.call('SET', KEYS[1], ARGV[1])", "1", source, &version])),
        // A key that nobody declared.
        4 => drop(call(client, &["EVAL", "redis.call('SET', ARGV[1], ARGV[2])", "0", source, &version])),
        5 => {
            let other = format!("new:{source}");
            call(client, &["SET", &other, &version]);
            call(client, &["RENAME", &other, source]);
        }
        _ => drop(call(client, &["SET", source, &version])),
    }
}

/// What it found.
#[derive(Debug)]
struct Found {
    reads: u64,
    hits: u64,
    stale: u64,
}

/// The load: what derives from a source is its version, put there in one step with the look at the source.
fn run(server: &Tcp) -> Found {
    let threads = variable("OWNERSHIP_THREADS").unwrap_or(2).clamp(1, SOURCES as u64);
    let seed = variable("SEED").unwrap_or(1);
    let (stop, acknowledged) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; SOURCES]);
    let (reads, hits, stale) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let derived = |at: u64, dice: &mut Dice| match dice.below(2) {
        0 => format!("page:{at}"),
        _ => format!("feed:{at}:{}", dice.below(50)),
    };
    std::thread::scope(|scope| {
        for thread in 0..threads * 4 {
            let (stop, acknowledged, reads, hits, stale) = (&stop, &acknowledged, &reads, &hits, &stale);
            scope.spawn(move || {
                let (mut client, mut dice) = (server.client(), Dice((seed << 20) | ((thread + 1) * 7919)));
                let mut version = 0;
                while !stop.load(SeqCst) {
                    match thread % 4 {
                        0 => {
                            // Each source has one writer, so that its versions come in order.
                            let own = SOURCES as u64 / threads;
                            let at = thread / 4 * own + dice.below(own);
                            version += 1;
                            change(&mut client, &mut dice, &format!("user:{at}"), version);
                            acknowledged[at as usize].store(version, SeqCst);
                        }
                        1 => {
                            let at = dice.below(SOURCES as u64);
                            let key = derived(at, &mut dice);
                            let fill =
                                "local v = redis.call('GET', KEYS[1]) if v then redis.call('SET', KEYS[2], v) end";
                            call(&mut client, &["EVAL", fill, "2", &format!("user:{at}"), &key]);
                        }
                        _ => {
                            let at = dice.below(SOURCES as u64);
                            let least = acknowledged[at as usize].load(SeqCst);
                            let found = number(&call(&mut client, &["GET", &derived(at, &mut dice)]));
                            reads.fetch_add(1, SeqCst);
                            hits.fetch_add(u64::from(found.is_some()), SeqCst);
                            stale.fetch_add(u64::from(found.is_some_and(|found| found < least)), SeqCst);
                        }
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_secs(variable("OWNERSHIP_SECONDS").unwrap_or(2)));
        stop.store(true, SeqCst);
    });
    Found { reads: reads.into_inner(), hits: hits.into_inner(), stale: stale.into_inner() }
}

#[test]
fn nothing_older_than_its_source_is_read() {
    let ours = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
    let mut client = ours.client();
    call(&mut client, &["OWNERSHIP", "LINK", "page:<id>", "DERIVES", "user:<id>"]);
    call(&mut client, &["OWNERSHIP", "LINK", "user:<id>", "INVALIDATES", "feed:<id>:*"]);
    let found = run(&ours);
    println!("with rules: {found:?}");
    assert!(found.reads > 0 && found.hits > 0, "something was there to be read");
    assert_eq!(found.stale, 0, "{found:?}");
    let plain = run(&Tcp::redis().unwrap_or_else(|fault| panic!("{fault}")));
    println!("redis-server: {plain:?}");
    assert!(plain.stale > 0, "the load finds what is stale: {plain:?}");
}
