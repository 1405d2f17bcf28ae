//! What may be written at keys: layer, type, size and expiry, as the attributes of their patterns say.
//!
//! Whether a value fits is known once it is there: a command that may exceed a limit runs on keys whose values were
//! copied before, and they are put back where it does. So it is exact for every command, and costs a copy of values that
//! are no larger than the limit, under patterns that have one. Where no size is limited, a command that changes one value in
//! place can exceed no limit but that of its expiry, and copies nothing.

use keyspace::change::Event;
use keyspace::db::Value;
use keyspace::effects::EffectsMark;
use keyspace::keys::{Key, Keys};
use ownership::{Attributes, Found, Graph, Layer};
use smallvec::SmallVec;
use std::sync::atomic::Ordering::Relaxed;

use super::refused;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::keys::find_keys;
use crate::node::Node;
use crate::request::Request;
use crate::spec::{Locks, category, key};

/// A request writes keys with limits: what was there, and how far the core's notes had come.
pub(crate) struct Limits {
    saved: Vec<Saved>,
    effects: EffectsMark,
    dirty: u64,
    changes: usize,
}

struct Saved {
    db: usize,
    key: Box<[u8]>,
    was: Was,
}

/// What was at a key.
enum Was {
    Absent,
    /// This value, until then.
    Value(Value, Option<i64>),
    /// A value that a command which works in place cannot have made another type of, until then.
    Deadline(Option<i64>),
}

/// Why something may not be written: the error's line.
type Refusal = std::result::Result<(), String>;

fn layer_line(what: &str, pattern: &ownership::Pattern, own: Layer) -> String {
    format!(
        "LAYER {what} lives in layer server (pattern {pattern}): a connection of layer {} does not write it",
        own.name()
    )
}

fn shown(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

/// Whether a client of a layer may write a key.
fn of_layer(graph: &Graph, found: &Found, key: &[u8], own: Layer) -> Refusal {
    if own == Layer::Server {
        return Ok(());
    }
    let is_placed = |id: &&u32| graph.node(**id).attributes.layer == Some(Layer::Server);
    match found.iter().find(is_placed) {
        Some(&id) => Err(layer_line(&format!("key '{}'", shown(key)), &graph.node(id).pattern, own)),
        None => Ok(()),
    }
}

/// Whether a client may write a key at all.
pub(super) fn may_write(ctx: &Ctx<'_>, key: &[u8]) -> Refusal {
    if ctx.client.layer == Layer::Server {
        return Ok(());
    }
    let (graph, mut found) = (ctx.core.own.graph(ctx.node), Found::new());
    graph.matches(key, &mut found);
    of_layer(&graph, &found, key, ctx.client.layer)
}

/// Whether a client may own, or remove, all keys of a pattern; None: all keys.
pub(super) fn may_own(ctx: &Ctx<'_>, pattern: Option<&ownership::Pattern>) -> Refusal {
    let own = ctx.client.layer;
    if own == Layer::Server {
        return Ok(());
    }
    let graph = ctx.core.own.graph(ctx.node);
    let mut placed = graph.nodes().iter().filter(|node| node.attributes.layer == Some(Layer::Server));
    match placed.find(|node| pattern.is_none_or(|pattern| node.pattern.overlap(pattern).is_some())) {
        Some(node) => Err(layer_line("a key of these", &node.pattern, own)),
        None => Ok(()),
    }
}

/// Before a request runs, whose shards are locked: None when no limit is on what it writes.
pub(super) fn before(ctx: &mut Ctx<'_>, request: &Request<'_>) -> Result<Option<Limits>> {
    let graph = ctx.core.own.graph(ctx.node);
    let (mut is_limited, mut may_exceed, mut copies) = (false, false, false);
    let mut written: SmallVec<[&[u8]; 6]> = SmallVec::new();
    for found in find_keys(request).iter().filter(|found| found.flags & (key::RW | key::OW | key::RM) != 0) {
        let bytes = request.word(found.word).unwrap_or_default();
        copies |= found.flags & (key::OW | key::RM) != 0;
        let mut found = Found::new();
        graph.matches(bytes, &mut found);
        of_layer(&graph, &found, bytes, ctx.client.layer).map_err(|line| refuse(ctx, request, line))?;
        for attributes in found.iter().map(|&id| &graph.node(id).attributes) {
            is_limited |= attributes.constrains();
            may_exceed |= has_limit(attributes);
            copies |= attributes.max_bytes.is_some();
        }
        written.push(bytes);
    }
    if request.row.command.locks == Locks::All && request.row.categories & category::KEYSPACE != 0 {
        may_own(ctx, None).map_err(|line| refuse(ctx, request, line))?;
    }
    if !is_limited {
        return Ok(None);
    }
    let saved = if may_exceed { save(ctx, &written, copies || written.len() > 1) } else { Vec::new() };
    let tally = &ctx.keys.tally;
    let (effects, dirty, changes) = (tally.effects.mark(), tally.dirty, tally.changes.len());
    Ok(Some(Limits { saved, effects, dirty, changes }))
}

fn refuse(ctx: &Ctx<'_>, request: &Request<'_>, line: String) -> crate::error::Error {
    ctx.node.ownership.figures.refused_limits.fetch_add(1, Relaxed);
    refused(ctx, request, line)
}

fn has_limit(attributes: &Attributes) -> bool {
    attributes.value_type.is_some() || attributes.max_bytes.is_some() || attributes.max_ttl_ms.is_some()
}

/// Copies of what is at keys in all databases: MOVE and COPY reach into another one.
fn save(ctx: &mut Ctx<'_>, written: &[&[u8]], copies: bool) -> Vec<Saved> {
    let own = ctx.keys.db_index();
    let mut saved = Vec::new();
    for db in 0..ctx.node.space.databases() {
        ctx.keys.select(db);
        for bytes in written {
            let key = ctx.keys.key(bytes);
            let slot = ctx.keys.find_untouched(&key);
            let was = match (slot, ctx.keys.db(key.hash)) {
                (Some(slot), Some(table)) => {
                    let deadline_ms = ctx.keys.entry(&key, slot).deadline_ms();
                    match copies {
                        true => Was::Value(table.copy_value(slot), deadline_ms),
                        false => Was::Deadline(deadline_ms),
                    }
                }
                _ => Was::Absent,
            };
            saved.push(Saved { db, key: (*bytes).into(), was });
        }
    }
    ctx.keys.select(own);
    saved
}

impl Limits {
    /// After the request ran: takes all of it back, and says why, where it exceeds a limit.
    pub(crate) fn uphold(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let (graph, own) = (ctx.core.own.graph(ctx.node), ctx.keys.db_index());
        let exceeded = ctx.keys.tally.changes[self.changes..]
            .iter()
            .filter(|change| change.modified)
            .map(|change| (change.db, change.key.clone()))
            .collect::<SmallVec<[_; 4]>>()
            .into_iter()
            .find_map(|(db, bytes)| {
                ctx.keys.select(db);
                exceeds(&graph, &ctx.keys, &bytes)
            });
        ctx.keys.select(own);
        let Some(line) = exceeded else { return Ok(()) };
        for Saved { db, key, was } in self.saved.drain(..) {
            ctx.keys.select(db);
            let key = ctx.keys.key(&key);
            match was {
                Was::Absent => drop(ctx.keys.remove(&key)),
                Was::Value(value, deadline_ms) => ctx.keys.put(&key, value, deadline_ms),
                Was::Deadline(deadline_ms) => {
                    if let Some(slot) = ctx.keys.find_untouched(&key) {
                        ctx.keys.db_mut(key.hash).set_deadline(slot, deadline_ms);
                    }
                }
            }
        }
        ctx.keys.select(own);
        let tally = &mut *ctx.keys.tally;
        tally.changes.truncate(self.changes);
        tally.effects.truncate(self.effects);
        tally.dirty = self.dirty;
        let request = ctx.request;
        Err(refuse(ctx, &request, line))
    }

    /// Where the changes of the request begin.
    pub(crate) fn changes(&self) -> usize {
        self.changes
    }
}

/// Which limit the value at a key exceeds.
fn exceeds(graph: &Graph, keys: &Keys<'_>, bytes: &[u8]) -> Option<String> {
    let key = keys.key(bytes);
    let slot = if keys.holds(key.hash) { keys.peek(&key)? } else { return None };
    let mut found = Found::new();
    graph.matches(bytes, &mut found);
    let limited = found.iter().map(|&id| graph.node(id)).filter(|node| has_limit(&node.attributes));
    let entry = keys.entry(&key, slot);
    let (name, left_ms) = (entry.kind().type_of().name(), entry.deadline_ms().map(|at| at - keys.now.unix_ms));
    for node in limited {
        let line = exceeds_one(&node.attributes, bytes, name, left_ms, || size(keys, &key, slot));
        if let Some(line) = line {
            return Some(format!("{line} (pattern {})", node.pattern));
        }
    }
    None
}

fn exceeds_one(
    attributes: &Attributes,
    key: &[u8],
    name: &str,
    left_ms: Option<i64>,
    size: impl FnOnce() -> usize,
) -> Option<String> {
    let key = shown(key);
    if let Some(allowed) = attributes.value_type
        && allowed.name() != name
    {
        return Some(format!("CONSTRAINT key '{key}' would be a {name}, type {} is allowed", allowed.name()));
    }
    if let (Some(max), Some(left)) = (attributes.max_ttl_ms, left_ms)
        && left > 0
        && left as u64 > max
    {
        return Some(format!("CONSTRAINT key '{key}' would live for {left} ms, max-ttl allows {max}"));
    }
    let max = attributes.max_bytes?;
    let size = size() as u64;
    (size > max).then(|| format!("CONSTRAINT key '{key}' would hold {size} bytes, max-bytes allows {max}"))
}

/// A string's bytes; of a collection the memory that it takes.
fn size(keys: &Keys<'_>, key: &Key<'_>, slot: keyspace::dict::Slot) -> usize {
    match keys.string_at(key, slot) {
        Ok(text) => text.len(),
        Err(_) => keys.entry(key, slot).value().len() + keys.db(key.hash).map_or(0, |db| db.value_bytes(slot)),
    }
}

/// After the request's own words are in the log: keys that were written without an expiry get that of their pattern.
pub(crate) fn give_deadlines(ctx: &mut Ctx<'_>, from: usize) {
    let (graph, own, now_ms) = (ctx.core.own.graph(ctx.node), ctx.keys.db_index(), ctx.now_ms());
    let changed: SmallVec<[_; 4]> = ctx.keys.tally.changes[from..]
        .iter()
        .filter(|change| change.modified)
        .map(|change| (change.db, change.key.clone()))
        .collect();
    for (db, bytes) in changed {
        let Some(ttl_ms) = graph.attributes(&bytes).given_ttl_ms() else { continue };
        ctx.keys.select(db);
        let key = ctx.keys.key(&bytes);
        if !ctx.keys.holds(key.hash) {
            continue;
        }
        let Some(slot) = ctx.keys.find_untouched(&key) else { continue };
        if ctx.keys.entry(&key, slot).has_deadline() {
            continue;
        }
        let at_ms = now_ms.saturating_add_unsigned(ttl_ms);
        ctx.keys.db_mut(key.hash).set_deadline(slot, Some(at_ms));
        let at = at_ms.to_string();
        ctx.keys.tally.effects.push(db, [&b"PEXPIREAT"[..], key.bytes, at.as_bytes()].into_iter());
        ctx.keys.event(&key, Event::EXPIRE);
    }
    ctx.keys.select(own);
}

/// The deadline of a string that is filled in, or why it may not be.
pub(super) fn of_fill(
    node: &Node,
    key: &[u8],
    value: &[u8],
    deadline_ms: Option<i64>,
    now_ms: i64,
) -> std::result::Result<Option<i64>, String> {
    let graph = node.ownership.graph();
    let mut found = Found::new();
    graph.matches(key, &mut found);
    for node in found.iter().map(|&id| graph.node(id)) {
        let left_ms = deadline_ms.map(|at| at - now_ms);
        if let Some(line) = exceeds_one(&node.attributes, key, "string", left_ms, || value.len()) {
            return Err(format!("{line} (pattern {})", node.pattern));
        }
    }
    let given = graph.attributes(key).given_ttl_ms().map(|ttl_ms| now_ms.saturating_add_unsigned(ttl_ms));
    Ok(deadline_ms.or(given))
}
