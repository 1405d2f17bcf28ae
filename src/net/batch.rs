//! From bytes read to replies written, as many commands at a time as are there: parse them all, bring their
//! buckets into the cache, then their entries, then execute.

use std::ops::Range;

use commands::client::Client;
use commands::execute::{Outcome, execute};
use commands::node::Node;
use commands::node::core::Core;
use commands::request::{HashedKey, OwnedRequest, Request, hash_keys};
use commands::table::Row;
use resp::{Limits, Parsed, Span, Writer, parse_command};

/// Commands that are parsed and prefetched together: more would push the first entries out of the L1 cache.
const BATCH_LEN: usize = 32;
/// Keys that are prefetched together; commands of one key each do not reach it.
const PREFETCH_LEN: usize = 128;

/// Words that there is room for from batch to batch.
const KEPT_LEN: usize = 32 * 1024;

/// Room for one batch, reused.
#[derive(Default)]
pub(crate) struct Batch {
    spans: Vec<Span>,
    commands: Vec<Whole>,
    hashes: Vec<HashedKey>,
}

/// A whole command of the batch: its row, its words among the spans, its keys among the hashes.
struct Whole {
    row: Option<&'static Row>,
    start: usize,
    end: usize,
    consumed: usize,
    hashes: Range<usize>,
}

/// How far a run over some input came.
pub(crate) struct Progress {
    /// Bytes that were used up.
    pub(crate) consumed: usize,
    /// Bytes that the next command needs at least.
    pub(crate) needed: usize,
    /// Whole commands may be left: the budget ended the run.
    pub(crate) unfinished: bool,
    /// CLIENT PAUSE holds the command behind `consumed`.
    pub(crate) paused: bool,
}

/// How one command of a batch ended.
enum Ran {
    Done,
    /// The client waits for keys.
    Waits,
    Paused,
}

impl Progress {
    /// Takes note of a command of which `consumed` bytes are behind; whether the run ends with it.
    #[inline]
    fn ends_with(&mut self, ran: Ran, consumed: usize, client: &Client) -> bool {
        match ran {
            Ran::Done => {
                self.consumed = consumed;
                return client.closing;
            }
            Ran::Waits => self.consumed = consumed,
            Ran::Paused => self.paused = true,
        }
        true
    }
}

/// Runs whole commands of `input`, at most about `budget` of them.
pub(crate) fn run(
    node: &Node,
    core: &mut Core,
    client: &mut Client,
    input: &[u8],
    batch: &mut Batch,
    out: &mut Writer,
    budget: usize,
) -> Progress {
    let mut progress = Progress { consumed: 0, needed: 1, unfinished: false, paused: false };
    let mut done = 0;
    loop {
        let end = batch.parse(node, core, client, input, progress.consumed, out);
        if batch.hashes.len() > 1 {
            batch.prefetch_entries(node, core, client);
            batch.prefetch_members(node, client, input);
        }
        for command in &batch.commands {
            let ran = command.run(node, core, client, input, batch, out);
            if progress.ends_with(ran, command.consumed, client) {
                return progress;
            }
        }
        done += batch.commands.len();
        match end {
            End::Full if done < budget => {}
            End::Full => {
                progress.unfinished = true;
                return progress;
            }
            End::Incomplete(needed) => {
                progress.needed = needed;
                return progress;
            }
            End::Inline { consumed, args } => {
                let ran = run_inline(node, core, client, &args, out);
                if progress.ends_with(ran, consumed, client) {
                    return progress;
                }
            }
            End::Broken(line) => {
                out.error_bytes(&line);
                client.closing = true;
                return progress;
            }
        }
    }
}

/// Why parsing stopped.
enum End {
    Full,
    Incomplete(usize),
    Inline { consumed: usize, args: Vec<Vec<u8>> },
    Broken(Vec<u8>),
}

impl Batch {
    /// Forgets the last batch, and gives the memory of an unusually large one back.
    fn clear(&mut self) {
        self.spans.clear();
        self.commands.clear();
        self.hashes.clear();
        if self.spans.capacity() > KEPT_LEN {
            self.spans.shrink_to(KEPT_LEN);
            self.hashes.shrink_to(KEPT_LEN);
        }
    }

    fn parse(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], from: usize, out: &Writer) -> End {
        let _ = out;
        self.clear();
        let limits = limits(node, client);
        let mut at = from;
        while self.commands.len() < BATCH_LEN {
            let start = self.spans.len();
            match parse_command(&input[at..], at, &limits, &mut self.spans) {
                Ok(Parsed::Command { consumed }) => {
                    at += consumed;
                    self.add(node, core, client, input, start, at);
                }
                Ok(Parsed::Incomplete { needed }) => return End::Incomplete(needed),
                Ok(Parsed::Inline { consumed, args }) => return End::Inline { consumed: at + consumed, args },
                Err(error) => {
                    let mut line = b"ERR ".to_vec();
                    line.extend_from_slice(&error.to_bytes());
                    return End::Broken(line);
                }
            }
        }
        End::Full
    }

    #[inline]
    fn add(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], start: usize, consumed: usize) {
        let end = self.spans.len();
        let words = &self.spans[start..end];
        let row = match words {
            [] => None,
            [name] => node.table.resolve(name.of(input), None),
            [name, second, ..] => node.table.resolve(name.of(input), Some(second.of(input))),
        };
        let first = self.hashes.len();
        if let Some(row) = row {
            let request = Request { row, buffer: input, spans: words, hashes: &[] };
            hash_keys(&request, &node.space, &mut self.hashes);
        }
        let hashes = first..self.hashes.len();
        for key in &self.hashes[first..hashes.end.min(PREFETCH_LEN).max(first)] {
            core.prefetch_bucket(node, client.db, key.hash);
        }
        self.commands.push(Whole { row, start, end, consumed, hashes });
    }

    fn prefetch_entries(&self, node: &Node, core: &Core, client: &Client) {
        for key in self.hashes.iter().take(PREFETCH_LEN) {
            core.prefetch_entry(node, client.db, key.hash);
        }
    }

    /// Where all commands are about one hash or set, their members are worth a look ahead.
    #[inline]
    fn prefetch_members(&self, node: &Node, client: &Client, input: &[u8]) {
        let [first, rest @ ..] = &self.hashes[..] else { return };
        let is_one_key = self.hashes.len() == self.commands.len() && rest.iter().all(|key| key.hash == first.hash);
        if is_one_key && self.commands[0].row.is_some_and(|row| row.first_member().is_some()) {
            let members = self.commands.iter().filter_map(|command| command.member(self, input));
            node.space.prefetch_members(client.db, first.hash, first.span.of(input), members);
        }
    }
}

impl Whole {
    /// The member that it looks up first.
    fn member<'i>(&self, batch: &Batch, input: &'i [u8]) -> Option<&'i [u8]> {
        let words = &batch.spans[self.start..self.end];
        Some(words.get(self.row?.first_member()?)?.of(input))
    }

    #[inline]
    fn run(
        &self,
        node: &Node,
        core: &mut Core,
        client: &mut Client,
        input: &[u8],
        batch: &Batch,
        out: &mut Writer,
    ) -> Ran {
        let spans = &batch.spans[self.start..self.end];
        let Some(row) = self.row else {
            if !spans.is_empty() {
                commands::execute::unknown(node, core, client, spans.iter().map(|span| span.of(input)), out);
            }
            return Ran::Done;
        };
        let request = Request { row, buffer: input, spans, hashes: &batch.hashes[self.hashes.clone()] };
        match execute(node, core, client, request, out) {
            Outcome::Done | Outcome::Refused => Ran::Done,
            Outcome::Wait(_) => Ran::Waits,
            Outcome::Paused => Ran::Paused,
        }
    }
}

#[cold]
fn run_inline(node: &Node, core: &mut Core, client: &mut Client, args: &[Vec<u8>], out: &mut Writer) -> Ran {
    let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    let Some(&name) = words.first() else { return Ran::Done };
    let Some(row) = node.table.resolve(name, words.get(1).copied()) else {
        commands::execute::unknown(node, core, client, words.into_iter(), out);
        return Ran::Done;
    };
    let owned = OwnedRequest::new(row, &words);
    match execute(node, core, client, owned.request(), out) {
        Outcome::Done | Outcome::Refused => Ran::Done,
        Outcome::Wait(_) => Ran::Waits,
        Outcome::Paused => Ran::Paused,
    }
}

#[inline]
fn limits(node: &Node, client: &Client) -> Limits {
    Limits {
        bulk_len_max: node.settings.proto_max_bulk_len() as usize,
        authenticated: client.authenticated,
        ..Limits::default()
    }
}
