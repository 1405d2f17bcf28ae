//! The audit log: what it tells and what it must not, that it is whole, and what happens when it cannot be written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use compat_tests::connection::Connection;
use compat_tests::target::{Target, Tcp, our_binary};
use compat_tests::until;
use resp::Reply;

/// A directory that goes with its test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("compat-tests-audit-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn serve(&self, options: &[&str]) -> Tcp {
        let words: Vec<&str> = ["--audit-log-file", "audit.log"].iter().chain(options).copied().collect();
        Tcp::ours_with(&self.0, &words).expect("the server")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

const ALL: &str = "conn auth acl-deny admin config script write read";

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        reply => String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned(),
    }
}

fn ask(client: &mut Connection, words: &[&str]) -> String {
    text(&client.call(words).expect("it answers"))
}

/// Lets the server write all and end.
fn end(mut server: Tcp, mut client: Connection) {
    client.send(&["SHUTDOWN", "NOSAVE", "NOW"]);
    server.wait_for_end();
}

/// Whether the files are one chain, by the server's own checker.
fn check(files: &[&Path]) -> Result<String, String> {
    let output =
        Command::new(our_binary().expect("a server")).arg("--check-audit").args(files).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Whether a line is one JSON object of strings, numbers and lists of strings.
fn is_json(line: &str) -> bool {
    fn string(rest: &str) -> Option<&str> {
        let mut rest = rest.strip_prefix('"')?;
        loop {
            let at = rest.find(['"', '\\'])?;
            if rest[..at].chars().any(|letter| letter.is_control()) {
                return None;
            }
            if rest[at..].starts_with('"') {
                return Some(&rest[at + 1..]);
            }
            let escape = rest[at + 1..].chars().next()?;
            let len = if escape == 'u' { 5 } else { 1 };
            rest = rest.get(at + 1 + len..).filter(|_| "\"\\nrtu".contains(escape))?;
        }
    }
    fn value(rest: &str) -> Option<&str> {
        if let Some(mut rest) = rest.strip_prefix('[') {
            loop {
                rest = string(rest)?;
                match rest.strip_prefix(',') {
                    Some(more) => rest = more,
                    None => return rest.strip_prefix(']'),
                }
            }
        }
        let digits = rest.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').count();
        if digits > 0 { Some(&rest[digits..]) } else { string(rest) }
    }
    fn object(line: &str) -> Option<&str> {
        let mut rest = line.strip_prefix('{')?;
        loop {
            rest = value(string(rest)?.strip_prefix(':')?)?;
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return rest.strip_prefix('}'),
            }
        }
    }
    object(line) == Some("")
}

#[test]
fn it_tells_who_did_what_and_no_secret() {
    let dir = Dir::new();
    let server = dir.serve(&["--audit-log-classes", ALL, "--slowlog-log-slower-than", "0"]);
    let (mut client, mut watcher) = (server.client(), server.client());
    assert_eq!(ask(&mut watcher, &["MONITOR"]), "OK");
    ask(&mut client, &["ACL", "SETUSER", "bob", "on", ">planted1", "~a*", "+@all", "-flushall"]);
    ask(&mut client, &["AUTH", "bob", "planted2"]);
    ask(&mut client, &["AUTH", "bob", "planted1"]);
    assert!(ask(&mut client, &["GET", "b"]).starts_with("NOPERM"));
    assert!(ask(&mut client, &["FLUSHALL"]).starts_with("NOPERM"));
    ask(&mut client, &["SET", "a\n\"\u{1b}[2J", "planted3"]);
    client.call(&[&b"GET"[..], b"a\xff\0"]).expect("it answers");
    ask(&mut client, &["LPUSH", "a", "x"]);
    assert!(ask(&mut client, &["INCR", "a"]).starts_with("WRONGTYPE"));
    ask(&mut client, &["EVAL", "return 'planted4'", "1", "akey", "planted5"]);
    ask(&mut client, &["FUNCTION", "LOAD", "#!lua name=planted6"]);
    ask(&mut client, &["CONFIG", "SET", "masterauth", "planted7", "maxmemory-samples", "7"]);
    ask(&mut client, &["CONFIG", "SET", "nope", "1"]);
    ask(&mut client, &["CONFIG", "SET", "requirepass", "planted8"]);
    ask(&mut client, &["HELLO", "2", "AUTH", "default", "planted8"]);
    ask(&mut client, &["MULTI"]);
    ask(&mut client, &["SET", "atx", "planted9"]);
    ask(&mut client, &["EXEC"]);
    let slow = ask(&mut client, &["SLOWLOG", "GET", "100"]);
    ask(&mut client, &["SET", "the-last", "1"]);
    let mut seen = String::new();
    while !seen.contains("the-last") {
        seen.push_str(&text(&watcher.read(Duration::from_secs(10)).expect("it shows all")));
    }
    end(server, client);

    let log = fs::read_to_string(dir.file("audit.log")).expect("the audit log");
    assert!(!log.contains("planted"), "{log}");
    for secret in ["planted1", "planted2", "planted7", "planted8"] {
        assert!(!seen.contains(secret), "{secret} in MONITOR");
        assert!(!slow.contains(secret), "{secret} in SLOWLOG");
    }
    for line in log.lines() {
        assert!(is_json(line), "{line}");
    }
    let tells = |parts: &[&str]| {
        let is_told = log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(is_told, "{parts:?} in\n{log}");
    };
    tells(&[r#""event":"conn""#, r#""cmd":"connect""#, r#""addr":"127.0.0.1:"#]);
    tells(&[r#""event":"conn""#, r#""cmd":"disconnect""#]);
    tells(&[r#""event":"auth""#, r#""outcome":"denied""#, r#""user":"bob""#]);
    tells(&[r#""event":"auth""#, r#""outcome":"ok""#, r#""user":"bob""#]);
    tells(&[r#""event":"acl-deny""#, r#""cmd":"get""#, r#""reason":"key""#, r#""keys":["b"]"#]);
    tells(&[r#""event":"acl-deny""#, r#""cmd":"flushall""#, r#""reason":"command""#]);
    tells(&[r#""event":"admin""#, r#""cmd":"acl|setuser""#, "(redacted)"]);
    tells(&[
        r#""event":"config""#,
        r#""outcome":"ok""#,
        r#""args":["masterauth","(redacted)","maxmemory-samples","7"]"#,
    ]);
    tells(&[r#""event":"config""#, r#""outcome":"error""#, r#""args":["nope","1"]"#]);
    tells(&[r#""event":"script""#, r#""cmd":"eval""#, "sha256:", r#""keys":["akey"]"#]);
    tells(&[r#""event":"write""#, r#""outcome":"ok""#, r#""keys":["a\n\"\u001b[2J"]"#, r#""ms":"#]);
    tells(&[r#""event":"read""#, r#""keys":["a\\xff\u0000"]"#]);
    tells(&[r#""event":"write""#, r#""cmd":"incr""#, r#""outcome":"error""#]);
    tells(&[r#""event":"write""#, r#""keys":["atx"]"#]);
    tells(&[r#""cmd":"audit-log stop""#]);
    check(&[&dir.file("audit.log")]).expect("a chain");

    // What was changed is found.
    fs::write(dir.file("changed.log"), log.replacen(r#""user":"bob""#, r#""user":"bop""#, 1)).expect("room");
    assert!(check(&[&dir.file("changed.log")]).is_err());
}

#[test]
fn it_goes_on_over_rotation_and_death() {
    let dir = Dir::new();
    let server = dir.serve(&["--audit-log-classes", "write", "--hide-user-data-from-log", "yes"]);
    let mut client = server.client();
    let told =
        |name: &str| fs::read_to_string(dir.file(name)).unwrap_or_default().matches(r#""event":"write""#).count();
    for number in 0..100 {
        ask(&mut client, &["SET", &format!("key:{number}"), "1"]);
    }
    until("100 are told", || told("audit.log") == 100);
    assert!(!fs::read_to_string(dir.file("audit.log")).expect("it is there").contains("key:"));
    fs::rename(dir.file("audit.log"), dir.file("audit.1")).expect("it is there");
    let id = server.process_id().expect("it was started here").to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
    until("a new file", || dir.file("audit.log").exists());
    for _ in 0..100 {
        ask(&mut client, &["SET", "k", "1"]);
    }
    until("200 are told", || told("audit.1") + told("audit.log") == 200);
    assert!(Command::new("kill").args(["-KILL", &id]).status().expect("kill").success());
    drop(server);

    // A write that was cut off goes; the chain goes on.
    let mut torn = fs::read(dir.file("audit.log")).expect("it is there");
    torn.extend_from_slice(b"{\"seq\":9");
    fs::write(dir.file("audit.log"), torn).expect("room");
    let server = dir.serve(&["--audit-log-classes", "write"]);
    let mut client = server.client();
    ask(&mut client, &["SET", "k", "1"]);
    end(server, client);
    check(&[&dir.file("audit.1"), &dir.file("audit.log")]).expect("a chain");
    assert!(check(&[&dir.file("audit.log"), &dir.file("audit.1")]).is_err());
    let log = fs::read_to_string(dir.file("audit.log")).expect("it is there");
    assert!(log.contains("audit-log cut") && log.contains("audit-log stop"), "{log}");
}

#[test]
fn a_full_disk_shuts_what_must_be_told_or_nothing() {
    let dir = Dir::new();
    let options =
        ["--audit-log-file", "/dev/full", "--audit-log-policy", "closed", "--audit-log-classes", "config script"];
    let server = dir.serve(&options);
    let mut client = server.client();
    until("it is shut", || ask(&mut client, &["EVAL", "return 1", "0"]).starts_with("MISCONF The audit log"));
    assert!(ask(&mut client, &["CONFIG", "SET", "maxmemory-samples", "7"]).starts_with("MISCONF"));
    assert_eq!(ask(&mut client, &["SET", "k", "1"]), "OK");
    assert_eq!(ask(&mut client, &["GET", "k"]), "1");
    end(server, client);

    let open = Dir::new();
    let server = open.serve(&["--audit-log-file", "/dev/full"]);
    let mut client = server.client();
    for _ in 0..10 {
        assert_eq!(ask(&mut client, &["CONFIG", "SET", "maxmemory-samples", "7"]), "OK");
    }
    end(server, client);
}

#[test]
fn wrong_settings_are_refused() {
    let dir = Dir::new();
    let server = dir.serve(&[]);
    let mut client = server.client();
    let reply = ask(&mut client, &["CONFIG", "SET", "audit-log-classes", "conn nope"]);
    assert!(reply.contains("'nope' is no class of events"), "{reply}");
    assert!(ask(&mut client, &["CONFIG", "SET", "audit-log-file", "x"]).contains("immutable"));
    assert_eq!(ask(&mut client, &["CONFIG", "SET", "audit-log-classes", "write read"]), "OK");
    let refused = Tcp::ours_with(&dir.0, &["--audit-log-file", "/nonexistent/audit.log"]);
    assert!(refused.is_err());
    assert!(Tcp::ours_with(&dir.0, &["--audit-log-classes", "nope"]).is_err());
}
