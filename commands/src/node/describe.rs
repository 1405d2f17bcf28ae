//! A connection as a line of CLIENT LIST, which the log shows, too.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::Node;
use super::tracking::mode;
use crate::client::{Client, Facts, Shared};
use crate::request::Request;

/// The connection that asks: of itself it can tell more than others can.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) client: &'a Client,
    pub(crate) request: &'a Request<'a>,
}

/// Appends the line, without its end.
pub(crate) fn push(line: &mut Vec<u8>, node: &Node, shared: &Shared, now_ms: i64, asking: Option<Asking>) {
    let facts = &shared.facts;
    let asking = asking.filter(|asking| asking.client.shared.id == shared.id);
    let seconds_since = |past_ms: i64| (now_ms / 1000 - past_ms / 1000).max(0);
    let _ = write!(Text(line), "id={} addr={} laddr={} fd={} name=", shared.id, shared.addr, shared.laddr, shared.fd);
    push_text(line, &facts.name);
    let _ = write!(
        Text(line),
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={}",
        seconds_since(shared.created_ms),
        seconds_since(facts.last_ms.load(Relaxed)),
        flags(shared, asking.map(|asking| asking.client)),
        facts.db.load(Relaxed),
        facts.subscriptions.load(Relaxed),
        facts.patterns.load(Relaxed),
        facts.shard_channels.load(Relaxed),
        facts.multi.load(Relaxed),
        facts.watched.load(Relaxed),
    );
    let (argv_bytes, command) = match asking {
        // Of a transaction or a script it is EXEC or EVAL that the client sent.
        Some(asking) => (asking.request.words().map(<[u8]>::len).sum(), asking.client.last_command),
        None => (0, facts.command.load(Relaxed)),
    };
    let command = (command as usize).checked_sub(1);
    let memory = Memory::of(shared);
    let _ = write!(
        Text(line),
        " qbuf={} qbuf-free={} argv-mem={argv_bytes} multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={}",
        facts.query_bytes.load(Relaxed),
        facts.query_free_bytes.load(Relaxed),
        facts.multi_bytes.load(Relaxed),
        memory.output_messages,
        memory.output_bytes,
        shared.memory_usage() + argv_bytes,
    );
    let _ = write!(
        Text(line),
        " events={} cmd={} user=",
        if memory.output_bytes > 0 { "rw" } else { "r" },
        command.map_or("NULL", |index| node.table.name_at(index)),
    );
    line.extend_from_slice(&facts.user.lock());
    let _ = write!(
        Text(line),
        " redir={} resp={} lib-name=",
        redirect(facts),
        if facts.resp3.load(Relaxed) { 3 } else { 2 },
    );
    push_text(line, &facts.lib_name);
    line.extend_from_slice(b" lib-ver=");
    push_text(line, &facts.lib_ver);
    let _ = write!(Text(line), " io-thread={}", shared.core.load(Relaxed));
}

/// Where invalidations go: nowhere (-1), to the connection itself (0), or to another.
pub(crate) fn redirect(facts: &Facts) -> i64 {
    if facts.tracking.load(Relaxed) == 0 { -1 } else { facts.redirect.load(Relaxed) as i64 }
}

/// Output that waits for the client to read.
struct Memory {
    output_messages: usize,
    output_bytes: usize,
}

impl Memory {
    fn of(shared: &Shared) -> Self {
        let (outbox_messages, outbox_bytes) = shared.outbox();
        let facts = &shared.facts;
        Self {
            output_messages: outbox_messages + facts.reply_chunks.load(Relaxed) as usize,
            output_bytes: outbox_bytes + facts.reply_bytes.load(Relaxed) as usize,
        }
    }
}

fn push_text(line: &mut Vec<u8>, text: &parking_lot::Mutex<Option<Box<[u8]>>>) {
    line.extend_from_slice(text.lock().as_deref().unwrap_or_default());
}

/// One letter each, N for none.
pub(crate) fn flags(shared: &Shared, own: Option<&Client>) -> String {
    let facts = &shared.facts;
    let tracks = |mode: u32| facts.tracking.load(Relaxed) & mode != 0;
    let letters = [
        (facts.monitor.load(Relaxed), 'O'),
        (shared.is_subscriber(), 'P'),
        (facts.multi.load(Relaxed) >= 0, 'x'),
        (shared.is_blocked(), 'b'),
        (tracks(mode::ON), 't'),
        (tracks(mode::BROKEN), 'R'),
        (tracks(mode::BCAST), 'B'),
        (facts.watch_flag.load(Relaxed), 'd'),
        (own.is_some_and(|client| client.closing), 'c'),
        (facts.unix_socket.load(Relaxed), 'U'),
        (facts.no_evict.load(Relaxed), 'e'),
        (facts.no_touch.load(Relaxed), 'T'),
    ];
    let set: String = letters.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| *letter).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// Formats straight into bytes.
struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
