//! Redis's own tools at this server: redis-cli's ways to look at a server, to fill one and to fetch its data, and
//! redis-benchmark with every test that it has.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use compat_tests::connection::Connection;
use compat_tests::seen;
use compat_tests::target::{Target, Tcp};

fn ours() -> Tcp {
    Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"))
}

fn call(client: &mut Connection, words: &[&str]) -> String {
    client.call(words).unwrap_or_else(|silence| panic!("{words:?}: {silence}")).to_cli().trim_end().to_owned()
}

fn tool(name: &str, server: &Tcp, words: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(["-h", "127.0.0.1", "-p", &server.address().port().to_string()]).args(words);
    command
}

/// What a tool writes to both of its outputs when it succeeds.
fn written(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{:?}: {text}", output.status);
    text
}

fn cli(server: &Tcp, words: &[&str]) -> String {
    written(&tool("redis-cli", server, words).output().expect("redis-cli"))
}

const LIBRARY: &str = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";

/// Keys of all types, one of each large.
fn fill(client: &mut Connection) {
    let words = |command: &str, key: &str, count: usize, step: &dyn Fn(usize) -> Vec<String>| {
        let mut words = vec![command.to_owned(), key.to_owned()];
        (0..count).for_each(|index| words.extend(step(index)));
        words
    };
    for (key, count) in [("small", 3), ("large", 500)] {
        for words in [
            words("RPUSH", &format!("list:{key}"), count, &|index| vec![format!("item {index}")]),
            words("SADD", &format!("set:{key}"), count, &|index| vec![format!("member {index}")]),
            words("HSET", &format!("hash:{key}"), count, &|index| vec![format!("field {index}"), "value".into()]),
            words("ZADD", &format!("zset:{key}"), count, &|index| vec![index.to_string(), format!("member {index}")]),
        ] {
            assert_eq!(client.call(&words).expect("a reply").to_cli().trim_end(), format!("(integer) {count}"));
        }
        for index in 0..count {
            call(client, &["XADD", &format!("stream:{key}"), &format!("1-{}", index + 1), "field", "value"]);
        }
        call(client, &["SET", &format!("string:{key}"), &"x".repeat(count)]);
    }
    call(client, &["SET", "with-deadline", "x", "PXAT", "33177117420000"]);
    call(client, &["FUNCTION", "LOAD", LIBRARY]);
}

/// A fresh server with this file as its snapshot.
fn with_file(file: &Path, name: &str) -> Tcp {
    let dir = std::env::temp_dir().join(format!("tools-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    fs::copy(file, dir.join("dump.rdb")).expect("the file was fetched");
    let server = Tcp::ours_in(&dir).unwrap_or_else(|fault| panic!("{fault}"));
    let mut client = server.client();
    compat_tests::until("it is loaded", || call(&mut client, &["INFO", "persistence"]).contains("nloading:0"));
    let _in_use = fs::remove_dir_all(dir);
    server
}

#[test]
fn redis_cli_fetches_a_snapshot() {
    let server = ours();
    let mut client = server.client();
    fill(&mut client);
    // More than is sent at once.
    call(&mut client, &["CONFIG", "SET", "rdbcompression", "no"]);
    for key in ["a", "b", "c"] {
        call(&mut client, &["SET", key, &key.repeat(5 << 20)]);
    }
    let file = std::env::temp_dir().join(format!("tools-{}.rdb", std::process::id()));
    let path = file.to_str().expect("a text");
    assert!(cli(&server, &["--rdb", path]).contains("Transfer finished with success"));
    let copy = with_file(&file, "rdb");
    assert_eq!(seen::all(&mut copy.client(), &["0"]), seen::all(&mut client, &["0"]));
    assert_eq!(call(&mut copy.client(), &["FCALL", "f", "0"]), "(integer) 1");

    assert!(cli(&server, &["--functions-rdb", path]).contains("Transfer finished with success"));
    let copy = with_file(&file, "functions");
    assert_eq!(call(&mut copy.client(), &["DBSIZE"]), "(integer) 0");
    assert_eq!(call(&mut copy.client(), &["FCALL", "f", "0"]), "(integer) 1");
    fs::remove_file(file).expect("it was fetched");
    // That somebody fetched one is no snapshot of the server's own.
    assert!(call(&mut client, &["INFO", "persistence"]).contains("rdb_saves:0"));
}

/// Also after a line that says which history the snapshot belongs to; and nothing is left behind by who goes early.
#[test]
fn a_snapshot_follows_psync_and_ends_the_connection() {
    let dir = std::env::temp_dir().join(format!("tools-{}-psync", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    let server = Tcp::ours_in(&dir).unwrap_or_else(|fault| panic!("{fault}"));
    let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
    stream.write_all(b"REPLCONF rdb-only 1\r\nPSYNC ? -1\r\n").expect("it reads");
    let mut reader = BufReader::new(stream);
    let mut lines = [String::new(), String::new(), String::new()];
    for line in &mut lines {
        reader.read_line(line).expect("a line");
    }
    let id = call(&mut server.client(), &["INFO", "replication"]);
    let id = id.split("master_replid:").nth(1).and_then(|rest| rest.split("\\r").next()).expect("it has one");
    assert_eq!(lines[0], "+OK\r\n");
    assert_eq!(lines[1], format!("+FULLRESYNC {id} 0\r\n"));
    let len: usize = lines[2].trim_start_matches('$').trim_end().parse().expect("a length");
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut rest).expect("the end");
    assert_eq!((rest.len(), &rest[..5]), (len, &b"REDIS"[..]));
    assert_eq!(fs::read_dir(&dir).expect("it is there").count(), 0);
    drop(server);
    let _left_behind = fs::remove_dir_all(dir);
}

#[test]
fn redis_cli_looks_for_large_and_hot_keys() {
    let server = ours();
    let mut client = server.client();
    fill(&mut client);
    let big = cli(&server, &["--bigkeys"]);
    for key in ["list:large", "set:large", "hash:large", "zset:large", "stream:large", "string:large"] {
        assert!(big.contains(&format!("'\"{key}\"' has 500 ")), "{key} in {big}");
    }
    let memory = cli(&server, &["--memkeys"]);
    assert!(memory.contains("zset:large") && memory.contains("Sampled 13 keys"), "{memory}");
    call(&mut client, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
    for _ in 0..50 {
        call(&mut client, &["GET", "string:small"]);
    }
    let hot = cli(&server, &["--hotkeys"]);
    assert!(hot.contains("\"string:small\""), "{hot}");
    // A mode of redis-cli 8.
    if String::from_utf8_lossy(&Command::new("redis-cli").arg("--help").output().expect("redis-cli").stdout)
        .contains("--keystats")
    {
        let stats = cli(&server, &["--keystats"]);
        assert!(stats.contains("zset:large"), "{stats}");
    }
}

#[test]
fn redis_cli_watches() {
    let server = ours();
    call(&mut server.client(), &["SET", "k", "v"]);
    let mut stat =
        tool("redis-cli", &server, &["--stat", "-i", "0.01"]).stdout(Stdio::piped()).spawn().expect("redis-cli");
    let lines = BufReader::new(stat.stdout.take().expect("it is piped")).lines();
    let lines: Vec<String> = lines.take(5).map(|line| line.expect("a line")).collect();
    stat.kill().expect("it runs until it is stopped");
    stat.wait().expect("it ended");
    assert!(lines[0].contains("data") && lines[1].contains("keys") && lines[3].starts_with("1 "), "{lines:?}");
    // No terminal: one line after a second, of the least, the most, the mean and the count.
    let latency = cli(&server, &["--latency", "--raw"]);
    let words: Vec<f64> = latency.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    assert!(words.len() == 4 && words[3] > 1.0, "{latency}");
}

#[test]
fn redis_cli_fills_a_server_by_a_pipe() {
    let server = ours();
    let requests: Vec<u8> =
        (0..20_000).flat_map(|n| format!("*3\r\n$3\r\nSET\r\n$6\r\nk{n:05}\r\n$1\r\nv\r\n").into_bytes()).collect();
    let mut pipe = tool("redis-cli", &server, &["--pipe"]);
    let mut pipe = pipe.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("redis-cli");
    pipe.stdin.take().expect("it is piped").write_all(&requests).expect("it reads");
    let said = written(&pipe.wait_with_output().expect("it ends"));
    assert!(said.contains("errors: 0, replies: 20000"), "{said}");
    assert_eq!(call(&mut server.client(), &["DBSIZE"]), "(integer) 20000");
}

#[test]
fn redis_benchmark_runs_all_that_it_has() {
    let server = ours();
    let tests = [
        "PING_INLINE",
        "PING_MBULK",
        "SET",
        "GET",
        "INCR",
        "LPUSH",
        "RPUSH",
        "LPOP",
        "RPOP",
        "SADD",
        "HSET",
        "SPOP",
        "ZADD",
        "ZPOPMIN",
        "LRANGE_100",
        "LRANGE_300",
        "LRANGE_500",
        "LRANGE_600",
        "MSET",
    ];
    for more in [&["-P", "1"][..], &["-P", "16", "-r", "1000"], &["--threads", "2"], &["-3"]] {
        let words = [&["-n", "300", "-c", "10", "-q"][..], more].concat();
        let said = written(&tool("redis-benchmark", &server, &words).output().expect("redis-benchmark"));
        assert!(!said.to_lowercase().contains("error"), "{said}");
        for test in tests {
            assert!(said.contains(&format!("{test}: ")) || said.contains(&format!("{test} (")), "{test} in {said}");
        }
    }
}
