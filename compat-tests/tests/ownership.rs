//! What derives from a key is never read once it is older than the key's last acknowledged change: writers, fillers with
//! delays and readers over TCP. The same load on a plain redis-server, whose writers remove what derives themselves, finds
//! what it looks for.
//!
//! `OWNERSHIP_SECONDS` says how long, `OWNERSHIP_THREADS` how many of each kind (readers: twice as many), `SEED` which
//! numbers.

use compat_tests::connection::Connection;
use compat_tests::target::{Target, Tcp};
use resp::Reply;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const SOURCES: usize = 8;
/// Keys of a pattern that goes as a whole, for each source.
const FEEDS: u64 = 20;

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

fn send(client: &mut Connection, words: &[&str]) -> Reply {
    client.call(words).unwrap_or_else(|silence| panic!("{words:?}: {silence}"))
}

fn call(client: &mut Connection, words: &[&str]) -> Reply {
    let reply = send(client, words);
    assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
    reply
}

/// How what derives is kept true.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// Rules, CLAIM and FILL.
    Rules,
    /// As applications do it with Redis: writers delete, readers fill.
    ByHand,
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

/// Deletes all that derives from a source, as an application has to.
fn delete_derived(client: &mut Connection, at: u64) {
    let keys: Vec<String> = (0..FEEDS).map(|feed| format!("feed:{at}:{feed}")).collect();
    let page = format!("page:{at}");
    let words: Vec<&str> = ["DEL", &page].into_iter().chain(keys.iter().map(String::as_str)).collect();
    call(client, &words);
}

fn derived(at: u64, dice: &mut Dice) -> String {
    match dice.below(2) {
        0 => format!("page:{at}"),
        _ => format!("feed:{at}:{}", dice.below(FEEDS)),
    }
}

/// Makes a value from its source, with a pause as a slow reader has it.
fn fill(client: &mut Connection, dice: &mut Dice, way: Way, at: u64, refused: &AtomicU64) {
    let (key, source) = (derived(at, dice), format!("user:{at}"));
    let token = match way {
        Way::ByHand if number(&call(client, &["GET", &key])).is_some() => return,
        Way::ByHand => None,
        Way::Rules => match call(client, &["CLAIM", &key, "WAIT", "5", "PX", "100"]) {
            Reply::Array(parts) => match parts.as_slice() {
                [_, _, Reply::Int(token)] => Some(token.to_string()),
                _ => return,
            },
            other => panic!("CLAIM: {other:?}"),
        },
    };
    let Some(version) = number(&call(client, &["GET", &source])) else { return };
    if dice.below(2) == 0 {
        std::thread::sleep(Duration::from_micros(dice.below(3000)));
    }
    let version = version.to_string();
    match token {
        None => drop(call(client, &["SET", &key, &version])),
        Some(token) => match send(client, &["FILL", &token, &version]) {
            Reply::Error(line) => {
                assert!(line.starts_with(b"STALEFILL"), "{}", line.escape_ascii());
                refused.fetch_add(1, SeqCst);
            }
            reply => assert!(!matches!(reply, Reply::Null), "{reply:?}"),
        },
    }
}

/// What it found.
#[derive(Debug)]
struct Found {
    writes: u64,
    reads: u64,
    hits: u64,
    stale: u64,
    refused_fills: u64,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { writes, reads, hits, stale, refused_fills } = self;
        write!(f, "{writes} writes, {reads} reads, {hits} hits, {refused_fills} fills refused, {stale} stale reads")
    }
}

fn run(server: &Tcp, way: Way) -> Found {
    let threads = variable("OWNERSHIP_THREADS").unwrap_or(2).clamp(1, SOURCES as u64);
    let seed = variable("SEED").unwrap_or(1);
    let (stop, acknowledged) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; SOURCES]);
    let [writes, reads, hits, stale, refused] = [const { AtomicU64::new(0) }; 5];
    std::thread::scope(|scope| {
        for thread in 0..threads * 4 {
            let (stop, acknowledged, refused) = (&stop, &acknowledged, &refused);
            let (writes, reads, hits, stale) = (&writes, &reads, &hits, &stale);
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
                            if way == Way::ByHand {
                                delete_derived(&mut client, at);
                            }
                            acknowledged[at as usize].store(version, SeqCst);
                            writes.fetch_add(1, SeqCst);
                            // Else hardly anything would be there to be read.
                            std::thread::sleep(Duration::from_micros(dice.below(4000)));
                        }
                        1 => {
                            let at = dice.below(SOURCES as u64);
                            fill(&mut client, &mut dice, way, at, refused);
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
    let [writes, reads, hits, stale, refused_fills] = [writes, reads, hits, stale, refused].map(AtomicU64::into_inner);
    Found { writes, reads, hits, stale, refused_fills }
}

#[test]
fn nothing_older_than_its_source_is_read() {
    let ours = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
    let mut client = ours.client();
    call(&mut client, &["OWNERSHIP", "LINK", "page:<id>", "DERIVES", "user:<id>"]);
    call(&mut client, &["OWNERSHIP", "LINK", "user:<id>", "INVALIDATES", "feed:<id>:*"]);
    let found = run(&ours, Way::Rules);
    println!("stateless, rules and CLAIM: {found}");
    assert!(found.reads > 0 && found.hits > 0, "something was there to be read");
    assert_eq!(found.stale, 0, "{found:?}");
    let plain = run(&Tcp::redis().unwrap_or_else(|fault| panic!("{fault}")), Way::ByHand);
    println!("redis-server, deletes by hand: {plain}");
    assert!(plain.stale > 0, "the load finds what is stale: {plain:?}");
}

/// Writes and fills until the server is gone.
fn work_until_killed(server: &Tcp, seed: u64) {
    const FILL: &str = "local v = redis.call('GET', KEYS[1]) if v then redis.call('SET', KEYS[2], v) end";
    let (mut client, mut dice) = (server.client(), Dice(seed));
    for version in 1.. {
        let at = dice.below(SOURCES as u64);
        let (source, version, key) = (format!("user:{at}"), version.to_string(), derived(at, &mut dice));
        let words: &[&str] = match dice.below(5) {
            0 => &["DEL", &source],
            1 => &["SET", &source, &version],
            2 => &["EVAL", "redis.call('SET', ARGV[1], ARGV[2])", "0", &source, &version],
            _ => &["EVAL", FILL, "2", &source, &key],
        };
        if client.call(words).is_err() {
            return;
        }
    }
}

#[test]
fn a_server_that_is_killed_comes_back_with_nothing_stale_and_with_its_leases() {
    let dir = std::env::temp_dir().join(format!("ownership-kill-{}", std::process::id()));
    let mut last_token = 0;
    for round in 1..=3 {
        let options = ["--appendonly", "yes", "--appendfsync", "always"];
        let server = Tcp::ours_with(&dir, &options).unwrap_or_else(|fault| panic!("{fault}"));
        let mut client = server.client();
        if round == 1 {
            call(&mut client, &["OWNERSHIP", "LINK", "page:<id>", "DERIVES", "user:<id>"]);
            call(&mut client, &["OWNERSHIP", "LINK", "user:<id>", "INVALIDATES", "feed:<id>:*"]);
        } else {
            let refused = send(&mut client, &["SET", "job", "x"]);
            assert!(matches!(&refused, Reply::Error(line) if line.starts_with(b"OWNED by me")), "{refused:?}");
        }
        let Reply::Int(token) = call(&mut client, &["OWN", "job", "AS", "me", "EX", "600"]) else { panic!("no token") };
        assert!(token > last_token, "tokens grow over a restart");
        last_token = token;
        for at in 0..SOURCES as u64 {
            let source = number(&call(&mut client, &["GET", &format!("user:{at}")]));
            let keys = (0..FEEDS).map(|feed| format!("feed:{at}:{feed}")).chain([format!("page:{at}")]);
            for key in keys {
                let value = number(&call(&mut client, &["GET", &key]));
                assert!(value.is_none() || value == source, "round {round}: {key} is {value:?}, its source {source:?}");
            }
        }
        std::thread::scope(|scope| {
            for thread in 1..=3 {
                let server = &server;
                scope.spawn(move || work_until_killed(server, round * 1000 + thread));
            }
            std::thread::sleep(Duration::from_millis(300));
            let id = server.process_id().expect("it was started here").to_string();
            let killed = Command::new("kill").args(["-9", &id]).status();
            assert!(killed.is_ok_and(|status| status.success()));
        });
    }
    std::fs::remove_dir_all(&dir).expect("nobody uses it any more");
}
