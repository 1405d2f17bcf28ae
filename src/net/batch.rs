//! From bytes read to replies written, a command at a time, with the next ones under way: each is parsed, and its
//! bucket fetched, some commands before its turn, its entry a few before. What a fetch waits for (the walk of a page
//! table, mostly) then passes while another command runs; all fetches in a row would wait for each other.

use std::ops::Range;

use commands::client::Client;
use commands::execute::{Outcome, execute};
use commands::node::Node;
use commands::node::core::Core;
use commands::quick;
use commands::request::{HashedKey, KeyShape, OwnedRequest, Request, hash_keys};
use commands::table::Row;
use keyspace::keys::Hold;
use resp::{Limits, Parsed, Span, Writer, parse_command, short_command};

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
    recent: Recent,
}

/// The row of the last short name, as it was written: most come several in a row.
#[derive(Default)]
struct Recent {
    /// See [`short_name`]; 0: none.
    name: u64,
    row: Option<&'static Row>,
}

/// A whole command of the batch: its row, its words among the spans, its keys among the hashes.
struct Whole {
    row: Option<&'static Row>,
    consumed: usize,
    words: Range<u32>,
    hashes: Range<u32>,
}

/// A part of the batch's words, or of its keys' hashes. Fewer than 2^32 fit into any input.
#[inline]
fn part<'a, T>(all: &'a [T], range: &Range<u32>) -> &'a [T] {
    &all[range.start as usize..range.end as usize]
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
    let mut parser = Parser::new(limits(node, client), budget);
    let (mut done, mut is_plain) = (0, client.is_plain(node));
    let mut hold = Hold::none(&node.space);
    loop {
        while parser.end.is_none() && batch.commands.len() < done + batch.ahead {
            parser.next(node, core, client, input, batch);
        }
        if done < batch.commands.len() {
            batch.fetch_ahead(node, core, client, input, done);
            let command = &batch.commands[done];
            done += 1;
            if is_plain && command.run_quickly(node, core, client, input, batch, &mut hold, out) {
                progress.consumed = command.consumed;
                // Locked on only for the next command, which is known already if it came in time.
                if !batch.commands.get(done).is_some_and(|next| next.goes_on(batch, &hold)) {
                    hold.release();
                }
                continue;
            }
            hold.release();
            let ran = command.run(node, core, client, input, batch, out);
            if progress.ends_with(ran, command.consumed, client) {
                return progress;
            }
            is_plain = client.is_plain(node);
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
                parser = Parser { at: parser.at, ..Parser::new(limits(node, client), parser.budget) };
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
    takes_short: bool,
    at: usize,
    /// Commands that may be parsed in all.
    budget: usize,
    end: Option<End>,
}

impl Parser {
    fn new(limits: Limits, budget: usize) -> Self {
        Self { limits, takes_short: limits.takes_short(), at: 0, budget, end: None }
    }

    /// Parses one command into the batch, or says in `end` why not.
    #[inline(always)]
    fn next(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], batch: &mut Batch) {
        let (at, start) = (self.at, batch.spans.len());
        if batch.commands.len() < self.budget && self.takes_short {
            if let Some(consumed) = short_command(&input[at..], at, &mut batch.spans) {
                self.at += consumed;
                batch.add(node, core, client, input, start, self.at);
                return;
            }
            batch.spans.truncate(start);
        }
        self.next_in_full(node, core, client, input, batch);
    }

    /// As `next`, for what is not short or not whole.
    #[cold]
    fn next_in_full(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], batch: &mut Batch) {
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

    #[inline(always)]
    fn add(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], start: usize, consumed: usize) {
        let (row, first) = (self.resolve(node, input, start), self.hashes.len());
        if let Some(row) = row {
            if start == 0 && row.first_member().is_some() {
                self.ahead = MEMBERS_AHEAD;
            }
            match row.key_shape {
                KeyShape::None => {}
                KeyShape::One(word) => {
                    if let Some(&span) = self.spans[start..].get(word) {
                        let hash = node.space.hash(span.of(input));
                        core.prefetch_bucket(node, client.db, hash);
                        self.hashes.push(HashedKey { span, hash });
                    }
                }
                KeyShape::Specs => self.add_keys(node, core, client, input, row, start),
            }
        }
        let (words, hashes) = (start as u32..self.spans.len() as u32, first as u32..self.hashes.len() as u32);
        self.commands.push(Whole { row, consumed, words, hashes });
    }

    #[inline(never)]
    fn add_keys(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], row: &'static Row, start: usize) {
        let first = self.hashes.len();
        let request = Request { row, buffer: input, spans: &self.spans[start..], hashes: &[] };
        hash_keys(&request, &node.space, &mut self.hashes);
        for key in self.hashes[first..].iter().take(FETCHED_MAX) {
            core.prefetch_bucket(node, client.db, key.hash);
        }
    }

    /// The row of the command whose words begin at `start`.
    #[inline(always)]
    fn resolve(&mut self, node: &Node, input: &[u8], start: usize) -> Option<&'static Row> {
        let name = short_name(input, *self.spans.get(start)?);
        if name != 0 && name == self.recent.name { self.recent.row } else { self.look_up(node, input, start, name) }
    }

    #[inline(never)]
    fn look_up(&mut self, node: &Node, input: &[u8], start: usize, name: u64) -> Option<&'static Row> {
        let words = &self.spans[start..];
        let row = node.table.resolve(words.first()?.of(input), words.get(1).map(|second| second.of(input)))?;
        if row.subcommands.is_empty() && !row.is_subcommand() {
            self.recent = Recent { name, row: Some(row) };
        }
        Some(row)
    }

    /// Before the turn of command `done`: fetches the entries of those behind it. A single key is not worth a look.
    #[inline(always)]
    fn fetch_ahead(&mut self, node: &Node, core: &Core, client: &Client, input: &[u8], done: usize) {
        if self.hashes.len() <= 1 {
            return;
        }
        let Range { start, end } = self.commands[done].hashes;
        let (start, end) = (start as usize, end as usize);
        let until = (end + FETCHED_AHEAD).min(start + FETCHED_MAX).min(self.hashes.len());
        self.fetched = self.fetched.max(start);
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
        let [first, rest @ ..] = &self.hashes[commands[0].hashes.start as usize..] else { return };
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
        let words = part(&batch.spans, &self.words);
        Some(words.get(self.row?.first_member()?)?.of(input))
    }

    /// Whether it can go the short way under the lock that is held.
    #[inline(always)]
    fn goes_on(&self, batch: &Batch, hold: &Hold<'_>) -> bool {
        let key = batch.hashes.get(self.hashes.start as usize);
        self.row.is_some_and(|row| row.is_quick) && key.is_some_and(|key| hold.can_have(key.hash))
    }

    /// Whether it went the short way.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "a part of the loop in `run`, whose state this is")]
    fn run_quickly(
        &self,
        node: &Node,
        core: &mut Core,
        client: &mut Client,
        input: &[u8],
        batch: &Batch,
        hold: &mut Hold<'_>,
        out: &mut Writer,
    ) -> bool {
        let Some(row) = self.row.filter(|row| row.is_quick) else { return false };
        let (spans, hashes) = (part(&batch.spans, &self.words), part(&batch.hashes, &self.hashes));
        quick::execute(node, core, client, Request { row, buffer: input, spans, hashes }, hold, out)
    }

    #[inline(never)]
    fn run(
        &self,
        node: &Node,
        core: &mut Core,
        client: &mut Client,
        input: &[u8],
        batch: &Batch,
        out: &mut Writer,
    ) -> Ran {
        let spans = part(&batch.spans, &self.words);
        let Some(row) = self.row else {
            if !spans.is_empty() {
                commands::execute::unknown(node, core, client, spans.iter().map(|span| span.of(input)), out);
            }
            return Ran::Done;
        };
        let request = Request { row, buffer: input, spans, hashes: part(&batch.hashes, &self.hashes) };
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

/// A name of up to seven bytes and its length in one word; 0 for longer ones, and for one at the end of the input.
#[inline(always)]
fn short_name(input: &[u8], name: Span) -> u64 {
    let bytes = input.get(name.start as usize..).and_then(|rest| rest.first_chunk());
    match bytes {
        Some(&bytes) if name.len.wrapping_sub(1) < 7 => {
            let bits = name.len * 8;
            u64::from_le_bytes(bytes) & ((1 << bits) - 1) | u64::from(name.len) << 56
        }
        _ => 0,
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
