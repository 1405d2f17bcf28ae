//! What clients see of keys, alike for every server that has the same data.

use std::fmt::Write;

use resp::Reply;

use crate::connection::Connection;

fn call<A: AsRef<[u8]>>(client: &mut Connection, argv: &[A]) -> Reply {
    client.call(argv).unwrap_or_else(|silence| panic!("{silence}"))
}

fn text(client: &mut Connection, words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    call(client, &words).to_cli().trim_end().to_owned()
}

/// All keys of some databases with all that can be seen of them, a paragraph each, by name.
pub fn all(client: &mut Connection, databases: &[&str]) -> String {
    let mut seen_of_all = String::new();
    for db in databases {
        call(client, &["SELECT", db]);
        let Reply::Array(keys) = call(client, &["KEYS", "*"]) else { panic!("KEYS answers a list") };
        let mut keys: Vec<String> =
            keys.iter().map(|key| String::from_utf8_lossy(key.as_bytes().unwrap_or_default()).into_owned()).collect();
        keys.sort();
        for key in keys {
            let _ = writeln!(seen_of_all, "{db} {key} {}", indented_alike(&seen(client, &key)));
        }
    }
    call(client, &["SELECT", "0"]);
    seen_of_all
}

/// All that a client can see of a key, in an order that does not depend on the server.
pub fn seen(client: &mut Connection, key: &str) -> String {
    let kind = text(client, &format!("TYPE {key}"));
    let (command, is_ordered) = match kind.as_str() {
        "string" => ("GET {}", true),
        "list" => ("LRANGE {} 0 -1", true),
        "set" => ("SMEMBERS {}", false),
        "zset" => ("ZRANGE {} 0 -1 WITHSCORES", true),
        "hash" => ("HGETALL {}", false),
        "stream" => ("XRANGE {} - +", true),
        _ => return kind,
    };
    let words: Vec<String> = command.split(' ').map(|word| word.replace("{}", key)).collect();
    let mut parts = match call(client, &words) {
        Reply::Array(elements) => elements,
        one => vec![one],
    };
    if kind == "hash" {
        parts = parts.chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect();
    }
    let mut lines: Vec<String> = parts.iter().map(Reply::to_cli).collect();
    if !is_ordered {
        lines.sort();
    }
    let mut seen = format!("{kind} {} {}", text(client, &format!("PEXPIRETIME {key}")), lines.concat());
    if kind == "stream" {
        seen.push_str(&without_internals(&text(client, &format!("XINFO STREAM {key} FULL COUNT 0"))));
    }
    seen
}

/// How many nodes a stream has is each server's own; when a consumer was seen or active is told of the time of a
/// load by some, where commands are run again.
fn without_internals(info: &str) -> String {
    let mut kept = String::new();
    let mut lines = info.lines();
    while let Some(line) = lines.next() {
        if ["radix-tree", "seen-time", "active-time"].iter().any(|name| line.contains(name)) {
            lines.next();
            continue;
        }
        let line = indented_alike(line);
        let _ = writeln!(kept, "{}", line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    kept
}

/// A list of ten elements is indented by one more than one of eight; all are as if they had fewer than ten.
pub fn indented_alike(line: &str) -> String {
    let mut line = line.to_owned();
    while line.contains(")  ") {
        line = line.replace(")  ", ") ");
    }
    line
}
