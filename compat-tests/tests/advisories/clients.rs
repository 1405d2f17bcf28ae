//! Connections that are not what they seem: unknown to the server, gone in the midst of something, or deaf.

use std::time::Duration;

use compat_tests::connection::Connection;

use super::{BYTES_MAX, Watched, memory, text};

const PATIENCE: Duration = Duration::from_secs(20);

fn raw(client: &mut Connection, bytes: &[u8]) -> String {
    client.send_raw(bytes);
    match client.read(PATIENCE) {
        Ok(reply) => reply.to_cli(),
        Err(silence) => silence.to_string(),
    }
}

/// Before AUTH a request may be ten words of 16 KB.
#[test]
fn strangers_cannot_announce_much() {
    let mut watched = Watched::new();
    assert_eq!(text(&mut watched.client, &["CONFIG", "SET", "requirepass", "secret"]), "OK");
    for (advisory, bytes, answer) in [
        ("CVE-2021-32675", &b"*1000000\r\n"[..], "unauthenticated multibulk length"),
        ("CVE-2021-32675", b"*2\r\n$536870912\r\n", "unauthenticated bulk length"),
        ("CVE-2026-27623", b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", "NOAUTH"),
        ("CVE-2026-27623", b"\r\n\r\n*0\r\nPING\r\n", "NOAUTH"),
        ("cross-protocol", b"POST / HTTP/1.1\r\n\r\nFLUSHALL\r\n", "closed"),
        ("cross-protocol", b"Host: x\r\n\r\nFLUSHALL\r\n", "closed"),
        ("lengths", b"*1\r\n$-5\r\n", "invalid bulk length"),
        ("lengths", b"*9223372036854775808\r\n", "invalid multibulk length"),
        ("lengths", b"*1\r\n$9223372036854775808\r\n", "invalid bulk length"),
    ] {
        let mut stranger = watched.connect();
        let reply = raw(&mut stranger, bytes);
        assert!(reply.contains(answer), "{advisory}, {bytes:?}: {reply}");
    }
    watched.end();
}

/// Who sends requests and reads no replies, before AUTH or after it, is not read from either.
#[test]
fn the_deaf_take_no_memory() {
    let mut watched = Watched::new();
    let before = memory(&mut watched.other);
    let flood = |watched: &mut Watched, request: &[u8]| {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(watched.server.address()).expect("it listens");
        stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a time");
        let requests = request.repeat(64 * 1024 / request.len());
        // Until the server reads no more.
        while stream.write_all(&requests).is_ok() {}
        let grown = memory(&mut watched.other).saturating_sub(before);
        assert!(grown <= 2 * BYTES_MAX, "{grown} bytes after {}", String::from_utf8_lossy(request));
        assert_eq!(text(&mut watched.other, &["PING"]), "PONG");
        drop(stream);
    };
    text(&mut watched.client, &["SET", "large", &"x".repeat(1 << 20)]);
    flood(&mut watched, b"GET large\r\n");
    flood(&mut watched, b"PING\r\n");
    // Those who are in already need no password.
    assert_eq!(text(&mut watched.client, &["CONFIG", "SET", "requirepass", "secret"]), "OK");
    flood(&mut watched, b"GET large\r\n");
    watched.end();
}

/// Clients that are killed while something happens to them.
#[test]
fn clients_end_in_the_midst_of_things() {
    let mut watched = Watched::new();
    for (advisory, busy, then) in [
        ("#15094", &["SSUBSCRIBE ch"][..], &["MULTI", "CLIENT KILL ID ${id}", "SPUBLISH ch x", "EXEC"][..]),
        ("#15094", &["SUBSCRIBE ch"], &["MULTI", "CLIENT KILL ID ${id}", "PUBLISH ch x", "EXEC"]),
        ("CVE-2026-23479", &["BLPOP q 0"], &["MULTI", "CLIENT KILL ID ${id}", "RPUSH q x", "EXEC"]),
        ("CVE-2026-23479", &["BLPOP q 0"], &["MULTI", "RPUSH q x", "CLIENT KILL ID ${id}", "EXEC"]),
        ("CVE-2026-23479", &["BLMOVE q q LEFT LEFT 0"], &["RPUSH q x", "CLIENT KILL ID ${id}"]),
        ("kill", &["MULTI", "SET a b"], &["CLIENT KILL ID ${id}"]),
        ("kill", &["WATCH a"], &["MULTI", "SET a b", "CLIENT KILL ID ${id}", "EXEC"]),
        ("kill", &["MONITOR"], &["MULTI", "CLIENT KILL ID ${id}", "SET a b", "EXEC"]),
        ("kill", &["CLIENT TRACKING ON", "GET a"], &["MULTI", "CLIENT KILL ID ${id}", "SET a b", "EXEC"]),
        ("#3800", &["AUTH gone any", "BLPOP q 0"], &["ACL DELUSER gone", "RPUSH q x"]),
        ("#3800", &["AUTH gone any", "SUBSCRIBE ch"], &["MULTI", "ACL DELUSER gone", "PUBLISH ch x", "EXEC"]),
    ] {
        text(&mut watched.client, &["FLUSHALL"]);
        text(&mut watched.client, &["ACL", "SETUSER", "gone", "on", "nopass", "+@all", "~*", "&*"]);
        let mut victim = watched.connect();
        let id = text(&mut victim, &["CLIENT", "ID"]).replace("(integer) ", "");
        for request in busy {
            victim.send(&request.split(' ').collect::<Vec<_>>());
        }
        let last = busy.last().and_then(|request| request.split(' ').next()).unwrap_or_default().to_lowercase();
        compat_tests::until("its last request has run", || {
            text(&mut watched.other, &["CLIENT", "LIST", "ID", &id]).contains(&format!(" cmd={last}"))
        });
        for request in then {
            let request = request.replace("${id}", &id);
            let reply = text(&mut watched.client, &request.split(' ').collect::<Vec<_>>());
            assert!(!reply.starts_with("(error)"), "{advisory}, {request}: {reply}");
        }
        // All that it was sent, and then the end.
        while victim.read(PATIENCE).is_ok() {}
        assert_eq!(text(&mut watched.client, &["ECHO", "in step"]), "\"in step\"", "{advisory}");
        assert_eq!(text(&mut watched.other, &["CLIENT", "LIST", "ID", &id]), "\"\"", "{advisory}");
    }
    // Itself, in a transaction and alone: the reply comes before the end.
    for in_transaction in [true, false] {
        let mut own = watched.connect();
        let id = text(&mut own, &["CLIENT", "ID"]).replace("(integer) ", "");
        let kill = ["CLIENT", "KILL", "ID", &id, "SKIPME", "no"];
        if in_transaction {
            text(&mut own, &["MULTI"]);
            text(&mut own, &kill);
            assert_eq!(text(&mut own, &["EXEC"]), "1) (integer) 1");
        } else {
            assert_eq!(text(&mut own, &kill), "(integer) 1");
        }
        assert!(own.read(PATIENCE).is_err());
    }
    watched.end();
}
