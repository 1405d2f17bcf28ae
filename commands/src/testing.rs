//! Transcripts in process: `check("> SET k v\nOK")` runs a redis-cli session against an instance of its own.
//!
//! Lines `> words` are requests of client 1, `@2> words` of client 2; `@2` alone takes the next reply that came
//! to client 2 unasked (a served wait, a message); `+ 100ms` moves the clock; the rest is the expected reply as
//! redis-cli prints it. Words are split as redis-cli splits them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use resp::{Proto, Reply, Writer, parse_reply};
use settings::Settings;

use crate::client::{Client, Shared};
use crate::execute::{Outcome, execute, unknown};
use crate::module::Module;
use crate::node::Node;
use crate::node::blocking::LetGo;
use crate::node::core::Core;
use crate::node::log::Log;
use crate::request::OwnedRequest;
use crate::table::Table;

/// A log that keeps records in memory, by their places.
#[derive(Default)]
pub struct Kept {
    next: AtomicU64,
    records: Mutex<BTreeMap<u64, Vec<u8>>>,
    durable: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Kept {
    /// The records since the last call, in order.
    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.records.lock()).into_values().collect()
    }
}

impl Log for Kept {
    fn reserve(&self) -> u64 {
        self.next.fetch_add(1, SeqCst) + 1
    }

    fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    fn is_healthy(&self) -> bool {
        self.failure.lock().is_none()
    }

    fn durable(&self) -> u64 {
        self.durable.load(SeqCst)
    }

    fn poll_durable(&self, place: u64, _: &mut Context<'_>) -> Poll<()> {
        if self.durable() >= place { Poll::Ready(()) } else { Poll::Pending }
    }

    fn append(&self, place: u64, record: &[u8]) {
        assert!(!record.is_empty());
        assert!(self.records.lock().insert(place, record.to_vec()).is_none());
    }
}

/// Scratch directories have this in front of their names.
const SCRATCH: &str = "fixture-";

/// Settings by words of the command line, with a data directory of their own, which goes with its [`Fixture`].
///
/// # Panics
/// When the words are no settings.
pub fn settings(words: &[&str]) -> Settings {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("{SCRATCH}{}-{}", std::process::id(), COUNT.fetch_add(1, SeqCst));
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    let dir = dir.display().to_string();
    let words: Vec<Vec<u8>> = ["--dir", &dir].iter().chain(words).map(|word| word.as_bytes().to_vec()).collect();
    match Settings::load(&words, &mut std::io::empty()) {
        Ok(settings::Startup::Serve(configured)) => configured.settings,
        _ => panic!("the words are no settings"),
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let dir = self.node.settings.dir();
        let is_scratch = dir.as_path().file_name().is_some_and(|name| name.to_string_lossy().starts_with(SCRATCH));
        if is_scratch {
            // A snapshot that is still being written fails, and nobody minds.
            let _ = std::fs::remove_dir_all(dir.as_path());
        }
    }
}

/// An instance with one core and any number of clients.
pub struct Fixture {
    /// The instance.
    pub node: Arc<Node>,
    core: Core,
    clients: HashMap<u32, Client>,
    kept: Arc<Kept>,
    /// The wall clock that commands see: it stands still, so that a busy machine changes no reply.
    now_ms: i64,
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Fixture {
    /// A fresh instance.
    pub fn new() -> Self {
        Self::with_settings(settings(&[]))
    }

    /// A fresh instance with these settings.
    pub fn with_settings(settings: Settings) -> Self {
        Self::of(Self::node(settings))
    }

    /// A fresh instance that finds `used_memory` with a function of the test's own.
    #[cfg(test)]
    pub(crate) fn measuring(measure: fn() -> u64) -> Self {
        let mut node = Self::node(settings(&[]));
        node.measure = measure;
        Self::of(node)
    }

    /// A fresh instance with the commands of modules.
    pub fn with_modules(modules: &[&'static Module]) -> Self {
        let table = Table::with_modules(&[], modules).expect("the table is sound");
        Self::of(Node::new(settings(&[]), table, 1).expect("the OS gives random bytes"))
    }

    fn node(settings: Settings) -> Node {
        let table = Table::new(&[]).expect("the table is sound");
        Node::new(settings, table, 1).expect("the OS gives random bytes")
    }

    fn of(node: Node) -> Self {
        let node = Arc::new(node);
        node.keep_own();
        let core = Core::new(&node, 0).expect("the OS gives random bytes");
        Self { node, core, clients: HashMap::new(), kept: Arc::default(), now_ms: base::clock::unix_ms() }
    }

    /// A client by its number in the transcript, connected at its first use.
    pub fn client(&mut self, number: u32) -> &mut Client {
        let node = &self.node;
        self.clients.entry(number).or_insert_with(|| {
            let id = node.next_client_id();
            let now_ms = base::clock::unix_ms();
            let shared = Arc::new(Shared::new(id, 8, "127.0.0.1:50000".into(), "127.0.0.1:6379".into(), now_ms));
            node.clients.insert(id, shared.clone());
            Client::new(node, shared)
        })
    }

    /// A client whose connection has ended: its number is free for another one.
    pub fn forget(&mut self, number: u32) {
        if let Some(client) = self.clients.remove(&number) {
            self.node.clients.remove(&client.shared.id);
        }
    }

    /// A fresh instance with a warm tier on a disk, whose tables and random numbers follow from a seed.
    #[cfg(test)]
    pub(crate) fn with_tier(disk: Option<&persistence::disk::simulated::SimulatedDisk>, seed: u64) -> Self {
        let mut node = Self::node(settings(&["--enable-debug-command", "yes"]));
        node.space = keyspace::shard::Keyspace::new(8, node.settings.databases() as usize, seed);
        let mut fixture = Self::of(node);
        fixture.core.random = std::cell::RefCell::new(base::id::Rng::from_seed(seed));
        if let Some(disk) = disk {
            fixture.node.open_tier_at("/tier".as_ref(), Arc::new(disk.clone())).expect("the disk is sound");
        }
        fixture
    }

    /// Moves every value to the tier, and waits until all are in files.
    #[cfg(test)]
    pub(crate) fn cool(&mut self) -> usize {
        let mut tally = keyspace::change::Tally::default();
        let mut keys = keyspace::keys::Keys::lock_all(&self.node.space, 0, self.core.now, &mut tally);
        let moved = self.node.cool_everything(&mut keys);
        drop(keys);
        for &ticket in &moved {
            while ticket.is_pending() {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        }
        moved.len()
    }

    /// Sets the clock that commands see.
    #[cfg(test)]
    pub(crate) fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// Changes a setting.
    pub fn configure(&self, name: &str, value: &str) {
        self.node.settings.set(&[(name, value)], settings::Caller::default()).expect("a setting and a value it takes");
    }

    /// The clock that commands see.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Moves the clock to the end of a client's wait, if it waits.
    pub fn wait_out(&mut self, number: u32) {
        let waiter = self.client(number).waiting.clone().filter(|waiter| !waiter.is_over());
        if let Some(until_ms) = waiter.and_then(|waiter| waiter.until_ms()) {
            self.advance_ms(until_ms - self.now_ms);
        }
    }

    /// Goes on with a client's request whose work elsewhere is done, if it is; true then.
    pub fn resume(&mut self, number: u32) -> bool {
        let waiter = self.client(number).waiting.clone();
        let Some(waiter) = waiter.filter(|waiter| self.node.migrations.is_done(waiter.client_id())) else {
            return false;
        };
        crate::wake::resume(&self.node, &mut self.core, &waiter);
        true
    }

    /// Whether a client waits for keys.
    pub fn is_waiting(&mut self, number: u32) -> bool {
        self.client(number).waiting.as_ref().is_some_and(|waiter| !waiter.is_over())
    }

    /// Runs an effect of another instance, when nothing is over yet: as a start does with its log.
    pub fn replay(&mut self, db: usize, words: &[&[u8]]) {
        if [&b"MULTI"[..], b"EXEC"].contains(&words[0]) {
            return;
        }
        let now_ms = std::mem::replace(&mut self.now_ms, 0);
        self.client(0).select(db);
        let reply = self.run(0, words).expect("effects do not wait");
        assert!(!reply.starts_with(b"-"), "{}: {}", words[0].escape_ascii(), reply.escape_ascii());
        self.now_ms = now_ms;
    }

    /// All keys with their values and deadlines as they are seen at a time, a line each.
    pub fn contents(&mut self, now_ms: i64) -> Vec<String> {
        self.now_ms = now_ms;
        let mut lines = Vec::new();
        for db in 0..4 {
            self.client(99).select(db);
            let mut names: Vec<String> = self.cli(99, "KEYS *").lines().map(str::to_owned).collect();
            names.sort_by_cached_key(|line| line.split_once(") ").map(|(_, name)| name.to_owned()));
            for line in names {
                let Some((_, key)) = line.split_once(") ") else { continue };
                let kind = self.cli(99, &format!("TYPE {key}"));
                let value = match &kind[..] {
                    "string" => self.cli(99, &format!("GET {key}")),
                    "list" => self.cli(99, &format!("LRANGE {key} 0 -1")),
                    "set" => sorted(&self.cli(99, &format!("SORT {key} ALPHA"))),
                    "zset" => self.cli(99, &format!("ZRANGE {key} 0 -1 WITHSCORES")),
                    "hash" => self.hash_contents(key),
                    "stream" => {
                        self.cli(99, &format!("XRANGE {key} - +")) + &self.cli(99, &format!("XINFO GROUPS {key}"))
                    }
                    other => panic!("type {other}"),
                };
                let until = self.cli(99, &format!("PEXPIRETIME {key}"));
                lines.push(format!("{db} {key} {kind} until {until}: {value}"));
            }
        }
        lines
    }

    fn hash_contents(&mut self, key: &str) -> String {
        let fields = self.cli(99, &format!("HKEYS {key}"));
        let mut lines: Vec<String> = Vec::new();
        for field in fields.lines().filter_map(|line| line.split_once(") ")).map(|(_, field)| field) {
            let value = self.cli(99, &format!("HGET {key} {field}"));
            let until = self.cli(99, &format!("HPEXPIRETIME {key} FIELDS 1 {field}"));
            lines.push(format!("{field} = {value} until {until}"));
        }
        lines.sort();
        lines.join(", ")
    }

    /// Says up to which place the kept effects are durable.
    pub fn set_durable(&self, place: u64) {
        self.kept.durable.store(place, SeqCst);
    }

    /// Says why no effects can be kept any more.
    pub fn fail_log(&self, reason: &str) {
        *self.kept.failure.lock() = Some(reason.to_owned());
    }

    /// Keeps the effects of all commands from now on.
    pub fn keep_effects(&mut self) {
        self.node.set_log(self.kept.clone());
        self.node.set_logging(true);
    }

    /// The effects since the last call, with their databases, in order.
    pub fn take_effects(&mut self) -> Vec<(usize, Vec<Vec<u8>>)> {
        let mut effects = Vec::new();
        for record in self.kept.take() {
            let (mut at, mut db) = (0, 0);
            while let Some((Reply::Array(words), used)) = parse_reply(&record[at..]) {
                at += used;
                let words: Vec<Vec<u8>> =
                    words.iter().map(|word| word.as_bytes().expect("bulk strings").to_vec()).collect();
                match &words[..] {
                    [name, number] if name == b"SELECT" => {
                        db = base::number::parse_i64(number).expect("a number") as usize;
                    }
                    _ => effects.push((db, words)),
                }
            }
            assert_eq!(at, record.len(), "whole requests");
        }
        effects
    }

    /// Moves the clock that commands see.
    pub fn advance_ms(&mut self, ms: i64) {
        self.now_ms += ms;
        for waiter in self.clients.values().filter_map(|client| client.waiting.as_ref()) {
            if waiter.until_ms().is_some_and(|until_ms| until_ms <= self.now_ms) {
                self.node.blocking.let_go(&self.node, &self.core.stats, waiter, LetGo::TimedOut);
            }
        }
    }

    /// Does the core's background work once.
    pub fn tick(&mut self) {
        self.core.begin_batch_at(&self.node, self.now_ms);
        self.node.work(&mut self.core, 10);
    }

    /// Runs one request and answers the reply's bytes; None when the client waits.
    pub fn run(&mut self, number: u32, words: &[&[u8]]) -> Option<Vec<u8>> {
        self.client(number);
        let Self { node, core, clients, now_ms, .. } = self;
        let client = clients.get_mut(&number)?;
        core.begin_batch_at(node, *now_ms);
        assert!(client.waiting.take().is_none_or(|waiter| waiter.is_over()), "client {number} still waits");
        let mut out = Writer::new(client.proto);
        let Some(row) = node.table.resolve(words[0], words.get(1).copied()) else {
            unknown(node, core, client, words.iter().copied(), &mut out);
            return Some(out.segments().flatten().copied().collect());
        };
        let request = OwnedRequest::new(row, words);
        let mut outcome = execute(node, core, client, request.request(), &mut out);
        while outcome == Outcome::Fetch {
            while client.is_set_aside() {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
            outcome = execute(node, core, client, request.request(), &mut out);
        }
        match outcome {
            Outcome::Done | Outcome::Refused => Some(out.segments().flatten().copied().collect()),
            Outcome::Wait(_) => None,
            Outcome::Fetch => unreachable!("the loop above"),
            Outcome::Paused => Some(b"+(paused)\r\n".to_vec()),
        }
    }

    /// Runs a line as redis-cli would, and prints the reply as redis-cli would.
    pub fn cli(&mut self, number: u32, line: &str) -> String {
        let words = base::quote::split_args(line.as_bytes()).expect("balanced quotes in the transcript");
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.run(number, &words).map_or_else(|| "(waits)".to_owned(), |bytes| print(&bytes))
    }

    /// What came to a client unasked, printed.
    pub fn received(&mut self, number: u32) -> String {
        let messages = self.client(number).shared.take_outbox();
        if messages.is_empty() {
            return "(nothing)".to_owned();
        }
        messages.iter().map(|message| print(message)).collect::<Vec<_>>().join("\n")
    }
}

fn sorted(reply: &str) -> String {
    let mut lines: Vec<&str> = reply.lines().filter_map(|line| line.split_once(") ")).map(|(_, text)| text).collect();
    lines.sort_unstable();
    lines.join(" ")
}

fn print(bytes: &[u8]) -> String {
    let (mut at, mut texts) = (0, Vec::new());
    while at < bytes.len() {
        let (reply, used) = parse_reply(&bytes[at..]).expect("whole replies");
        texts.push(reply.to_cli().trim_end().to_owned());
        at += used;
    }
    texts.join("\n")
}

/// Runs a transcript on a fresh instance, under RESP2.
pub fn check(transcript: &str) {
    check_with(&mut Fixture::new(), transcript);
}

/// Runs a transcript on a fresh instance, under RESP3.
pub fn check3(transcript: &str) {
    let mut fixture = Fixture::new();
    fixture.client(1).proto = Proto::Resp3;
    check_with(&mut fixture, transcript);
}

/// Runs a transcript on an instance.
pub fn check_with(fixture: &mut Fixture, transcript: &str) {
    let lines: Vec<&str> = transcript.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let mut at = 0;
    while at < lines.len() {
        let step = lines[at].trim_start();
        at += 1;
        let start = at;
        while at < lines.len() && !is_step(lines[at]) {
            at += 1;
        }
        let Some(got) = take_step(fixture, step) else { continue };
        // Numbers are right-aligned: the first line need not be the leftmost.
        let indent = lines[start..at].iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
        let expected: Vec<&str> =
            lines[start..at].iter().map(|line| line.get(indent..).unwrap_or(line.trim())).collect();
        assert_eq!(got, expected.join("\n"), "\nafter {step}");
    }
}

fn is_step(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("> ") || line.starts_with('@') || line.starts_with("+ ")
}

fn take_step(fixture: &mut Fixture, step: &str) -> Option<String> {
    if let Some(ms) = step.strip_prefix("+ ") {
        fixture.advance_ms(ms.trim_end_matches("ms").parse().expect("+ 100ms"));
        return None;
    }
    if let Some(line) = step.strip_prefix("> ") {
        return Some(fixture.cli(1, line));
    }
    let step = step.trim_start_matches('@');
    let number: String = step.chars().take_while(char::is_ascii_digit).collect();
    let client = number.parse().expect("a client's number");
    Some(match step[number.len()..].strip_prefix("> ") {
        Some(line) => fixture.cli(client, line),
        None => fixture.received(client),
    })
}
