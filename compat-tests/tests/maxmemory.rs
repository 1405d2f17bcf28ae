//! A limit close above what a fresh server uses: the room is for keys, from the first command on.

use compat_tests::connection::Connection;
use compat_tests::target::{Target, Tcp};
use resp::Reply;
use std::time::Duration;

fn call(client: &mut Connection, words: &str) -> String {
    client.words(words).map_or_else(|silence| silence.to_string(), |reply| reply.to_cli().trim_end().to_owned())
}

fn used_memory(client: &mut Connection) -> i64 {
    let Ok(Reply::Bulk(info)) = client.words("INFO memory") else { panic!("INFO answers no text") };
    let info = String::from_utf8_lossy(&info);
    let row = info.lines().find_map(|line| line.trim().strip_prefix("used_memory:"));
    row.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no used_memory in {info}"))
}

#[test]
fn used_memory_has_no_steps_after_the_start() {
    for _ in 0..5 {
        let server = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
        let mut client = server.client();
        let first = used_memory(&mut client);
        // Longer than a tick, and than the first look at the allocator's total.
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(25));
            let later = used_memory(&mut client);
            assert!((later - first).abs() < 48 * 1024, "{first}, then {later}");
        }
    }
}

#[test]
fn keys_fill_the_room_under_a_limit_near_the_start() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let server = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
        let mut client = server.client();
        let limit = used_memory(&mut client) + 100 * 1024;
        call(&mut client, &format!("CONFIG SET maxmemory-policy {policy} maxmemory {limit}"));
        let value = "x".repeat(100);
        for number in 0..3000 {
            let reply = call(&mut client, &format!("SET key:{number} {value}"));
            assert_eq!(reply, "OK", "{policy}, key {number}");
        }
        let keys = call(&mut client, "DBSIZE");
        let keys: usize = keys.trim_start_matches("(integer) ").parse().unwrap_or(0);
        assert!((200..1200).contains(&keys), "{policy}: {keys} keys of about 130 bytes in 100 KB");
    }
}
