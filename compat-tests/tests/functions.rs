//! Libraries of functions go to and from Redis, and survive a restart.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use compat_tests::connection::Connection;
use compat_tests::target::{Target, Tcp};
use resp::Reply;

/// One that compresses, and one that does not.
const LIBRARIES: [&str; 2] = [
    "#!lua name=counters\nlocal function add(key, by) return redis.call('INCRBY', key, by) end\n\
     redis.register_function('add', function(keys, args) return add(keys[1], args[1]) end)\n\
     redis.register_function{function_name='look', callback=function(keys) return redis.call('GET', keys[1]) end, \
     flags={'no-writes', 'allow-oom', 'allow-stale', 'no-cluster', 'allow-cross-slot-keys'}, description='Looks.'}",
    "#!LUA name=\"x\"\nredis.register_function('X', function() return 1 end)",
];

fn started(server: Result<Tcp, String>) -> Tcp {
    let server = server.unwrap_or_else(|fault| panic!("{fault}"));
    let (mut client, start) = (server.client(), Instant::now());
    while text(&mut client, &["PING"]).contains("LOADING") {
        assert!(start.elapsed() < Duration::from_secs(10), "the load takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
    server
}

fn call<A: AsRef<[u8]>>(client: &mut Connection, argv: &[A]) -> Reply {
    client.call(argv).unwrap_or_else(|silence| panic!("{silence}"))
}

fn text<A: AsRef<[u8]>>(client: &mut Connection, argv: &[A]) -> String {
    call(client, argv).to_cli().trim_end().to_owned()
}

fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("functions-{}-{name}", std::process::id()));
    let _not_there = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory for the test");
    dir
}

/// What clients see of all libraries. Redis lists them, and their functions, in no order.
fn seen(client: &mut Connection) -> Vec<String> {
    let mut lines: Vec<String> = text(client, &["FUNCTION", "LIST", "WITHCODE"])
        .lines()
        .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ')' || c == ' ').to_owned())
        .collect();
    lines.sort_unstable();
    lines.push(text(client, &["FCALL", "Add", "1", "n", "2"]));
    lines.push(text(client, &["FCALL_RO", "LOOK", "1", "n"]));
    lines.push(text(client, &["FCALL", "x", "0"]));
    lines.push(text(client, &["DEL", "n"]));
    lines
}

fn fill(client: &mut Connection) -> Vec<String> {
    for library in LIBRARIES {
        let loaded = call(client, &["FUNCTION", "LOAD", library]);
        assert!(!matches!(loaded, Reply::Error(_)), "{loaded:?}");
    }
    seen(client)
}

fn restore(client: &mut Connection, payload: &Reply, policy: &[&str]) -> String {
    let mut argv: Vec<&[u8]> = vec![b"FUNCTION", b"RESTORE", payload.as_bytes().expect("a string")];
    argv.extend(policy.iter().map(|word| word.as_bytes()));
    text(client, &argv)
}

#[test]
fn dumps_go_both_ways() {
    let (theirs, ours) = (started(Tcp::redis()), started(Tcp::ours()));
    let (mut theirs, mut ours) = (theirs.client(), ours.client());
    let expected = fill(&mut theirs);
    let payload = call(&mut theirs, &["FUNCTION", "DUMP"]);
    assert_eq!(restore(&mut ours, &payload, &["FLUSH"]), "OK");
    assert_eq!(seen(&mut ours), expected);
    let payload = call(&mut ours, &["FUNCTION", "DUMP"]);
    assert_eq!(text(&mut theirs, &["FUNCTION", "FLUSH"]), "OK");
    assert_eq!(restore(&mut theirs, &payload, &[]), "OK");
    assert_eq!(seen(&mut theirs), expected);
}

#[test]
fn files_go_both_ways() {
    let dir = dir("files");
    let theirs = started(Tcp::redis_in(&dir));
    let expected = fill(&mut theirs.client());
    assert_eq!(text(&mut theirs.client(), &["SAVE"]), "OK");
    drop(theirs);
    let ours = started(Tcp::ours_in(&dir));
    assert_eq!(seen(&mut ours.client()), expected);
    assert_eq!(text(&mut ours.client(), &["SAVE"]), "OK");
    drop(ours);
    assert_eq!(seen(&mut started(Tcp::redis_in(&dir)).client()), expected);
    let _left_behind = fs::remove_dir_all(dir);
}

/// From `key:value` lines.
fn field(client: &mut Connection, section: &str, name: &str) -> String {
    let info = call(client, &["INFO", section]);
    let info = String::from_utf8_lossy(info.as_bytes().expect("a text")).into_owned();
    let found = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")[..]).map(str::to_owned));
    found.unwrap_or_else(|| panic!("INFO {section} has no {name}"))
}

fn wait_for(client: &mut Connection, section: &str, name: &str, value: &str) {
    let start = Instant::now();
    while field(client, section, name) != value {
        assert!(start.elapsed() < Duration::from_secs(10), "{name} is not {value}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_log_keeps_them() {
    let dir = dir("log");
    let with_log = |dir| started(Tcp::ours_with(dir, &["--appendonly", "yes"]));
    let server = with_log(&dir);
    let mut client = server.client();
    // In the end one library is in the base, one behind it, and one went.
    let expected = fill(&mut client);
    assert_eq!(text(&mut client, &["FUNCTION", "DELETE", "x"]), "OK");
    assert!(text(&mut client, &["BGREWRITEAOF"]).contains("started"));
    wait_for(&mut client, "persistence", "aof_rewrite_in_progress", "0");
    call(&mut client, &["FUNCTION", "LOAD", LIBRARIES[1]]);
    call(&mut client, &["FUNCTION", "LOAD", "#!lua name=gone\nredis.register_function('gone', function() end)"]);
    call(&mut client, &["FUNCTION", "DELETE", "gone"]);
    assert_eq!(field(&mut client, "memory", "number_of_functions"), "3");
    drop(server);
    assert_eq!(seen(&mut with_log(&dir).client()), expected);
    let _left_behind = fs::remove_dir_all(dir);
}
