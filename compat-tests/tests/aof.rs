//! Redis's append-only files: what our server makes of them, and what our `--check-aof` says of them beside
//! `redis-check-aof`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use compat_tests::connection::Connection;
use compat_tests::rng::Rng;
use compat_tests::seen;
use compat_tests::target::{Target, Tcp, our_binary};
use resp::Reply;

fn call(client: &mut Connection, words: &[&str]) -> Reply {
    client.call(words).unwrap_or_else(|silence| panic!("{words:?}: {silence}"))
}

fn text(client: &mut Connection, words: &str) -> String {
    call(client, &words.split(' ').collect::<Vec<_>>()).to_cli().trim_end().to_owned()
}

/// A directory of a test's own, emptied.
fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("aof-{}-{name}", std::process::id()));
    let _not_there = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory for the test");
    dir
}

fn started(server: Result<Tcp, String>) -> Tcp {
    let server = server.unwrap_or_else(|fault| panic!("{fault}"));
    until(|| text(&mut server.client(), "INFO persistence").contains("nloading:0"));
    server
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()
}

fn until(mut is_it: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_it() {
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Requests of all types, some together, in two databases.
fn fill(client: &mut Connection, rng: &mut Rng, count: usize) {
    for _ in 0..count {
        let (key, other, n) = (format!("k{}", rng.below(40)), format!("k{}", rng.below(40)), rng.below(1000));
        let line = match rng.below(14) {
            0 => format!("SET s{key} {n}"),
            1 => format!("SET s{key} v{n} PXAT 33177117420000"),
            2 => format!("INCRBY n{key} {n}"),
            3 => format!("RPUSH l{key} {n} b c"),
            4 => format!("LMPOP 2 l{key} l{other} LEFT COUNT 2"),
            5 => format!("SADD m{key} {n} b{n}"),
            6 => format!("SPOP m{key}"),
            7 => format!("ZADD z{key} {n} m{n} 1.5 x"),
            8 => format!("HSET h{key} f{n} {n} g x"),
            9 => format!("XADD x{key} * f {n}"),
            10 => format!("RENAME s{key} s{other}"),
            11 => format!(
                "EVAL redis.call('SET',KEYS[1],ARGV[1]);return(redis.call('INCR',KEYS[2])) 2 s{key} n{other} {n}"
            ),
            12 => format!("SELECT {}", [0, 9][rng.below(2)]),
            _ => {
                for line in
                    ["MULTI".to_owned(), format!("APPEND s{key} {n}"), format!("DEL s{other}"), "EXEC".to_owned()]
                {
                    text(client, &line);
                }
                continue;
            }
        };
        text(client, &line);
    }
    text(client, "SELECT 0");
}

/// All keys with their values.
fn state(server: &Tcp) -> String {
    seen::all(&mut server.client(), &["0", "9"])
}

/// Names and contents of Redis's files.
fn their_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for dir in [dir.to_owned(), dir.join("appendonlydir")] {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("appendonly.aof") {
                files.push((name, fs::read(entry.path()).expect("a file")));
            }
        }
    }
    files.sort();
    files
}

const ON: &[&str] = &["--appendonly", "yes"];

fn ours(dir: &Path) -> Tcp {
    started(Tcp::ours_with(dir, ON))
}

/// A Redis of this directory ran; ours goes on, and nobody's data is lost whoever runs next.
fn goes_on_with_ours(dir: &Path, expected: &str) {
    let before = their_files(dir);
    let server = ours(dir);
    assert_eq!(state(&server), expected);
    assert_eq!(text(&mut server.client(), "SET ours 1"), "OK");
    let expected = state(&server);
    drop(server);
    assert_eq!(their_files(dir), before, "their files stay as they are");
    let server = ours(dir);
    assert_eq!(state(&server), expected, "the log goes on");
}

#[test]
fn files_of_redis_in_several_parts_come_in() {
    for preamble in ["yes", "no"] {
        let dir = dir(preamble);
        let options = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", preamble];
        let redis = started(Tcp::redis_with(&dir, &options));
        let (mut client, mut rng) = (redis.client(), Rng::new(11));
        fill(&mut client, &mut rng, 300);
        assert!(text(&mut client, "BGREWRITEAOF").contains("started"));
        until(|| text(&mut redis.client(), "INFO persistence").contains("aof_rewrite_in_progress:0"));
        fill(&mut client, &mut rng, 300);
        let expected = state(&redis);
        drop(redis);
        goes_on_with_ours(&dir, &expected);
        // Redis runs again, where it stopped; what it writes is newer than our log.
        let redis = started(Tcp::redis_with(&dir, &options));
        assert_eq!(state(&redis), expected);
        assert_eq!(text(&mut redis.client(), "SET theirs 1"), "OK");
        let expected = state(&redis);
        drop(redis);
        goes_on_with_ours(&dir, &expected);
        let aside = |name: &str| name.starts_with("log-before-");
        let names = fs::read_dir(dir.join("appendonlydir")).expect("it is there").flatten();
        let aside = names.filter(|entry| aside(&entry.file_name().to_string_lossy())).count();
        assert_eq!(aside, 1, "the older log is kept");
        let _left_behind = fs::remove_dir_all(dir);
    }
}

#[test]
fn one_file_with_a_snapshot_in_front_comes_in() {
    let dir = dir("single");
    let redis = started(Tcp::redis_with(&dir, &["--dbfilename", "appendonly.aof"]));
    let (mut client, mut rng) = (redis.client(), Rng::new(12));
    fill(&mut client, &mut rng, 200);
    assert_eq!(text(&mut client, "SAVE"), "OK");
    drop(redis);
    let mut file = fs::read(dir.join("appendonly.aof")).expect("it was saved");
    file.extend_from_slice(
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n9\r\n*3\r\n$3\r\nSET\r\n$4\r\ntail\r\n$1\r\nx\r\n*1\r\n$5\r\nMULTI\r\n",
    );
    file.extend_from_slice(b"*2\r\n$3\r\nDEL\r\n$4\r\ntail\r\n");
    let import = dir.join("any name");
    fs::write(&import, &file).expect("the directory is ours");
    fs::write(dir.join("appendonly.aof"), &file).expect("the directory is ours");
    let server = ours(&dir);
    let mut client = server.client();
    text(&mut client, "SELECT 9");
    assert_eq!(text(&mut client, "GET tail"), "\"x\"");
    let expected = state(&server);
    drop(server);
    goes_on_with_ours(&dir, &expected);
    let into = self::dir("imported");
    let output = run(&["--import", &import.display().to_string(), "--dir", &into.display().to_string()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(state(&started(Tcp::redis_with(&into, &[]))), expected, "as Redis reads what was imported");
    for dir in [dir, into] {
        let _left_behind = fs::remove_dir_all(dir);
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Writes down what a server with the files of a fixture answers:
/// `FIXTURE=redis8-aof SERVER=127.0.0.1:6380 cargo test -p compat-tests --test aof -- --ignored`
#[test]
#[ignore = "needs another server: it makes what the next test reads"]
fn writes_down_what_a_fixture_holds() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let server = Tcp::at(&variable("SERVER")).unwrap_or_else(|fault| panic!("{fault}"));
    fs::write(fixture(&variable("FIXTURE")).join("holds.txt"), state(&server)).expect("the folder is there");
}

/// `fixtures/*-aof` were written by those servers: all types, a rewrite, transactions, annotations of the time.
#[test]
fn files_of_newer_servers_come_in() {
    for name in ["redis8-aof", "valkey9-aof"] {
        let (from, dir) = (fixture(name), dir(name));
        fs::create_dir(dir.join("appendonlydir")).expect("the directory is ours");
        for entry in fs::read_dir(&from).expect("the fixture is there").flatten() {
            fs::copy(entry.path(), dir.join("appendonlydir").join(entry.file_name())).expect("the directory is ours");
        }
        let server = ours(&dir);
        let expected = fs::read_to_string(from.join("holds.txt")).expect("it is there");
        for (ours, theirs) in state(&server).lines().zip(expected.lines()) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(state(&server).len(), expected.len(), "{name}");
        let deadlines = text(&mut server.client(), "HPEXPIRETIME key:12 FIELDS 2 soon never");
        assert_eq!(deadlines, "1) (integer) 33177117420000\n2) (integer) -1", "{name}");
        drop(server);
        let _left_behind = fs::remove_dir_all(dir);
    }
}

fn run(words: &[&str]) -> Output {
    let binary = our_binary().unwrap_or_else(|fault| panic!("{fault}"));
    Command::new(binary).args(words).stdin(Stdio::null()).output().expect("the server is a program")
}

fn request(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    format!("*{}\r\n{}", words.len(), words.iter().map(word).collect::<String>())
}

/// A directory with a manifest and files.
fn laid_out(name: &str, manifest: &str, files: &[(&str, &str)]) -> PathBuf {
    let dir = dir(name);
    let aof = dir.join("appendonlydir");
    fs::create_dir_all(&aof).expect("the directory is ours");
    fs::write(aof.join("appendonly.aof.manifest"), manifest).expect("the directory is ours");
    for (name, content) in files {
        fs::write(aof.join(name), content).expect("the directory is ours");
    }
    dir
}

/// A manifest, files, options, and what the log says then.
type Refused<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

const BASE: &str = "file a.1.base.aof seq 1 type b\n";
const INCR: &str = "file a.1.incr.aof seq 1 type i\n";

#[test]
fn what_cannot_be_loaded_is_refused_in_redis_words_and_stays() {
    let set = request("SET k v");
    let cut = &set[..set.len() - 1];
    let open = format!("{set}{}{set}", request("MULTI"));
    let unknown = format!("{set}{}", request("BLA k v"));
    let both = format!("{BASE}{INCR}");
    let no = &["--aof-load-truncated", "no"][..];
    let cases: [Refused; 9] = [
        (
            &both,
            &[("a.1.base.aof", &set)],
            &[],
            "Unable to obtain the AOF file a.1.incr.aof length. stat: No such file",
        ),
        (
            &both,
            &[("a.1.base.aof", cut), ("a.1.incr.aof", &set)],
            &[],
            "Fatal error: the truncated file is not the last",
        ),
        (INCR, &[("a.1.incr.aof", cut)], no, "Unexpected end of file reading the append only file a.1.incr.aof"),
        (INCR, &[("a.1.incr.aof", &open)], no, "Revert incomplete MULTI/EXEC transaction in AOF file a.1.incr.aof"),
        (INCR, &[("a.1.incr.aof", "*1\r\n!!!")], &[], "Bad file format reading the append only file a.1.incr.aof"),
        (INCR, &[("a.1.incr.aof", &unknown)], &[], "Unknown command 'BLA' reading the append only file a.1.incr.aof"),
        ("", &[], &[], "Found an empty AOF manifest"),
        ("file a seq 1 type x\n", &[], &[], ">>> 'file a seq 1 type x'"),
        (
            INCR,
            &[("a.1.incr.aof", "REDIS0010\u{7f}")],
            &[],
            "Error reading the RDB base file a.1.incr.aof, AOF loading aborted",
        ),
    ];
    for (manifest, files, options, words) in cases {
        let dir = laid_out("refused", manifest, files);
        let before = their_files(&dir);
        let path = dir.display().to_string();
        let mut all = vec!["--port", "0", "--unixsocket", "s", "--dir", &path, "--appendonly", "yes"];
        all.extend(options);
        let output = run(&all);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(words), "'{words}' in {said}");
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert_eq!(their_files(&dir), before);
        assert!(!dir.join("appendonlydir/log.manifest").exists(), "{words}");
        let _left_behind = fs::remove_dir_all(dir);
    }
}

#[test]
fn what_is_cut_off_at_the_end_is_left_out() {
    let (set, cut) = (request("SET k v"), request("SET k w"));
    let dir = laid_out("cut", INCR, &[("a.1.incr.aof", &format!("{set}{}", &cut[..cut.len() - 3]))]);
    let server = ours(&dir);
    assert_eq!(text(&mut server.client(), "GET k"), "\"v\"");
    drop(server);
    let _left_behind = fs::remove_dir_all(dir);
}

/// Clients are told to wait, and see how far it is.
#[test]
fn clients_hear_that_it_is_loading() {
    let script = "redis.call('SET','k','v') local t=os.clock() while os.clock()-t<1.5 do end";
    let busy = format!("*3\r\n$4\r\nEVAL\r\n${}\r\n{script}\r\n$1\r\n0\r\n", script.len());
    let content = format!("{}{busy}{}", request("SET early 1"), request("SET late 1"));
    let dir = laid_out("loading", INCR, &[("a.1.incr.aof", &content)]);
    let server = Tcp::ours_with(&dir, ON).unwrap_or_else(|fault| panic!("{fault}"));
    let mut client = server.client();
    assert_eq!(text(&mut client, "GET early"), "(error) LOADING Redis is loading the dataset in memory");
    assert_eq!(text(&mut client, "BGREWRITEAOF"), "(error) LOADING Redis is loading the dataset in memory");
    let info = text(&mut client, "INFO persistence");
    for field in ["nloading:1", "loading_total_bytes:", "loading_loaded_perc:"] {
        assert!(info.contains(field), "{field} in {info}");
    }
    let server = started(Ok(server));
    let mut client = server.client();
    for key in ["early", "k", "late"] {
        assert_eq!(text(&mut client, &format!("EXISTS {key}")), "(integer) 1", "{key}");
    }
    drop(server);
    let _left_behind = fs::remove_dir_all(dir);
}

/// What the tool says, without the head of lines of the log, and how it ends.
fn told(program: &Path, first: &[&str], words: &[&str], dir: &Path, answer: &str) -> (String, Option<i32>) {
    use std::io::Write;
    let mut child = Command::new(program)
        .args(first)
        .args(words)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut input = child.stdin.take().expect("a pipe");
    // Who asks nothing does not read it.
    let _unread = input.write_all(answer.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| match line.split_once(" # ") {
        Some((_, words)) => words.to_owned(),
        None => line.to_owned(),
    };
    (text.lines().map(line).collect::<Vec<_>>().join("\n"), output.status.code())
}

#[test]
fn the_checker_says_what_redis_says() {
    let theirs = Path::new("redis-check-aof");
    let binary = our_binary().unwrap_or_else(|fault| panic!("{fault}"));
    let mut rng = Rng::new(13);
    let sound: String = (0..6).map(|n| format!("#TS:{}\r\n{}", 100 + n, request(&format!("SET key{n} {n}")))).collect();
    let sound = format!("{}{}{}{sound}", request("MULTI"), request("DEL a"), request("EXEC"));
    let manifest = format!("{BASE}{INCR}");
    for round in 0..60 {
        let mut bytes = sound.clone().into_bytes();
        match round % 4 {
            0 => {}
            1 => bytes.truncate(rng.below(bytes.len())),
            2 => {
                let at = rng.below(bytes.len());
                bytes[at] = b"*$x\r\n#9"[rng.below(7)];
            }
            _ => bytes.extend_from_slice(request("MULTI").as_bytes()),
        }
        let content = String::from_utf8(bytes).expect("text");
        let (base, incr) = if round % 5 == 4 { (content.as_str(), "") } else { (sound.as_str(), content.as_str()) };
        let time = (98 + rng.below(9)).to_string();
        let words: &[&str] = match round % 3 {
            0 => &[],
            1 => &["--fix"],
            _ => &["--truncate-to-timestamp", &time],
        };
        let file = ["appendonlydir/appendonly.aof.manifest", "appendonlydir/a.1.incr.aof"][round % 2];
        let words: Vec<&str> = words.iter().copied().chain([file]).collect();
        let answer = ["y\n", "n\n"][round / 3 % 2];
        let mut results = Vec::new();
        for (program, first) in [(theirs, &[][..]), (&binary, &["--check-aof"][..])] {
            let dir = laid_out("checker", &manifest, &[("a.1.base.aof", base), ("a.1.incr.aof", incr)]);
            let said = told(program, first, &words, &dir, answer);
            results.push((said, fs::read(dir.join("appendonlydir/a.1.incr.aof")).expect("a file")));
            let _left_behind = fs::remove_dir_all(dir);
        }
        assert_eq!(results[1], results[0], "round {round}, {words:?}, of {content:?}");
    }
}

#[test]
fn the_checker_refuses_what_redis_refuses() {
    let binary = our_binary().unwrap_or_else(|fault| panic!("{fault}"));
    let manifests = [
        "file a seq 1 type b\nfile a seq 1 type b\n",
        "file a seq 1 type q\n",
        "file a seq 2 type i\nfile b seq 1 type i\n",
    ];
    for manifest in manifests {
        let dir = laid_out("manifests", manifest, &[]);
        let words = ["appendonlydir/appendonly.aof.manifest"];
        let theirs = told(Path::new("redis-check-aof"), &[], &words, &dir, "");
        assert_eq!(told(&binary, &["--check-aof"], &words, &dir, ""), theirs, "{manifest}");
        let _left_behind = fs::remove_dir_all(dir);
    }
    let name = std::env::temp_dir().join(format!("aof-{}-redis-check-aof", std::process::id()));
    let _not_there = fs::remove_dir_all(&name);
    fs::create_dir_all(&name).expect("a directory");
    let link = name.join("redis-check-aof");
    std::os::unix::fs::symlink(&binary, &link).expect("the directory is ours");
    for words in [&["/nowhere"][..], &[], &["--fix", "a", "b", "c"]] {
        let said = told(&link, &[], words, &name, "");
        assert_eq!(said, told(Path::new("redis-check-aof"), &[], words, &name, ""), "by that name, {words:?}");
    }
    let _left_behind = fs::remove_dir_all(name);
}

#[test]
fn a_server_that_runs_loads_its_log_again() {
    let dir = dir("loadaof");
    let server = started(Tcp::ours_with(&dir, &["--appendonly", "yes", "--enable-debug-command", "yes"]));
    let (mut client, mut rng) = (server.client(), Rng::new(7));
    for _ in 0..3 {
        fill(&mut client, &mut rng, 150);
        let expected = state(&server);
        assert_eq!(text(&mut client, "DEBUG LOADAOF"), "OK");
        assert_eq!(state(&server), expected);
    }
    // A log that is off has what was there when it was rewritten.
    assert_eq!(text(&mut client, "CONFIG SET appendonly no"), "OK");
    fill(&mut client, &mut rng, 50);
    assert_eq!(text(&mut client, "BGREWRITEAOF"), "Background append only file rewriting started");
    until(|| text(&mut client, "INFO persistence").contains("aof_rewrite_in_progress:0"));
    let expected = state(&server);
    fill(&mut client, &mut rng, 20);
    assert_eq!(text(&mut client, "DEBUG LOADAOF"), "OK");
    assert_eq!(state(&server), expected);
    drop(server);
    let _still_there = fs::remove_dir_all(&dir);
}

#[test]
fn a_log_that_has_no_data_yet_keeps_the_server_running() {
    let dir = dir("first-rewrite");
    let server = started(Tcp::ours_with(&dir, &["--rdb-key-save-delay", "10000000"]));
    let mut client = server.client();
    for key in 0..10 {
        text(&mut client, &format!("SET k{key} v"));
    }
    let is_rewriting = |client: &mut Connection| text(client, "INFO persistence").contains("aof_rewrite_in_progress:1");
    assert_eq!(text(&mut client, "CONFIG SET appendonly yes"), "OK");
    until(|| is_rewriting(&mut client));
    assert_eq!(text(&mut client, "SHUTDOWN NOSAVE"), "(error) ERR Errors trying to SHUTDOWN. Check logs.");
    // What ends takes a moment; a rewrite that is asked for meanwhile begins then.
    assert_eq!(text(&mut client, "CONFIG SET rdb-key-save-delay 0"), "OK");
    assert_eq!(text(&mut client, "CONFIG SET appendonly no"), "OK");
    assert_eq!(text(&mut client, "BGREWRITEAOF"), "Background append only file rewriting started");
    until(|| text(&mut client, "INFO persistence").contains("aof_rewrites:1"));
    until(|| !is_rewriting(&mut client));
    assert_eq!(text(&mut client, "DBSIZE"), "(integer) 10");
    // In a transaction it is scheduled: a look at the clock begins it, perhaps before the transaction is over.
    for line in ["MULTI", "CONFIG SET appendonly yes", "INFO persistence"] {
        text(&mut client, line);
    }
    let told = text(&mut client, "EXEC");
    assert!(told.contains("aof_rewrite_in_progress:1") || told.contains("aof_rewrite_scheduled:1"), "{told}");
    until(|| text(&mut client, "INFO persistence").contains("aof_rewrites:2"));
    drop(server);
    let _still_there = fs::remove_dir_all(&dir);
}

/// Loading must not expire it: the time is over when the base is read, but was not when the log says that it stays.
#[test]
fn a_field_that_lost_its_deadline_in_time_outlives_a_restart() {
    let dir = dir("field-persists");
    let server = ours(&dir);
    let mut client = server.client();
    let deadline_ms = now_ms() + 1500;
    for key in ["packed", "table"] {
        assert_eq!(text(&mut client, &format!("HSET {key} stays 1 goes 2")), "(integer) 2");
        text(&mut client, &format!("HPEXPIREAT {key} {deadline_ms} FIELDS 2 stays goes"));
        assert_eq!(text(&mut client, "CONFIG SET hash-max-listpack-entries 1"), "OK");
    }
    text(&mut client, "BGREWRITEAOF");
    until(|| text(&mut client, "INFO persistence").contains("aof_rewrite_in_progress:0"));
    for key in ["packed", "table"] {
        assert_eq!(text(&mut client, &format!("HPERSIST {key} FIELDS 1 stays")), "1) (integer) 1");
    }
    drop(server);
    until(|| now_ms() > deadline_ms);
    let server = ours(&dir);
    for key in ["packed", "table"] {
        assert_eq!(text(&mut server.client(), &format!("HGETALL {key}")), "1) \"stays\"\n2) \"1\"");
    }
    drop(server);
    let _still_there = fs::remove_dir_all(&dir);
}

/// As in Redis, they are loaded, and then expire and count.
#[test]
fn fields_that_expired_before_a_load_are_counted() {
    let dir = dir("fields-expire");
    let server = started(Tcp::ours_in(&dir));
    let mut client = server.client();
    let deadline_ms = now_ms() + 1000;
    text(&mut client, "HSET h a 1 b 2 c 3");
    text(&mut client, &format!("HPEXPIREAT h {deadline_ms} FIELDS 2 a b"));
    text(&mut client, "HSET all a 1");
    text(&mut client, &format!("HPEXPIREAT all {deadline_ms} FIELDS 1 a"));
    assert_eq!(text(&mut client, "SAVE"), "OK");
    drop(server);
    until(|| now_ms() > deadline_ms);
    let server = started(Tcp::ours_in(&dir));
    let mut client = server.client();
    assert!(text(&mut client, "INFO persistence").contains("rdb_last_load_keys_loaded:2"));
    until(|| text(&mut client, "INFO stats").contains("expired_subkeys:3"));
    assert_eq!(text(&mut client, "DBSIZE"), "(integer) 1");
    drop(server);
    let _still_there = fs::remove_dir_all(&dir);
}

/// `key-load-delay` slows a load down, and `appendonly` changes during it: what counts is the last word.
#[test]
fn the_log_goes_on_or_off_while_the_data_is_loaded() {
    let slow: &[&str] = &["--key-load-delay", "1000000"];
    for (was, becomes) in [("yes", "no"), ("no", "yes")] {
        let dir = dir(&format!("switch-to-{becomes}"));
        let server = started(Tcp::ours_with(&dir, &["--appendonly", was]));
        let mut client = server.client();
        for key in 0..20 {
            text(&mut client, &format!("SET k{key} v"));
        }
        if was == "no" {
            assert_eq!(text(&mut client, "SAVE"), "OK");
        }
        drop(server);
        let options = [&["--appendonly", was][..], slow].concat();
        let server = Tcp::ours_with(&dir, &options).unwrap_or_else(|fault| panic!("{fault}"));
        let mut client = server.client();
        assert!(text(&mut client, "INFO persistence").contains("nloading:1"));
        assert_eq!(text(&mut client, &format!("CONFIG SET appendonly {becomes}")), "OK");
        assert!(text(&mut client, "INFO persistence").contains("nloading:1"));
        assert_eq!(text(&mut client, "CONFIG SET key-load-delay 0"), "OK");
        let server = started(Ok(server));
        let is_on = format!("aof_enabled:{}", u8::from(becomes == "yes"));
        until(|| text(&mut client, "INFO persistence").contains(&is_on));
        until(|| text(&mut client, "INFO persistence").contains("aof_rewrite_in_progress:0"));
        assert_eq!(text(&mut client, "DBSIZE"), "(integer) 20");
        assert_eq!(text(&mut client, "SET later 1"), "OK");
        drop(server);
        let server = started(Tcp::ours_with(&dir, &["--appendonly", becomes]));
        // The log that was turned off has nothing that came later, and there is no snapshot.
        let keys = if becomes == "yes" { "(integer) 21" } else { "(integer) 0" };
        assert_eq!(text(&mut server.client(), "DBSIZE"), keys);
        drop(server);
        let _still_there = fs::remove_dir_all(&dir);
    }
}
