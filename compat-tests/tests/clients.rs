//! Real clients on this server, and on a real one (which shows that the scripts ask for what Redis does).
//! `make clients` installs those that are not written in Rust.

use compat_tests::ports;
use compat_tests::target::{Target, Tcp};
use redis::{Commands, ConnectionLike, RedisResult};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn targets() -> [Tcp; 2] {
    [Tcp::redis(), Tcp::ours()].map(|target| target.unwrap_or_else(|fault| panic!("{fault}")))
}

/// The folder that `compat-tests/clients/setup` installs into, beside the profiles of the target folder.
fn installed() -> PathBuf {
    let here = std::env::current_exe().expect("a test knows its path");
    let folder = here.ancestors().map(|dir| dir.join("clients")).find(|dir| dir.join("installed").is_file());
    folder.expect("the clients are not installed: run 'make clients'")
}

fn run_script(interpreter: &Path, script: &str) {
    for target in targets() {
        let address = target.address();
        let output = Command::new(interpreter)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script))
            .args([address.ip().to_string(), address.port().to_string()])
            .env("NODE_PATH", installed().join("node_modules"))
            .output()
            .unwrap_or_else(|e| panic!("cannot run {}: {e}", interpreter.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} ends with {}:\n{said}", output.status);
    }
}

#[test]
fn redis_py() {
    run_script(&installed().join("venv/bin/python"), "redis_py.py");
}

#[test]
fn ioredis() {
    run_script(Path::new("node"), "ioredis.js");
}

#[test]
fn node_redis() {
    run_script(Path::new("node"), "node_redis.js");
}

/// No Redis speaks HTTP: this one runs on ours alone.
#[test]
fn upstash() {
    let dir = std::env::temp_dir().join(format!("compat-tests-upstash-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let port = ports::free().expect("a port").to_string();
    let server = Tcp::ours_with(&dir, &["--http-port", &port]);
    let output = server.map(|server| {
        let mut client = server.client();
        client.words("CONFIG SET requirepass hidden").expect("a reply");
        let token = client.words("ACL RESTTOKEN default hidden").expect("a reply");
        Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/upstash.js"))
            .arg(format!("http://127.0.0.1:{port}"))
            .arg(String::from_utf8_lossy(token.as_bytes().expect("a token")).into_owned())
            .env("NODE_PATH", installed().join("node_modules"))
            .output()
    });
    let _left_behind = std::fs::remove_dir_all(&dir);
    let output = output.expect("a server").expect("node is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn redis_rs() {
    for target in targets() {
        for protocol in ["resp2", "resp3"] {
            let client = redis::Client::open(format!("redis://{}/?protocol={protocol}", target.address()));
            let client = client.expect("the address is a valid URL");
            smoke(&client).unwrap_or_else(|e| panic!("{protocol}: {e}"));
            blocking_pop(&client).unwrap_or_else(|e| panic!("{protocol}: {e}"));
            publish(&client).unwrap_or_else(|e| panic!("{protocol}: {e}"));
        }
    }
}

fn smoke(client: &redis::Client) -> RedisResult<()> {
    let mut r = client.get_connection()?;
    let () = redis::cmd("FLUSHALL").query(&mut r)?;
    assert!(r.check_connection());
    let () = r.set_ex("k", "v", 100)?;
    assert_eq!(r.get::<_, String>("k")?, "v");
    let (n, five, missing): (i64, i64, Option<String>) =
        redis::pipe().incr("n", 1).incr("n", 4).get("missing").query(&mut r)?;
    assert_eq!((n, five, missing), (1, 5, None));
    let (two,): (i64,) = redis::pipe().atomic().set("a", 1).ignore().incr("a", 1).query(&mut r)?;
    assert_eq!(two, 2);
    let () = r.hset_multiple("h", &[("f", 1), ("g", 2)])?;
    assert_eq!(r.hgetall::<_, HashMap<String, i64>>("h")?, HashMap::from([("f".into(), 1), ("g".into(), 2)]));
    let () = r.zadd_multiple("z", &[(1.0, "one"), (2.5, "two")])?;
    assert_eq!(
        r.zrange_withscores::<_, Vec<(String, f64)>>("z", 0, -1)?,
        [("one".to_string(), 1.0), ("two".to_string(), 2.5)]
    );
    let () = r.sadd("s", &["x", "y"])?;
    assert_eq!(r.smembers::<_, HashSet<String>>("s")?, HashSet::from(["x".into(), "y".into()]));
    let keys: HashSet<String> = r.scan::<String>()?.collect::<RedisResult<_>>()?;
    assert_eq!(keys, ["a", "h", "k", "n", "s", "z"].map(String::from).into());
    let refused = r.lpush::<_, _, i64>("k", "x").expect_err("LPUSH on a string");
    assert_eq!(refused.code(), Some("WRONGTYPE"));
    Ok(())
}

fn blocking_pop(client: &redis::Client) -> RedisResult<()> {
    let (mut waiting, mut pushing) = (client.get_connection()?, client.get_connection()?);
    std::thread::scope(|scope| {
        let popped = scope.spawn(move || waiting.blpop::<_, (String, String)>("q", 5.0));
        std::thread::sleep(Duration::from_millis(50));
        let () = pushing.rpush("q", "job")?;
        assert_eq!(popped.join().expect("no panic")?, ("q".into(), "job".into()));
        Ok(())
    })
}

fn publish(client: &redis::Client) -> RedisResult<()> {
    let (mut subscriber, mut publisher) = (client.get_connection()?, client.get_connection()?);
    let mut pubsub = subscriber.as_pubsub();
    pubsub.set_read_timeout(Some(Duration::from_secs(5)))?;
    pubsub.subscribe("news")?;
    assert_eq!(publisher.publish::<_, _, i64>("news", "hello")?, 1);
    assert_eq!(pubsub.get_message()?.get_payload::<String>()?, "hello");
    Ok(())
}
