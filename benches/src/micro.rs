//! Commands in process: what parsing, finding the row and everything together take, without sockets and with few keys,
//! so that instructions count and not memory.
//!
//! Invariant: each timed run does the same work; the best of several is reported, the one that nobody disturbed.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use commands::client::{Client, Shared};
use commands::execute::execute;
use commands::node::Node;
use commands::node::core::Core;
use commands::request::{Request, hash_keys};
use commands::table::Table;
use resp::{Limits, Parsed, Proto, Span, Writer, parse_command};
use settings::Settings;

/// Commands of one timed run.
const COMMANDS: usize = 20_000;
/// Timed runs, of which the best counts.
const RUNS: usize = 15;
/// Different keys.
const KEYS: usize = 1000;
/// Commands after which replies are thrown away, as a batch's are sent.
const BATCH: usize = 32;

/// One benchmark: `make` gives the words of the `n`-th command.
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    make: fn(usize) -> Vec<String>,
}

/// All benchmarks. Lists and sets grow to `COMMANDS` elements and start anew with each instance.
pub const CASES: &[Case] = &[
    Case { name: "get", make: |n| words(&["GET", &key(n)]) },
    Case { name: "set 64", make: |n| words(&["SET", &key(n), &"v".repeat(64)]) },
    Case { name: "incr", make: |n| words(&["INCR", &format!("counter:{:012}", n % KEYS)]) },
    Case { name: "lpush", make: |_| words(&["LPUSH", "list", "value"]) },
    Case { name: "hset", make: |n| words(&["HSET", "hash", &key(n), "value"]) },
    Case { name: "sadd", make: |n| words(&["SADD", "set", &key(n)]) },
    Case { name: "zadd", make: |n| words(&["ZADD", "zset", &(n % KEYS).to_string(), &key(n)]) },
    Case { name: "lrange 100", make: |_| words(&["LRANGE", "range", "0", "99"]) },
];

fn key(n: usize) -> String {
    format!("key:{:016}", n * 7919 % KEYS)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Nanoseconds for one command.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Bytes to words.
    pub parse_ns: f64,
    /// A name to its row.
    pub find_ns: f64,
    /// From bytes to the reply.
    pub all_ns: f64,
}

/// A server without sockets.
pub struct Instance {
    node: Arc<Node>,
    core: Core,
    client: Client,
    out: Writer,
    spans: Vec<Span>,
}

impl Instance {
    /// An instance with the keys that the benchmarks read.
    pub fn new() -> io::Result<Self> {
        let table = Table::new(&[]).map_err(io::Error::other)?;
        let node = Arc::new(Node::new(Settings::new(), table, 1)?);
        let core = Core::new(&node, 0)?;
        let now_ms = base::clock::unix_ms();
        let client = Client::new(&node, Arc::new(Shared::new(1, 0, String::new(), String::new(), now_ms)));
        let mut instance = Self { node, core, client, out: Writer::new(Proto::Resp2), spans: Vec::new() };
        for n in 0..KEYS {
            instance.run(&bytes_of(&words(&["SET", &key(n), &"v".repeat(64)])));
            instance.run(&bytes_of(&words(&["RPUSH", "range", &key(n)])));
        }
        Ok(instance)
    }

    /// Times one benchmark.
    pub fn measure(&mut self, case: &Case) -> Times {
        let words: Vec<Vec<String>> = (0..COMMANDS).map(case.make).collect();
        let input: Vec<u8> = words.iter().flat_map(|words| bytes_of(words)).collect();
        let parse_ns = best(|| self.parse(&input));
        let find_ns = best(|| words.iter().filter(|words| self.node.table.find(words[0].as_bytes()).is_some()).count());
        let all_ns = best(|| self.run(&input));
        Times { parse_ns, find_ns, all_ns }
    }

    fn parse(&mut self, input: &[u8]) -> usize {
        let (mut at, mut commands) = (0, 0);
        while let Some(consumed) = next(&input[at..], at, &mut self.spans) {
            at += consumed;
            commands += 1;
        }
        commands
    }

    /// Runs all commands of some input; how many they were.
    pub fn run(&mut self, input: &[u8]) -> usize {
        let Self { node, core, client, out, spans } = self;
        let (mut at, mut commands, mut hashes) = (0, 0, Vec::new());
        while let Some(consumed) = next(&input[at..], at, spans) {
            at += consumed;
            let word = |index: usize| spans.get(index).map(|span| span.of(input));
            let Some(row) = word(0).and_then(|name| node.table.resolve(name, word(1))) else { continue };
            let request = Request { row, buffer: input, spans, hashes: &[] };
            hashes.clear();
            hash_keys(&request, &node.space, &mut hashes);
            execute(node, core, client, Request { hashes: &hashes, ..request }, out);
            commands += 1;
            if commands % BATCH == 0 {
                core.begin_batch(node);
                out.clear();
            }
        }
        out.clear();
        commands
    }

    /// The reply to some input.
    pub fn reply(&mut self, input: &[u8]) -> Vec<u8> {
        let Self { node, core, client, out, spans } = self;
        next(input, 0, spans);
        let word = |index: usize| spans.get(index).map(|span| span.of(input));
        if let Some(row) = word(0).and_then(|name| node.table.resolve(name, word(1))) {
            execute(node, core, client, Request { row, buffer: input, spans, hashes: &[] }, out);
        }
        let reply = out.segments().flatten().copied().collect();
        out.clear();
        reply
    }
}

/// Parses one command into `spans`; how many bytes it took, None at the end of the input.
fn next(input: &[u8], base: usize, spans: &mut Vec<Span>) -> Option<usize> {
    spans.clear();
    match parse_command(input, base, &Limits::default(), spans) {
        Ok(Parsed::Command { consumed }) => Some(consumed),
        _ => None,
    }
}

/// Nanoseconds for one command in the best run; every run must have done all of them.
fn best(mut run: impl FnMut() -> usize) -> f64 {
    let time = |_| {
        let start = Instant::now();
        assert_eq!(run(), COMMANDS, "a run is all commands");
        start.elapsed().as_nanos() as f64 / COMMANDS as f64
    };
    (0..RUNS).map(time).fold(f64::INFINITY, f64::min)
}

fn bytes_of(words: &[String]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_run_what_they_name() {
        for case in CASES {
            let mut instance = Instance::new().expect("the OS gives random bytes");
            let reply = instance.reply(&bytes_of(&(case.make)(0)));
            assert!(!reply.starts_with(b"-"), "{}: {}", case.name, String::from_utf8_lossy(&reply));
            let input: Vec<u8> = (0..100).flat_map(|n| bytes_of(&(case.make)(n))).collect();
            assert_eq!((instance.parse(&input), instance.run(&input)), (100, 100));
        }
        let mut instance = Instance::new().expect("the OS gives random bytes");
        let range = instance.reply(&bytes_of(&words(&["LRANGE", "range", "0", "99"])));
        assert!(range.starts_with(b"*100\r\n"));
    }
}
