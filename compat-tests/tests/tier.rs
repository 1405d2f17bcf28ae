//! The warm tier of a real server: memory keeps its limit, nothing is lost, snapshots and restarts have it all.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use compat_tests::connection::Connection;
use compat_tests::rng::Rng;
use compat_tests::target::{Target, Tcp};
use resp::Reply;

const VALUE_LEN: usize = 1000;

fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tier-{}-{name}", std::process::id()));
    let _not_there = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory for the test");
    dir
}

fn server(dir: &std::path::Path, settings: &[&str]) -> Tcp {
    let tier = dir.join("tier").display().to_string();
    let settings: Vec<&str> = ["--warm-tier-path", &tier].into_iter().chain(settings.iter().copied()).collect();
    Tcp::ours_with(dir, &settings).unwrap_or_else(|fault| panic!("{fault}"))
}

fn text(client: &mut Connection, words: &str) -> String {
    client.words(words).map_or_else(|silence| silence.to_string(), |reply| reply.to_cli().trim_end().to_owned())
}

fn field(client: &mut Connection, name: &str) -> u64 {
    let Ok(Reply::Bulk(info)) = client.words("INFO everything") else { panic!("INFO answers no text") };
    let info = String::from_utf8_lossy(&info).into_owned();
    let found = info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    found.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no number {name} in {info}"))
}

fn value(number: usize) -> Vec<u8> {
    let mut value = number.to_string().into_bytes();
    value.resize(VALUE_LEN, b'a' + (number % 26) as u8);
    value
}

fn fill(client: &mut Connection, keys: std::ops::Range<usize>) {
    for number in keys {
        let reply = client.call(&[b"SET", format!("key:{number}").as_bytes(), &value(number)]);
        assert_eq!(reply.expect("an answer"), Reply::Simple(b"OK".to_vec()), "key {number}");
    }
}

/// One of each type.
fn fill_collections(client: &mut Connection) {
    for number in 0..200 {
        text(client, &format!("RPUSH list {number} {}", "e".repeat(number)));
        text(client, &format!("HSET hash f{number} {}", "v".repeat(number)));
        text(client, &format!("SADD set {number} {}", "m".repeat(number + 1)));
        text(client, &format!("ZADD zset {number} {}", "m".repeat(number + 1)));
        text(client, &format!("XADD stream * f {}", "v".repeat(number)));
    }
}

fn has_all(client: &mut Connection, keys: std::ops::Range<usize>) {
    for number in keys {
        let reply = client.call(&[b"GET", format!("key:{number}").as_bytes()]).expect("an answer");
        assert_eq!(reply, Reply::Bulk(value(number)), "key {number}");
    }
}

/// A limit so far above what the server uses now.
fn limit(client: &mut Connection, bytes: u64) {
    let limit = field(client, "used_memory") + bytes;
    assert_eq!(text(client, &format!("CONFIG SET maxmemory {limit}")), "OK");
}

#[test]
fn four_times_the_memory_is_there_and_eviction_comes_only_when_the_tier_is_full() {
    let dir = dir("limits");
    let server = server(&dir, &["--maxmemory-policy", "allkeys-lru"]);
    let mut client = server.client();
    limit(&mut client, 3 << 20);
    fill(&mut client, 0..12_000);
    assert_eq!((field(&mut client, "evicted_keys"), text(&mut client, "DBSIZE")), (0, "(integer) 12000".into()));
    let (used, max) = (field(&mut client, "used_memory"), field(&mut client, "maxmemory"));
    assert!(used < max + (1 << 20), "{used} of {max}");
    assert!(field(&mut client, "tier_keys") > 8000);
    let mut rng = Rng::new(3);
    for _ in 0..3000 {
        let number = rng.below(12_000);
        has_all(&mut client, number..number + 1);
    }
    has_all(&mut client, 0..12_000);
    for _ in 0..3 {
        // What is asked for twice comes back.
        has_all(&mut client, 0..3);
    }
    assert_eq!(text(&mut client, "OBJECT TIER key:1"), "\"memory\"");
    assert!(field(&mut client, "tier_promotions") > 0);
    fill(&mut client, 0..12_000);
    has_all(&mut client, 0..12_000);
    text(&mut client, "CONFIG SET warm-tier-max-size 8mb");
    fill(&mut client, 12_000..30_000);
    assert!(field(&mut client, "evicted_keys") > 5000);
    assert!(field(&mut client, "tier_file_bytes") < 20 << 20);
    text(&mut client, "FLUSHALL");
    let start = Instant::now();
    while field(&mut client, "tier_files") > 1 {
        assert!(start.elapsed() < Duration::from_secs(20), "files of keys that are gone are removed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(field(&mut client, "tier_keys"), 0);
    drop(server);
    let _left_behind = std::fs::remove_dir_all(&dir);
}

#[test]
fn without_eviction_a_full_tier_refuses_what_would_grow() {
    let dir = dir("refuses");
    let server = server(&dir, &["--warm-tier-max-size", "4mb"]);
    let mut client = server.client();
    limit(&mut client, 3 << 20);
    let mut number = 0;
    let refusal = loop {
        let reply = client.call(&[b"SET", format!("key:{number}").as_bytes(), &value(number)]).expect("an answer");
        if let Reply::Error(line) = reply {
            break String::from_utf8_lossy(&line).into_owned();
        }
        number += 1;
        assert!(number < 20_000, "7 MB hold no 20");
    };
    assert!(refusal.starts_with("OOM "), "{refusal}");
    assert!(number > 5000, "{number}");
    has_all(&mut client, 0..number);
    drop(server);
    let _left_behind = std::fs::remove_dir_all(&dir);
}

/// A snapshot while values come and go, and a start that has to move values out as it loads.
#[test]
fn snapshots_and_restarts_have_what_was_moved() {
    let dir = dir("snapshots");
    for settings in [&["--dbfilename", "dump.rdb"][..], &["--appendonly", "yes"]] {
        let is_logged = settings[0] == "--appendonly";
        {
            let server = server(&dir, settings);
            let mut client = server.client();
            // The log keeps what is not synced yet in memory, too.
            limit(&mut client, 6 << 20);
            fill(&mut client, 0..6000);
            fill_collections(&mut client);
            assert!(text(&mut client, "DEBUG COOL").starts_with("(integer) "));
            let digest = text(&mut client, "DEBUG DIGEST");
            if is_logged {
                assert!(text(&mut client, "BGREWRITEAOF").contains("rewriting"));
                fill(&mut client, 6000..6500);
            } else {
                assert_eq!(text(&mut client, "SAVE"), "OK");
            }
            let keys = if is_logged { 6500 } else { 6000 };
            has_all(&mut client, 0..keys);
            let now = text(&mut client, "DEBUG DIGEST");
            assert_eq!(now == digest, !is_logged);
            std::fs::write(dir.join("digest"), now).expect("a file");
        }
        let before = std::fs::read_to_string(dir.join("digest")).expect("a file");
        let settings: Vec<&str> = settings.iter().copied().chain(["--maxmemory", "7mb"]).collect();
        let server = server(&dir, &settings);
        let mut client = server.client();
        while field(&mut client, "loading") != 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(text(&mut client, "DEBUG DIGEST"), before);
        has_all(&mut client, 0..6000);
        let _removed = std::fs::remove_file(dir.join("dump.rdb"));
        text(&mut client, "FLUSHALL");
    }
    let _left_behind = std::fs::remove_dir_all(&dir);
}

#[test]
fn keys_whose_values_were_moved_migrate() {
    let (dir, other) = (dir("migrates"), dir("migrated"));
    let (from, to) = (server(&dir, &[]), server(&other, &[]));
    let (mut client, mut target) = (from.client(), to.client());
    fill(&mut client, 0..300);
    fill_collections(&mut client);
    let digest = text(&mut client, "DEBUG DIGEST");
    let port = to.address().port().to_string();
    let names: Vec<String> = (0..300).map(|number| format!("key:{number}")).collect();
    let collections = ["list", "hash", "set", "zset", "stream"];
    let head = [&b"MIGRATE"[..], b"127.0.0.1", port.as_bytes(), b"", b"0", b"20000"];
    for options in [&[&b"COPY"[..], b"KEYS"][..], &[b"REPLACE", b"KEYS"]] {
        assert!(text(&mut client, "DEBUG COOL").starts_with("(integer) "));
        assert_eq!(text(&mut client, "OBJECT TIER stream"), "\"warm\"");
        let keys = names.iter().map(String::as_bytes).chain(collections.iter().map(|name| name.as_bytes()));
        let words: Vec<&[u8]> = head.iter().copied().chain(options.iter().copied()).chain(keys).collect();
        assert_eq!(client.call(&words).expect("an answer"), Reply::Simple(b"OK".to_vec()));
        assert_eq!(text(&mut target, "DEBUG DIGEST"), digest);
        has_all(&mut target, 0..300);
    }
    assert_eq!(text(&mut client, "DBSIZE"), "(integer) 0");
    drop((from, to));
    for dir in [dir, other] {
        let _left_behind = std::fs::remove_dir_all(dir);
    }
}

#[test]
fn a_damaged_file_is_an_error_for_its_keys_alone() {
    let dir = dir("damage");
    let server = server(&dir, &[]);
    let mut client = server.client();
    fill(&mut client, 0..500);
    text(&mut client, "DEBUG COOL");
    let start = Instant::now();
    while field(&mut client, "tier_pending_bytes") > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "they are written");
        std::thread::sleep(Duration::from_millis(5));
    }
    let files = std::fs::read_dir(dir.join("tier")).expect("the tier's directory");
    let file = files.flatten().map(|file| file.path()).next().expect("a file");
    let len = std::fs::metadata(&file).expect("it is there").len();
    std::fs::OpenOptions::new().write(true).open(&file).and_then(|file| file.set_len(len / 2)).expect("it is cut");
    let (mut sound, mut lost) = (0, 0);
    for number in 0..500 {
        match client.call(&[b"GET", format!("key:{number}").as_bytes()]).expect("an answer") {
            Reply::Bulk(found) => {
                assert_eq!(found, value(number));
                sound += 1;
            }
            Reply::Error(line) => {
                let line = String::from_utf8_lossy(&line).into_owned();
                assert!(line.starts_with(&format!("IOERR the value of key 'key:{number}' cannot be read")), "{line}");
                lost += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(sound > 200 && lost > 200, "{sound} and {lost}");
    assert!(text(&mut client, "SAVE").contains("ERR"), "a snapshot does not leave keys out");
    fill(&mut client, 0..500);
    has_all(&mut client, 0..500);
    assert_eq!(text(&mut client, "SAVE"), "OK");
    drop(server);
    let _left_behind = std::fs::remove_dir_all(&dir);
}
