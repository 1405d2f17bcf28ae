//! Clients that do harm, or would like to: each costs itself a connection, and nobody else anything.

use std::thread;

use compat_tests::until;

use super::{Server, get, post};

/// Everybody else is served, and nothing is left.
fn is_well(server: &Server) {
    assert_eq!(server.cli("PING"), "PONG");
    assert_eq!(get(&mut server.http(), "/ping").0, 200);
    until("no session is left", || !server.cli("CLIENT LIST").contains("lib-name=http"));
}

#[test]
fn header_bombs() {
    let server = Server::new(&[]);
    let many: String = (0..10_000).map(|number| format!("X-{number}: y\r\n")).collect();
    let large = format!("X: {}\r\n", "y".repeat(1_000_000));
    for headers in [many, large] {
        let mut http = server.http();
        // The server may close before all is written.
        let _ = http.send(format!("GET /ping HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes());
        let rest = http.rest().unwrap_or_default();
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 431 "), "{rest}");
    }
    is_well(&server);
}

#[test]
fn bodies_that_are_too_large() {
    let server = Server::new(&["--http-body-max", "100kb"]);
    let mut http = server.http();
    assert_eq!(post(&mut http, "/set/k", &[], &"x".repeat(100 * 1024)).0, 200);
    drop(http);
    let announced = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n[";
    let mut http = server.http();
    http.send(announced).expect("it reads");
    assert_eq!(http.head().expect("an answer").status, 413);
    let mut http = server.http();
    http.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").expect("it reads");
    let chunk = [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
    while http.send(&chunk).is_ok() {}
    assert!(http.rest().is_ok_and(|rest| rest.is_empty() || rest.starts_with("HTTP/1.1 413 ")));
    server.cli("CONFIG SET http-body-max 1mb");
    assert_eq!(post(&mut server.http(), "/set/k", &[], &"x".repeat(200 * 1024)).0, 200);
    is_well(&server);
}

#[test]
fn slow_clients() {
    let server = Server::new(&["--http-timeout", "1"]);
    let (mut body, mut head, mut idle, mut preface) = (server.http(), server.http(), server.http(), server.http());
    body.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n[\"PI").expect("it reads");
    head.send(b"GET /ping HTTP/1.1\r\nHost:").expect("it reads");
    preface.send(b"PRI * HT").expect("it reads");
    assert_eq!(get(&mut idle, "/ping").0, 200);
    assert_eq!(body.head().expect("an answer").status, 408);
    for http in [&mut head, &mut idle, &mut preface] {
        let rest = http.rest().expect("it is closed in time");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408 "), "{rest}");
    }
    // Who waits for an answer is not idle.
    let mut waiting = server.http();
    let waiter = thread::spawn(move || get(&mut waiting, "/blpop/q/2.5"));
    assert_eq!(waiter.join().expect("no panic").0, 200);
    is_well(&server);
}

#[test]
fn clients_that_vanish() {
    let server = Server::new(&[]);
    server.cli(&format!("SET big {}", "x".repeat(1_000_000)));
    for _ in 0..20 {
        let mut http = server.http();
        http.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n[\"PI").expect("it reads");
        let mut http = server.http();
        http.request("GET", "/get/big", &[], b"").expect("it reads");
        let mut http = server.http();
        http.request("POST", "/subscribe/a", &[], b"").expect("it reads");
        http.head().expect("an answer");
    }
    is_well(&server);
    until("nobody listens", || server.cli("PUBLISH a x") == "0");
}

#[test]
fn a_stream_that_nobody_reads_is_cut_off_by_the_limits_of_subscribers() {
    let server = Server::new(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let mut http = server.http();
    http.request("POST", "/subscribe/a", &[], b"").expect("it reads");
    http.head().expect("an answer");
    let message = "x".repeat(100_000);
    until("it is cut off", || server.cli(&format!("PUBLISH a {message}")) == "0");
    assert_eq!(server.info("client_output_buffer_limit_disconnections"), "1");
    is_well(&server);
}

#[test]
fn more_clients_than_allowed() {
    let server = Server::new(&["--maxclients", "20"]);
    let mut all: Vec<_> = (0..40).map(|_| server.http()).collect();
    let answered = all.iter_mut().filter_map(|http| http.ask("GET", "/ping", &[], b"").ok());
    let answered = answered.filter(|answer| answer.status == 200).count();
    assert!((1..=20).contains(&answered), "{answered}");
    assert!(server.info("rejected_connections").parse::<u32>().is_ok_and(|count| count >= 20));
    drop(all);
    until("there is room again", || server.http().ask("GET", "/ping", &[], b"").is_ok_and(|it| it.status == 200));
    is_well(&server);
}
