//! Effects of the log run again: no guards, no clients, and no time, so that nothing expires before the log says so.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use resp::{Limits, Parsed, Proto, Span, Writer, parse_command};

use crate::client::{Client, Origin, Shared};
use crate::execute;
use crate::node::Node;
use crate::node::core::Core;
use crate::publish;
use crate::request::Request;

/// Why something in a log or a file is no effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoEffect {
    /// There is no command of this name.
    UnknownCommand(String),
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for NoEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(name) => write!(f, "unknown command '{name}'"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// Runs effects on an instance that serves nobody yet.
pub struct Replay<'n> {
    node: &'n Node,
    core: Core,
    client: Client,
    out: Writer,
    spans: Vec<Span>,
    /// Effects that were run.
    pub effects: u64,
    /// Effects that were answered with an error, and the first such answer.
    pub refused: u64,
    /// See `refused`.
    pub first_refusal: Option<String>,
}

/// Requests of a record are no longer than what the server itself wrote.
const LIMITS: Limits = Limits {
    bulk_len_max: u32::MAX as usize,
    args_max: i32::MAX as usize,
    inline_len_max: 64 << 10,
    authenticated: true,
};

impl<'n> Replay<'n> {
    /// On `node`, beside its cores.
    pub fn new(node: &'n Node) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(0, -1, String::new(), String::new(), base::clock::unix_ms()));
        Ok(Self {
            node,
            core: Core::outside(node)?,
            client: Client::new(node, shared),
            out: Writer::new(Proto::Resp2),
            spans: Vec::new(),
            effects: 0,
            refused: 0,
            first_refusal: None,
        })
    }

    /// Runs the effects of one record, which begins in database 0. An error says what in it is no effect, and at
    /// which byte.
    pub fn record(&mut self, record: &[u8]) -> Result<(), String> {
        self.client.db = 0;
        let used = self.requests(record).map_err(|error| error.to_string())?;
        if used < record.len() {
            return Err(format!("the request at byte {used} is not whole"));
        }
        Ok(())
    }

    /// Runs the whole requests of `bytes` in the selected database: how many bytes they have.
    pub fn requests(&mut self, bytes: &[u8]) -> Result<usize, NoEffect> {
        let mut at = 0;
        while at < bytes.len() {
            self.spans.clear();
            // Places of words are numbers of 32 bits: each request is a buffer of its own.
            let request = &bytes[at..];
            if request.first() != Some(&b'*') {
                return Err(NoEffect::Other(format!("no request but a line of text at byte {at}")));
            }
            match parse_command(request, 0, &LIMITS, &mut self.spans) {
                Ok(Parsed::Command { consumed }) => {
                    self.run(request).map_err(|error| match error {
                        NoEffect::Other(reason) => NoEffect::Other(format!("{reason} at byte {at}")),
                        unknown @ NoEffect::UnknownCommand(_) => unknown,
                    })?;
                    at += consumed;
                }
                Ok(Parsed::Incomplete { .. } | Parsed::Inline { .. }) => break,
                Err(error) => {
                    let reason = String::from_utf8_lossy(&error.to_bytes()).into_owned();
                    return Err(NoEffect::Other(format!("{reason} at byte {at}")));
                }
            }
        }
        Ok(at)
    }

    fn run(&mut self, buffer: &[u8]) -> Result<(), NoEffect> {
        let Some(name) = self.spans.first().map(|span| span.of(buffer)) else { return Ok(()) };
        // What stands between them is there as a whole or not at all: nobody is here to see half of it.
        if [&b"MULTI"[..], b"EXEC"].iter().any(|word| name.eq_ignore_ascii_case(word)) {
            return Ok(());
        }
        let second = self.spans.get(1).map(|span| span.of(buffer));
        let shown = || String::from_utf8_lossy(&name[..name.len().min(128)]).into_owned();
        // Effects bear documented names, but requests that were logged as they came bear those of `rename-command`.
        let table = &self.node.table;
        let row = table.resolve(name, second).or_else(|| table.documented(name));
        let row = row.ok_or_else(|| NoEffect::UnknownCommand(shown()))?;
        if !row.takes(self.spans.len()) {
            return Err(NoEffect::Other(format!("wrong number of arguments for '{}'", shown())));
        }
        self.node.cool_only(&mut self.core);
        self.core.begin_batch_at(self.node, 0);
        self.out.clear();
        let request = Request { row, buffer, spans: &self.spans, hashes: &[] };
        execute::run(self.node, &mut self.core, &mut self.client, Origin::Log, request, &mut self.out);
        publish::publish(self.node, &mut self.core, 0);
        self.effects += 1;
        if self.out.buf().is_some_and(|reply| reply.first() == Some(&b'-')) {
            self.refused += 1;
            let reply = self.out.buf().map(|reply| String::from_utf8_lossy(reply).trim_end().to_owned());
            self.first_refusal = self.first_refusal.take().or_else(|| Some(format!("'{}': {}", shown(), reply?)));
        }
        Ok(())
    }

    /// Between two records: memory that is no longer needed goes, and what is used shows.
    pub fn rest(&self) {
        self.core.be_quiet();
        keyspace::memory::publish_all();
    }

    /// The end: statistics begin where a server without a past begins.
    pub fn finish(self) {
        self.rest();
        self.node.reset_statistics();
        let dirty = self.node.cores.iter().map(|core| core.dirty.get()).sum();
        self.node.monitoring.saved_dirty.store(dirty, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use base::id::Rng;

    use crate::effect_property::{corpus, draw};
    use crate::testing::Fixture;

    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";

    fn record(node: &Node, bytes: &[u8]) -> Result<(), String> {
        let mut replay = Replay::new(node).expect("random bytes");
        let result = replay.record(bytes);
        replay.finish();
        result
    }

    #[test]
    fn effects_are_run_again_in_their_database() {
        let mut fixture = Fixture::new();
        let select = b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n".as_slice();
        record(&fixture.node, &[b"*1\r\n$5\r\nMULTI\r\n", SET, select, SET, b"*1\r\n$4\r\nEXEC\r\n"].concat())
            .expect("sound");
        record(&fixture.node, SET).expect("sound");
        assert_eq!(fixture.cli(1, "GET k"), "\"v\"");
        fixture.cli(1, "SELECT 3");
        assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 1");
    }

    /// Checksums keep damage away from here; what runs all the same must be refused, or do what it says. `FUZZ_INPUTS`
    /// records, of the `SEED`.
    #[test]
    fn damaged_records_bring_nothing_down() {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let mut random = Rng::from_seed(number("SEED").unwrap_or(1));
        let fixture = Fixture::new();
        let corpus = corpus(&fixture);
        let mut replay = Replay::new(&fixture.node).expect("random bytes");
        let (mut refused, mut ran) = (0, 0);
        for _ in 0..number("FUZZ_INPUTS").unwrap_or(20_000) {
            let mut bytes = Vec::new();
            let words = draw(&fixture, &corpus, &mut random);
            bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in &words {
                bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                bytes.extend_from_slice(&[word, &b"\r\n"[..]].concat());
            }
            for _ in 0..random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                // No more digits than there were: offsets of gigabytes are allowed, and take them.
                match random.below(5) {
                    0 => bytes.truncate(at + 1),
                    1 => bytes.insert(at, *b"\r\n*$-x\0".get(random.below(7) as usize).unwrap_or(&0)),
                    2 => bytes[at] ^= 1 << random.below(8),
                    3 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes[at] = b"\r\n*$-0139\xFF"[random.below(10) as usize],
                }
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| replay.record(&bytes)));
            match result {
                Ok(Ok(())) => ran += 1,
                Ok(Err(_)) => refused += 1,
                Err(_) => panic!("the record was {}", base::quote::quote(&bytes)),
            }
            replay.rest();
        }
        assert!(ran > 0 && refused > 0, "{ran} ran, {refused} were refused");
        replay.finish();
    }

    #[test]
    fn what_is_over_stays_until_the_log_says_that_it_went() {
        let mut fixture = Fixture::new();
        let set = b"*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$4\r\nPXAT\r\n$1\r\n9\r\n".as_slice();
        let append = b"*3\r\n$6\r\nAPPEND\r\n$1\r\nk\r\n$1\r\nw\r\n".as_slice();
        record(&fixture.node, &[set, append].concat()).expect("sound");
        // Had it been made anew, it would never expire.
        assert_eq!(fixture.cli(1, "EXISTS k"), "(integer) 0");
    }

    #[test]
    fn what_is_no_effect_is_named() {
        let fixture = Fixture::new();
        let unknown = record(&fixture.node, &[SET, b"*1\r\n$3\r\nFOO\r\n"].concat()).expect_err("unknown");
        assert_eq!(unknown, "unknown command 'FOO'");
        assert!(record(&fixture.node, &SET[..20]).expect_err("torn").contains("not whole"));
        assert!(record(&fixture.node, b"PING\r\n").expect_err("inline").contains("line of text"));
        assert!(record(&fixture.node, b"*1\r\n$3\r\nSET\r\n").expect_err("arity").contains("wrong number"));
    }
}
