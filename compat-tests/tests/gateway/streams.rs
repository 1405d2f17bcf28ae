//! What lasts: commands that wait, messages, MONITOR; and clients that go away meanwhile.

use std::thread;

use compat_tests::until;

use super::{Server, get, ok, post};

const EVENTS: [&str; 1] = ["Accept: text/event-stream"];

#[test]
fn a_command_that_waits_is_answered_when_it_is_served() {
    let server = Server::new(&[]);
    let mut waiting = server.http();
    let waiter = thread::spawn(move || post(&mut waiting, "/", &[], r#"["BLPOP","q",0]"#));
    until("it waits", || server.info("blocked_clients") == "1");
    assert_eq!(get(&mut server.http(), "/ping").0, 200);
    server.cli("RPUSH q job");
    assert_eq!(waiter.join().expect("no panic"), ok(r#"{"result":["q","job"]}"#));
    assert_eq!(get(&mut server.http(), "/blpop/q/0.05"), ok(r#"{"result":null}"#));
}

#[test]
fn a_client_that_goes_while_it_waits_leaves_nothing() {
    let server = Server::new(&[]);
    let mut waiting = server.http();
    waiting.request("GET", "/blpop/q/0", &[], b"").expect("it reads");
    until("it waits", || server.info("blocked_clients") == "1");
    drop(waiting);
    until("nobody waits", || server.info("blocked_clients") == "0");
    server.cli("RPUSH q job");
    assert_eq!(server.cli("LLEN q"), "1");
    until("its session is gone", || !server.cli("CLIENT LIST").contains("lib-name=http"));
}

#[test]
fn a_client_that_is_killed_hears_of_it() {
    let server = Server::new(&[]);
    let mut waiting = server.http();
    let waiter = thread::spawn(move || get(&mut waiting, "/blpop/q/0"));
    until("it waits", || server.info("blocked_clients") == "1");
    server.cli("CLIENT KILL TYPE normal SKIPME yes");
    let (status, body) = waiter.join().expect("no panic");
    assert!(status == 503 && body.starts_with(r#"{"error":"ERR "#), "{status} {body}");
}

#[test]
fn messages_come_as_events() {
    let server = Server::new(&[]);
    let mut http = server.http();
    http.request("POST", "/subscribe/chat/news", &EVENTS, b"").expect("it reads");
    let head = http.head().expect("an answer");
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(http.event().expect("an event"), "subscribe,chat,1");
    assert_eq!(http.event().expect("an event"), "subscribe,news,2");
    assert_eq!(get(&mut server.http(), "/publish/chat/hello,%20you"), ok(r#"{"result":1}"#));
    assert_eq!(http.event().expect("an event"), "message,chat,hello, you");
    let mut patterns = server.http();
    patterns.request("GET", "/psubscribe/c*", &EVENTS, b"").expect("it reads");
    assert_eq!(patterns.head().expect("an answer").status, 200);
    assert_eq!(patterns.event().expect("an event"), "psubscribe,c*,1");
    assert_eq!(server.cli("PUBLISH chat two"), "2");
    assert_eq!(patterns.event().expect("an event"), "pmessage,c*,chat,two");
    drop((http, patterns));
    until("nobody listens", || server.cli("PUBLISH chat x") == "0" && server.cli("PUBSUB NUMPAT") == "0");
}

#[test]
fn monitor_comes_as_events() {
    let server = Server::new(&[]);
    let mut http = server.http();
    http.request("POST", "/monitor", &EVENTS, b"").expect("it reads");
    assert_eq!(http.head().expect("an answer").status, 200);
    assert_eq!(http.event().expect("an event"), "\"OK\"");
    server.cli("SET k v");
    let line = http.event().expect("an event");
    assert!(line.ends_with(r#""SET" "k" "v""#) && line.contains(" [0 127.0.0.1:"), "{line}");
}

#[test]
fn a_refused_subscription_is_an_error_like_any_other() {
    let server = Server::new(&[]);
    server.cli("ACL SETUSER bob on >secret resetchannels &b +@all");
    let bob = server.token("bob", "secret");
    let http = &mut server.http();
    let (status, body) = post(http, "/subscribe/chat", &[&bob], "");
    assert!(status == 400 && body.starts_with(r#"{"error":"NOPERM "#), "{status} {body}");
    assert_eq!(post(http, "/ping", &[&bob], "").0, 200);
}
