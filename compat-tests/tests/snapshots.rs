//! Values and files of Redis in, and ours out: every key has the same value, deadline and consumer groups.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use compat_tests::connection::Connection;
use compat_tests::rng::Rng;
use compat_tests::seen::{indented_alike, seen};
use compat_tests::target::{Target, Tcp, our_binary};
use resp::Reply;

fn ours() -> Tcp {
    Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"))
}

fn redis() -> Tcp {
    Tcp::redis().unwrap_or_else(|fault| panic!("{fault}"))
}

fn call<A: AsRef<[u8]>>(client: &mut Connection, argv: &[A]) -> Reply {
    client.call(argv).unwrap_or_else(|silence| panic!("{silence}"))
}

fn text(client: &mut Connection, words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    call(client, &words).to_cli().trim_end().to_owned()
}

/// A directory of this test's own, emptied.
fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("snapshots-{}-{name}", std::process::id()));
    let _not_there = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory for the test");
    dir
}

/// A text of any kind that encodings tell apart: short and long numbers, words, long runs that compress, bytes.
fn word(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => rng.below(200).to_string().into(),
        1 => (i64::from(rng.below(1 << 30) as i32) - (1 << 29)).to_string().into(),
        2 => (i64::MIN + rng.below(1 << 40) as i64).to_string().into(),
        3 => vec![b'a' + rng.below(3) as u8; 21 + rng.below(300)],
        4 => (0..rng.below(90)).map(|_| rng.below(256) as u8).collect(),
        _ => format!("word-{}", rng.below(5000)).into(),
    }
}

fn score(rng: &mut Rng) -> String {
    match rng.below(5) {
        0 => "inf".into(),
        1 => "-inf".into(),
        // Exact in binary: 7.0 shows 17 digits, and rounding with them.
        2 => format!("{}.{}", rng.below(1000), ["5", "25", "125"][rng.below(3)]),
        3 => format!("{}e22", rng.below(4) + 1),
        _ => rng.below(100_000).to_string(),
    }
}

/// Makes a key of a type and a size; both chosen by its number.
fn make(client: &mut Connection, rng: &mut Rng, number: usize) {
    let key = format!("key:{number}");
    let len = [1, 3, 20, 120, 300, 700][number / 7 % 6];
    let mut argv: Vec<Vec<u8>> = Vec::new();
    let command = ["SET", "RPUSH", "SADD", "SADD", "ZADD", "HSET", "XADD"][number % 7];
    argv.extend([command.into(), key.clone().into()]);
    match number % 7 {
        0 => argv.push(word(rng)),
        1 | 2 => argv.extend((0..len).map(|_| word(rng))),
        3 => argv.extend((0..len).map(|_| (rng.below(1 << 20) << [0, 12, 40][number / 42 % 3]).to_string().into())),
        4 => (0..len).for_each(|_| argv.extend([score(rng).into(), word(rng)])),
        5 => (0..len).for_each(|_| argv.extend([word(rng), word(rng)])),
        _ => return make_stream(client, rng, &key, len),
    }
    let reply = call(client, &argv);
    assert!(!matches!(reply, Reply::Error(_)), "{command}: {reply:?}");
    if number.is_multiple_of(11) {
        call(client, &["PEXPIREAT", &key, "33177117420000"]);
    }
}

fn make_stream(client: &mut Connection, rng: &mut Rng, key: &str, len: usize) {
    for at in 1..=len {
        let mut argv: Vec<Vec<u8>> = vec!["XADD".into(), key.into(), format!("{}-{}", at / 3, at).into()];
        (0..=usize::from(at % 5 == 0)).for_each(|field| argv.extend([format!("f{field}").into(), word(rng)]));
        call(client, &argv);
    }
    for at in (1..=len).step_by(4) {
        call(client, &["XDEL", key, &format!("{}-{}", at / 3, at)]);
    }
    for group in ["g", "h"] {
        call(client, &["XGROUP", "CREATE", key, group, "0"]);
        call(client, &["XREADGROUP", "GROUP", group, "alice", "COUNT", "5", "STREAMS", key, ">"]);
        call(client, &["XREADGROUP", "GROUP", group, "bob", "COUNT", "2", "STREAMS", key, ">"]);
    }
    call(client, &["XACK", key, "g", "0-2"]);
}

fn bytes(reply: &Reply) -> &[u8] {
    reply.as_bytes().unwrap_or_else(|| panic!("a string, not {reply:?}"))
}

/// Moves keys by DUMP and RESTORE and compares.
fn carry(from: &mut Connection, to: &mut Connection, keys: usize) {
    for number in 0..keys {
        let key = format!("key:{number}");
        let payload = call(from, &["DUMP", &key]);
        let deadline_ms = text(from, &format!("PEXPIRETIME {key}")).replace("(integer) ", "").replace("-1", "0");
        let deadline_ms = deadline_ms.as_bytes();
        let restored = call(to, &[b"RESTORE", key.as_bytes(), deadline_ms, bytes(&payload), b"REPLACE", b"ABSTTL"]);
        assert_eq!(restored.to_cli().trim_end(), "OK", "{key} of {payload:?}");
        assert_eq!(seen(from, &key), seen(to, &key), "{key} of {payload:?}");
    }
}

const KEYS: usize = 500;

#[test]
fn values_of_redis_come_in_and_ours_go_out() {
    let (theirs, ours) = (redis(), ours());
    let (mut theirs, mut ours) = (theirs.client(), ours.client());
    let mut rng = Rng::new(7);
    for number in 0..KEYS {
        make(&mut theirs, &mut rng, number);
    }
    carry(&mut theirs, &mut ours, KEYS);
    call(&mut theirs, &["FLUSHALL"]);
    carry(&mut ours, &mut theirs, KEYS);
}

fn wait_until_loaded(client: &mut Connection) {
    let start = Instant::now();
    while text(client, "PING").contains("LOADING") {
        assert!(start.elapsed() < Duration::from_secs(10), "the load takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// So many keys of the two databases that the tests fill.
fn state(target: &Tcp, keys: usize) -> Vec<String> {
    let mut client = target.client();
    wait_until_loaded(&mut client);
    let mut state = Vec::new();
    for db in ["0", "3"] {
        call(&mut client, &["SELECT", db]);
        state.push(text(&mut client, "DBSIZE"));
        state.extend((0..keys).map(|number| seen(&mut client, &format!("key:{number}"))));
    }
    state
}

fn import(file: &Path, dir: &Path) -> std::process::Output {
    let binary = our_binary().unwrap_or_else(|fault| panic!("{fault}"));
    let mut command = Command::new(binary);
    command.arg("--import").arg(file).arg("--dir").arg(dir).args(["--loglevel", "warning"]);
    command.output().expect("the server is a program")
}

fn check(file: &Path) -> (bool, String) {
    let binary = our_binary().unwrap_or_else(|fault| panic!("{fault}"));
    let output = Command::new(binary).arg("--check-rdb").arg(file).output().expect("the server is a program");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn files_of_redis_come_in_and_ours_go_out() {
    let (from, through) = (dir("theirs"), dir("ours"));
    let theirs = Tcp::redis_in(&from).unwrap_or_else(|fault| panic!("{fault}"));
    let mut client = theirs.client();
    let mut rng = Rng::new(8);
    for number in 0..KEYS {
        if number == KEYS / 2 {
            call(&mut client, &["SELECT", "3"]);
        }
        make(&mut client, &mut rng, number);
    }
    assert_eq!(text(&mut client, "SAVE"), "OK");
    let expected = state(&theirs, KEYS);
    assert_eq!(state(&Tcp::ours_in(&from).unwrap_or_else(|fault| panic!("{fault}")), KEYS), expected);
    let (is_sound, words) = check(&from.join("dump.rdb"));
    assert!(is_sound && words.contains(&format!("{KEYS} keys read")), "{words}");
    let output = import(&from.join("dump.rdb"), &through);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(state(&Tcp::redis_in(&through).unwrap_or_else(|fault| panic!("{fault}")), KEYS), expected);
    for dir in [from, through] {
        let _left_behind = fs::remove_dir_all(dir);
    }
}

#[test]
fn damaged_files_are_refused() {
    let dir = dir("damaged");
    let file = dir.join("dump.rdb");
    let server = Tcp::redis_in(&dir).unwrap_or_else(|fault| panic!("{fault}"));
    let mut client = server.client();
    (0..50).for_each(|number| make(&mut client, &mut Rng::new(number as u64), number));
    assert_eq!(text(&mut client, "SAVE"), "OK");
    let sound = fs::read(&file).expect("it was saved");
    let mut rng = Rng::new(9);
    for _ in 0..30 {
        let mut bytes = sound.clone();
        if rng.one_in(2) {
            bytes.truncate(rng.below(sound.len() - 1) + 1);
        } else {
            let at = rng.below(sound.len() - 8);
            bytes[at] ^= 1 << rng.below(8);
        }
        fs::write(&file, &bytes).expect("the directory is ours");
        let (is_sound, words) = check(&file);
        assert!(!is_sound && words.contains("RDB ERROR DETECTED"), "{words}");
    }
    let refusal = Tcp::ours_in(&dir).and_then(|server| {
        // It listens while it loads: the refusal ends it.
        std::thread::sleep(Duration::from_millis(500));
        server.connect().map(drop).map_err(|error| error.to_string())
    });
    assert!(refusal.is_err(), "a server that starts without its data");
    let _left_behind = fs::remove_dir_all(dir);
}

/// As `redis-check-rdb FILE | head -0`: nobody reads the answer.
#[test]
fn a_check_that_nobody_reads_ends_quietly() {
    let binary = our_binary().unwrap_or_else(|fault| panic!("{fault}"));
    let (unread, out) = std::io::pipe().expect("a pipe");
    drop(unread);
    let output = Command::new(binary)
        .arg("--check-rdb")
        .arg(fixture("redis8.rdb"))
        .stdout(out)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .expect("the server is a program");
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
}

/// Enough for each type in each size.
const FIXTURE_KEYS: usize = 42;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// As [`state`], with the deadlines of the fields that the fixtures have.
fn fixture_state(target: &Tcp) -> String {
    let mut state = state(target, FIXTURE_KEYS);
    let mut client = target.client();
    for number in (5..FIXTURE_KEYS).step_by(7) {
        state.push(text(&mut client, &format!("HPEXPIRETIME key:{number} FIELDS 3 soon late never")));
    }
    state.join("\n")
}

/// Makes a fixture anew, of a server and its snapshot file:
/// `FIXTURE=redis8 SERVER=127.0.0.1:6380 FILE=dump.rdb cargo test -p compat-tests --test snapshots -- --ignored`
#[test]
#[ignore = "needs another server: it makes what the next test reads"]
fn makes_a_fixture() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let server = Tcp::at(&variable("SERVER")).unwrap_or_else(|fault| panic!("{fault}"));
    let (mut client, mut rng) = (server.client(), Rng::new(10));
    call(&mut client, &["FLUSHALL"]);
    for number in 0..FIXTURE_KEYS {
        make(&mut client, &mut rng, number);
        if number % 7 == 5 {
            let key = format!("key:{number}");
            call(&mut client, &["HSET", &key, "soon", "1", "late", "2", "never", "3"]);
            call(&mut client, &["HPEXPIREAT", &key, "33177117420000", "FIELDS", "1", "soon"]);
            call(&mut client, &["HPEXPIREAT", &key, "33177117429999", "FIELDS", "1", "late"]);
        }
    }
    assert_eq!(text(&mut client, "SAVE"), "OK");
    fs::copy(variable("FILE"), fixture(&format!("{}.rdb", variable("FIXTURE")))).expect("the snapshot is there");
    fs::write(fixture(&format!("{}.txt", variable("FIXTURE"))), fixture_state(&server)).expect("the folder is there");
}

#[test]
fn files_of_newer_servers_come_in() {
    for name in ["redis8", "valkey9"] {
        let dir = dir(name);
        fs::copy(fixture(&format!("{name}.rdb")), dir.join("dump.rdb")).expect("the fixture is there");
        let expected = fs::read_to_string(fixture(&format!("{name}.txt"))).expect("the fixture is there");
        let server = Tcp::ours_in(&dir).unwrap_or_else(|fault| panic!("{fault}"));
        for (line, (ours, theirs)) in fixture_state(&server).lines().zip(expected.lines()).enumerate() {
            assert_eq!(indented_alike(ours), indented_alike(theirs), "{name}, line {}", line + 1);
        }
        let _left_behind = fs::remove_dir_all(dir);
    }
}
