//! Requests that arrive together go through shorter ways than single ones: they must answer and leave the same.

use std::path::PathBuf;

use compat_tests::connection::{Connection, PATIENCE, encode};
use compat_tests::rng::Rng;
use compat_tests::target::{Target, Tcp};
use resp::Reply;

/// What changes how a connection's, or everybody's, requests are run stands among those that are run the shortest way.
const WORDS: &[&str] = &[
    "SET k V",
    "SET k V",
    "GET k",
    "GET k",
    "GET k",
    "INCR n",
    "INCR n",
    "APPEND k V",
    "STRLEN k",
    "GETDEL k",
    "SET k V PX 100000",
    "PERSIST k",
    "GETRANGE k 0 3",
    "LPUSH l V",
    "RPOP l",
    "LRANGE l 0 -1",
    "SADD s V",
    "SREM s V",
    "SCARD s",
    "HSET h f V",
    "HGET h f",
    "HINCRBY h n 2",
    "HDEL h f",
    "ZADD z 1 V",
    "ZINCRBY z 2 V",
    "ZRANGE z 0 -1 WITHSCORES",
    "DEL k",
    "UNLINK l",
    "TYPE k",
    "EXISTS k n",
    "MGET k k2 n",
    "RENAME k k2",
    "GET",
    "SET k",
    "INCR k",
    "LPUSH k V",
    "NOSUCH k",
    "MOVE k 1",
    "SELECT 1",
    "SELECT 0",
    "MULTI",
    "EXEC",
    "EXEC",
    "DISCARD",
    "WATCH k",
    "UNWATCH",
    "CLIENT NO-TOUCH ON",
    "CLIENT NO-TOUCH OFF",
    "HELLO 3",
    "HELLO 2",
    "CLIENT TRACKING ON OPTIN",
    "CLIENT CACHING YES",
    "CLIENT TRACKING OFF",
    "SET e V PXAT 1",
    "GET e",
    "OBJECT ENCODING n",
    "CONFIG SET notify-keyspace-events KEA",
    "CONFIG SET notify-keyspace-events \"\"",
    "EVAL \"return redis.call('get','k')\" 0",
];

fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("pipelines-{}-{name}", std::process::id()));
    let _not_there = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory for the test");
    dir
}

/// Random requests: of one key mostly, so that several in a row are of one shard; or of many.
fn requests(rng: &mut Rng, count: usize) -> Vec<String> {
    let keys = *rng.pick(&[1, 3, 1000]);
    let own = |word: &str, rng: &mut Rng| match word {
        "V" => rng.pick(&["1", "a", "12345", "some longer value", ""]).to_string(),
        "k" | "n" | "l" | "s" | "h" | "z" | "e" => format!("{word}{}", rng.below(keys)),
        _ => word.to_owned(),
    };
    let line = |rng: &mut Rng| {
        let words: Vec<String> = rng.pick(WORDS).split(' ').map(|word| own(word, rng)).collect();
        words.iter().map(|word| if word.is_empty() { "\"\"" } else { word }).collect::<Vec<_>>().join(" ")
    };
    (0..count).map(|_| line(rng)).collect()
}

fn argv(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.as_bytes().to_vec());
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    words
}

/// Sends all of it in bursts and answers what came back, pushes left out. Each request has one reply.
fn play(client: &mut Connection, lines: &[String], burst: usize) -> Vec<String> {
    let mut replies = Vec::new();
    for lines in lines.chunks(burst) {
        let mut bytes = Vec::new();
        lines.iter().for_each(|line| encode(&argv(line), &mut bytes));
        client.send_raw(&bytes);
        let until = replies.len() + lines.len();
        while replies.len() < until {
            match client.read(PATIENCE).expect("a reply") {
                Reply::Push(_) => {}
                reply => replies.push(reply.to_cli()),
            }
        }
    }
    replies
}

#[test]
fn bursts_answer_and_leave_what_single_requests_do() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(11);
    let mut rng = Rng::new(seed);
    for options in [&["--appendonly", "yes"][..], &["--maxmemory", "1gb"], &[]] {
        let options: Vec<&str> = options.iter().copied().chain(["--enable-debug-command", "yes"]).collect();
        let (one_dir, many_dir) = (dir("one"), dir("many"));
        let start = |dir: &std::path::Path| Tcp::ours_with(dir, &options).unwrap_or_else(|fault| panic!("{fault}"));
        let (one, many) = (start(&one_dir), start(&many_dir));
        for round in 0..60 {
            let lines = requests(&mut rng, 300);
            let (mut single, mut burst) = (one.client(), many.client());
            let lines_of_burst = 1 + rng.below(200);
            let expected = play(&mut single, &lines, 1);
            let got = play(&mut burst, &lines, lines_of_burst);
            for (at, (expected, got)) in expected.iter().zip(&got).enumerate() {
                assert_eq!(expected, got, "seed {seed} round {round} reply {at} of {lines:#?}");
            }
            let digest = |client: &mut Connection| client.words("DEBUG DIGEST").expect("a digest").to_cli();
            assert_eq!(digest(&mut one.client()), digest(&mut many.client()), "seed {seed} round {round}");
        }
        drop((one, many));
        for dir in [one_dir, many_dir] {
            let _left_behind = std::fs::remove_dir_all(&dir);
        }
    }
}
