//! From bytes read to replies written, a command at a time, with the next ones under way: each is parsed, and its
//! bucket fetched, some commands before its turn, its entry a few before. What a fetch waits for (the walk of a page
//! table, mostly) then passes while another command runs; all fetches in a row would wait for each other.

use std::ops::Range;

use commands::client::Client;
use commands::execute::{Outcome, execute};
use commands::node::Node;
use commands::node::core::Core;
use commands::request::{HashedKey, OwnedRequest, Request, hash_keys};
use commands::table::Row;
use resp::{Limits, Parsed, Span, Writer, parse_command};

/// Commands that are parsed before their turn. With 16 and 32, and 6 to 12 entries, GET at pipeline 100 took 8 to 14%
/// more.
const PARSED_AHEAD: usize = 8;
/// Keys whose entries are on their way into the cache.
const FETCHED_AHEAD: usize = 4;
/// Commands that are parsed before their turn where they may all be about members of one hash or set, which are
/// fetched together.
const MEMBERS_AHEAD: usize = 32;
/// Keys of one command that are fetched; more would push the first ones out of the L1 cache.
const FETCHED_MAX: usize = 128;

/// Words that there is room for from batch to batch.
const KEPT_LEN: usize = 32 * 1024;

/// Room for one batch, reused.
#[derive(Default)]
pub(crate) struct Batch {
    spans: Vec<Span>,
    commands: Vec<Whole>,
    hashes: Vec<HashedKey>,
    /// So many of `hashes` had their entries fetched.
    fetched: usize,
    /// How many commands are parsed before their turn.
    ahead: usize,
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
    /// The command behind `consumed` is set aside until values were read.
    pub(crate) set_aside: bool,
}

/// How one command of a batch ended.
enum Ran {
    Done,
    /// The client waits for keys.
    Waits,
    Paused,
    SetAside,
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
            Ran::SetAside => self.set_aside = true,
        }
        true
    }
}

/// Runs whole commands of `input`, at most `budget` of them.
pub(crate) fn run(
    node: &Node,
    core: &mut Core,
    client: &mut Client,
    input: &[u8],
    batch: &mut Batch,
    out: &mut Writer,
    budget: usize,
) -> Progress {
    let mut progress = Progress { consumed: 0, needed: 1, unfinished: false, paused: false, set_aside: false };
    batch.clear();
    let mut parser = Parser { limits: limits(node, client), at: 0, budget, end: None };
    let mut done = 0;
    loop {
        while parser.end.is_none() && batch.commands.len() < done + batch.ahead {
            parser.next(node, core, client, input, batch);
        }
        if done < batch.commands.len() {
            batch.fetch_ahead(node, core, client, input, done);
            let command = &batch.commands[done];
            let ran = command.run(node, core, client, input, batch, out);
            if progress.ends_with(ran, command.consumed, client) {
                return progress;
            }
            done += 1;
            continue;
        }
        match parser.end.take() {
            None => {}
            Some(End::Full) => {
                progress.unfinished = true;
                return progress;
            }
            Some(End::Incomplete(needed)) => {
                progress.needed = needed;
                return progress;
            }
            Some(End::Inline { consumed, args }) => {
                let ran = run_inline(node, core, client, &args, out);
                if progress.ends_with(ran, consumed, client) {
                    return progress;
                }
                (parser.at, parser.budget) = (consumed, parser.budget.saturating_sub(1));
            }
            // A user who signed in meanwhile may send more.
            Some(End::Broken(_)) if client.authenticated != parser.limits.authenticated => {
                parser.limits = limits(node, client);
            }
            Some(End::Broken(line)) => {
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

/// How far the input is parsed.
struct Parser {
    limits: Limits,
    at: usize,
    /// Commands that may be parsed in all.
    budget: usize,
    end: Option<End>,
}

impl Parser {
    /// Parses one command into the batch, or says in `end` why not.
    #[inline(always)]
    fn next(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], batch: &mut Batch) {
        let (at, start) = (self.at, batch.spans.len());
        if at == input.len() {
            self.end = Some(End::Incomplete(1));
            return;
        }
        if batch.commands.len() >= self.budget {
            self.end = Some(End::Full);
            return;
        }
        match parse_command(&input[at..], at, &self.limits, &mut batch.spans) {
            Ok(Parsed::Command { consumed }) => {
                self.at += consumed;
                batch.add(node, core, client, input, start, self.at);
            }
            other => self.stop(other),
        }
    }

    #[cold]
    fn stop(&mut self, parsed: Result<Parsed, resp::ProtocolError>) {
        self.end = match parsed {
            Ok(Parsed::Command { .. }) => None,
            Ok(Parsed::Incomplete { needed }) => Some(End::Incomplete(needed)),
            Ok(Parsed::Inline { consumed, args }) => Some(End::Inline { consumed: self.at + consumed, args }),
            Err(error) => {
                let mut line = b"ERR ".to_vec();
                line.extend_from_slice(&error.to_bytes());
                Some(End::Broken(line))
            }
        };
    }
}

impl Batch {
    /// Forgets the last batch, and gives the memory of an unusually large one back.
    fn clear(&mut self) {
        self.spans.clear();
        self.commands.clear();
        self.hashes.clear();
        (self.fetched, self.ahead) = (0, PARSED_AHEAD);
        if self.spans.capacity() > KEPT_LEN {
            self.spans.shrink_to(KEPT_LEN);
            self.hashes.shrink_to(KEPT_LEN);
        }
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
            if start == 0 && row.first_member().is_some() {
                self.ahead = MEMBERS_AHEAD;
            }
            let request = Request { row, buffer: input, spans: words, hashes: &[] };
            hash_keys(&request, &node.space, &mut self.hashes);
        }
        let hashes = first..self.hashes.len();
        for key in self.hashes[first..].iter().take(FETCHED_MAX) {
            core.prefetch_bucket(node, client.db, key.hash);
        }
        self.commands.push(Whole { row, start, end, consumed, hashes });
    }

    /// Before the turn of command `done`: fetches the entries of those behind it. A single key is not worth a look.
    #[inline]
    fn fetch_ahead(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], done: usize) {
        if self.hashes.len() <= 1 {
            return;
        }
        let keys = self.commands[done].hashes.clone();
        let until = (keys.end + FETCHED_AHEAD).min(keys.start + FETCHED_MAX).min(self.hashes.len());
        self.fetched = self.fetched.max(keys.start);
        while self.fetched < until {
            core.prefetch_entry(node, client.db, self.hashes[self.fetched].hash);
            self.fetched += 1;
        }
        if self.ahead == MEMBERS_AHEAD && done.is_multiple_of(MEMBERS_AHEAD) {
            self.fetch_members(node, client, input, done);
        }
    }

    /// Where all commands from `done` on are about one hash or set, their members are worth a look ahead.
    #[inline]
    fn fetch_members(&self, node: &Node, client: &Client, input: &[u8], done: usize) {
        let commands = &self.commands[done..];
        let [first, rest @ ..] = &self.hashes[commands[0].hashes.start..] else { return };
        let is_one_key = rest.len() + 1 == commands.len() && rest.iter().all(|key| key.hash == first.hash);
        if is_one_key && commands[0].row.is_some_and(|row| row.first_member().is_some()) {
            let members = commands.iter().filter_map(|command| command.member(self, input));
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
            Outcome::Fetch => Ran::SetAside,
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
        Outcome::Fetch => Ran::SetAside,
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
