//! A connection as a line of CLIENT LIST.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use crate::client::Shared;
use crate::ctx::Ctx;
use crate::groups::connection::auth::DEFAULT_USER;

/// Appends the line, without its end.
pub(super) fn push(line: &mut Vec<u8>, ctx: &Ctx, shared: &Shared) {
    let facts = &shared.facts;
    let now_ms = ctx.now_ms();
    let seconds_since = |past_ms: i64| (now_ms / 1000 - past_ms / 1000).max(0);
    let is_own = shared.id == ctx.client.shared.id;
    let _ = write!(Text(line), "id={} addr={} laddr={} fd={} name=", shared.id, shared.addr, shared.laddr, shared.fd);
    push_text(line, &facts.name);
    let _ = write!(
        Text(line),
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={}",
        seconds_since(shared.created_ms),
        seconds_since(facts.last_ms.load(Relaxed)),
        flags(ctx, shared),
        facts.db.load(Relaxed),
        facts.subscriptions.load(Relaxed),
        facts.patterns.load(Relaxed),
        facts.shard_channels.load(Relaxed),
        facts.multi.load(Relaxed),
        facts.watched.load(Relaxed),
    );
    let (argv_bytes, command) = if is_own {
        let words = ctx.request.words().map(<[u8]>::len).sum();
        (words, Some(ctx.request.row.index))
    } else {
        (0, (facts.command.load(Relaxed) as usize).checked_sub(1))
    };
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
        " events={} cmd={} user={DEFAULT_USER} redir=-1 resp={} lib-name=",
        if memory.output_bytes > 0 { "rw" } else { "r" },
        command.map_or("NULL", |index| ctx.node.table.name_at(index)),
        if facts.resp3.load(Relaxed) { 3 } else { 2 },
    );
    push_text(line, &facts.lib_name);
    line.extend_from_slice(b" lib-ver=");
    push_text(line, &facts.lib_ver);
    let _ = write!(Text(line), " io-thread={}", shared.core);
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
fn flags(ctx: &Ctx, shared: &Shared) -> String {
    let facts = &shared.facts;
    let is_own = shared.id == ctx.client.shared.id;
    let letters = [
        (facts.monitor.load(Relaxed), 'O'),
        (shared.is_subscriber(), 'P'),
        (facts.multi.load(Relaxed) >= 0, 'x'),
        (facts.blocked.load(Relaxed), 'b'),
        (is_own && ctx.client.watch_flag.load(Relaxed), 'd'),
        (is_own && ctx.client.closing, 'c'),
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
