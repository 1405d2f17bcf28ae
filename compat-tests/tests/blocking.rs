//! Clients that wait for keys, over several real connections: who is served, in which order, and what becomes of
//! those who go, are let go, or sent more commands meanwhile.

use compat_tests::connection::{Connection, NoReply, encode};
use compat_tests::target::{Target, Tcp};
use resp::Reply;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(50);

fn ours() -> Tcp {
    Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"))
}

fn cli(reply: Result<Reply, NoReply>) -> String {
    reply.map_or_else(|silence| silence.to_string(), |reply| reply.to_cli().trim_end().to_owned())
}

fn call(client: &mut Connection, words: &str) -> String {
    cli(client.words(words))
}

fn send(client: &mut Connection, words: &str) {
    client.send(&words.split_whitespace().collect::<Vec<_>>());
}

fn read(client: &mut Connection) -> String {
    cli(client.read(Duration::from_secs(10)))
}

/// Waits until so many clients wait for keys.
fn wait_for_blocked(client: &mut Connection, count: usize) {
    let start = Instant::now();
    loop {
        let waiting = call(client, "CLIENT LIST").matches(" flags=b ").count();
        if waiting == count {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{waiting} clients wait, not {count}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn served_in_order_and_then_on_with_the_pipeline() {
    let server = ours();
    let mut pusher = server.client();
    let mut waiters: Vec<Connection> = (0..4).map(|_| server.client()).collect();
    for (at, waiter) in waiters.iter_mut().enumerate() {
        let mut pipeline = Vec::new();
        encode(&["ECHO", "before"], &mut pipeline);
        encode(&["BLPOP", "q", "0"], &mut pipeline);
        encode(&["ECHO", "after"], &mut pipeline);
        encode(&["RPUSH", "done", &at.to_string()], &mut pipeline);
        waiter.send_raw(&pipeline);
        wait_for_blocked(&mut pusher, at + 1);
        assert_eq!(read(waiter), "\"before\"");
        // Half a command now, the other half once it was served.
        waiter.send_raw(b"*1\r\n$4\r\nPI");
    }
    assert_eq!(cli(waiters[0].read(SHORT)), "(nothing)");
    assert_eq!(call(&mut pusher, "RPUSH q a b c d"), "(integer) 4");
    // Their turn came before this connection's next command.
    assert_eq!(call(&mut pusher, "EXISTS q"), "(integer) 0");
    for (waiter, value) in waiters.iter_mut().zip(["a", "b", "c", "d"]) {
        assert_eq!(read(waiter), format!("1) \"q\"\n2) \"{value}\""));
        assert_eq!(read(waiter), "\"after\"");
        assert!(read(waiter).starts_with("(integer)"));
        waiter.send_raw(b"NG\r\n");
        assert_eq!(read(waiter), "PONG");
    }
    assert_eq!(call(&mut pusher, "LLEN done"), "(integer) 4");
}

#[test]
fn who_goes_takes_nothing() {
    let server = ours();
    let (mut pusher, mut killed) = (server.client(), server.client());
    let mut gone = server.client();
    send(&mut gone, "BLPOP q 0");
    wait_for_blocked(&mut pusher, 1);
    drop(gone);
    wait_for_blocked(&mut pusher, 0);
    let id = call(&mut killed, "CLIENT ID").trim_start_matches("(integer) ").to_owned();
    send(&mut killed, "BLMOVE q other LEFT LEFT 0");
    wait_for_blocked(&mut pusher, 1);
    assert_eq!(call(&mut pusher, &format!("CLIENT KILL ID {id}")), "(integer) 1");
    assert_eq!(call(&mut pusher, "RPUSH q a"), "(integer) 1");
    assert_eq!(call(&mut pusher, "LRANGE q 0 -1"), "1) \"a\"");
    assert_eq!(read(&mut killed), "(closed)");
}

#[test]
fn time_ends_when_it_was_said_to() {
    let server = ours();
    let mut client = server.client();
    for (words, ms) in [("BLPOP q 0.001", 1), ("BRPOPLPUSH q r 0.12", 120), ("BLMPOP 0.03 2 q r LEFT", 30)] {
        let start = Instant::now();
        assert_eq!(call(&mut client, words), "(nil)");
        let took = start.elapsed();
        let most = Duration::from_millis(ms + 400);
        assert!(took >= Duration::from_millis(ms) && took < most, "{words} took {took:?}");
    }
    assert_eq!(call(&mut client, "PING"), "PONG");
}

#[test]
fn let_go_by_others() {
    let server = ours();
    let (mut client, mut other) = (server.client(), server.client());
    let id = call(&mut client, "CLIENT ID").trim_start_matches("(integer) ").to_owned();
    for (how, reply) in [("TIMEOUT", "(nil)"), ("ERROR", "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK")] {
        send(&mut client, "BRPOP q 0");
        wait_for_blocked(&mut other, 1);
        assert_eq!(call(&mut other, &format!("CLIENT UNBLOCK {id} {how}")), "(integer) 1");
        assert_eq!(read(&mut client), reply);
        assert_eq!(call(&mut other, &format!("CLIENT UNBLOCK {id} {how}")), "(integer) 0");
    }
}

/// Every element goes to exactly one consumer, whatever the timing of those that wait, time out and move on.
#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    const EACH: usize = 400;
    const PRODUCERS: usize = 4;
    let server = ours();
    let left = AtomicUsize::new(EACH * PRODUCERS);
    let consumed: Vec<String> = std::thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let mut client = server.client();
            scope.spawn(move || {
                for number in 0..EACH {
                    let queue = ["a", "b"][number % 2];
                    call(&mut client, &format!("RPUSH {queue} {producer}:{number}"));
                }
            });
        }
        // One moves what comes to `b` on to `c`, so that serving it wakes others.
        let (mut mover, left) = (server.client(), &left);
        scope.spawn(move || {
            while left.load(Ordering::SeqCst) > 0 {
                call(&mut mover, "BLMOVE b c LEFT RIGHT 0.005");
            }
        });
        let commands = ["BLPOP a c 0.003", "BLMPOP 0.01 2 c a LEFT", "BRPOP a 0.002", "BLPOP c b 0.5"];
        let consumers = commands.map(|words| {
            let mut client = server.client();
            scope.spawn(move || {
                let mut found = Vec::new();
                while left.load(Ordering::SeqCst) > 0 {
                    let reply = call(&mut client, words);
                    let element = reply.rsplit(' ').next().unwrap_or_default().trim_matches('"').to_owned();
                    if element.contains(':') {
                        left.fetch_sub(1, Ordering::SeqCst);
                        found.push(element);
                    }
                }
                found
            })
        });
        consumers.into_iter().flat_map(|consumer| consumer.join().expect("a consumer panicked")).collect()
    });
    let mut counts: HashMap<String, usize> = HashMap::new();
    for element in consumed {
        *counts.entry(element).or_default() += 1;
    }
    assert_eq!(counts.len(), EACH * PRODUCERS);
    assert!(counts.values().all(|&count| count == 1));
}

/// Who reads the reply to his own write has what it made stale, too: both come with one read, or a cache on the client's
/// side answers its next question with the old value.
#[test]
fn own_invalidations_come_with_the_reply() {
    use std::io::{Read, Write};
    let server = ours();
    let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
    let mut buffer = [0; 4096];
    let mut ask = |request: &str| {
        stream.write_all(request.as_bytes()).expect("it reads");
        let len = stream.read(&mut buffer).expect("it answers");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    assert!(ask("HELLO 3\r\n").starts_with('%'));
    assert_eq!(ask("CLIENT TRACKING ON\r\n"), "+OK\r\n");
    for round in 0..200 {
        ask("GET k\r\n");
        assert_eq!(ask(&format!("SET k {round}\r\n")), "+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    }
}
