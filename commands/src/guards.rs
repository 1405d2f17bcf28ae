//! What may refuse a request, in Redis's order; each guard reads flags, none knows a command's name.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use resp::{Proto, Writer};

use crate::client::{Client, Origin};
use crate::error::{Error, Result};
use crate::execute::count_error;
use crate::node::core::Core;
use crate::node::pause::Paused;
use crate::node::{Node, access};
use crate::request::Request;
use crate::spec::{Locks, flag};

/// Passes, or says why not.
#[inline]
pub(crate) fn admit(node: &Node, core: &mut Core, client: &mut Client, request: &Request<'_>) -> Result<()> {
    arity(request)?;
    signed_in(node, client, request)?;
    if client.multi.is_some() {
        in_multi(request)?;
    }
    permitted(node, client, request, Origin::Connection)?;
    audited(node, request)?;
    memory(node, core, client, request)?;
    saved(node, client, request)?;
    kept(node, client, request)?;
    if client.is_subscriber() {
        subscriber(client, request)?;
    }
    if node.space.is_halted() && !request.row.command.has(flag::ALLOW_BUSY) {
        return Err(node.scripts.jobs.busy_error());
    }
    loaded(node, request)
}

/// A request's flags; for the one that runs a transaction, also those of all that it runs.
pub(crate) fn flags(node: &Node, client: &Client, request: &Request<'_>) -> u32 {
    let command = request.row.command;
    match (&client.multi, command.flags_of) {
        (Some(multi), _) if command.locks == Locks::Queued => command.flags | multi.flags,
        (_, Some(flags_of)) => flags_of(node, request),
        _ => command.flags,
    }
}

#[inline]
fn arity(request: &Request<'_>) -> Result<()> {
    let row = request.row;
    if row.command.run.is_none() && request.spans.len() > 1 {
        return Err(Error::text(unknown_subcommand(request)));
    }
    if row.takes(request.spans.len()) { Ok(()) } else { Err(Error::Arity) }
}

#[inline]
fn signed_in(node: &Node, client: &Client, request: &Request<'_>) -> Result<()> {
    if client.authenticated || request.row.command.has(flag::NO_AUTH) || !client.must_sign_in(node) {
        Ok(())
    } else {
        Err(Error::Plain("NOAUTH Authentication required."))
    }
}

fn in_multi(request: &Request<'_>) -> Result<()> {
    if request.row.command.has(flag::NO_MULTI) {
        return Err(Error::Plain("ERR Command not allowed inside a transaction"));
    }
    Ok(())
}

/// What the rules of the client's user say.
#[inline]
pub(crate) fn permitted(node: &Node, client: &mut Client, request: &Request<'_>, origin: Origin) -> Result<()> {
    node.permit(client, request, origin)
        .map_err(|denied| Error::text(format!("NOPERM {}", access::reason_text(&client.user, request, denied, false))))
}

/// Nothing is done that the audit log could not be told of, where that is asked for.
#[inline]
fn audited(node: &Node, request: &Request<'_>) -> Result<()> {
    if node.monitoring.monitors.watch(request.row) == 0 { Ok(()) } else { node.audit_admits() }
}

#[inline]
fn memory(node: &Node, core: &mut Core, client: &Client, request: &Request<'_>) -> Result<()> {
    if node.settings.maxmemory() == 0 {
        return Ok(());
    }
    let has_room = node.make_room(core);
    if has_room || flags(node, client, request) & flag::DENYOOM == 0 { Ok(()) } else { Err(Error::OutOfMemory) }
}

/// While the dataset is being loaded, only what needs no keys may run.
#[inline]
fn loaded(node: &Node, request: &Request<'_>) -> Result<()> {
    if node.loading.is_loading.load(Relaxed) && !request.row.command.has(flag::LOADING) {
        return Err(Error::Plain("LOADING Redis is loading the dataset in memory"));
    }
    Ok(())
}

/// What cannot be kept is not done; what is there can be read.
#[inline]
fn kept(node: &Node, client: &Client, request: &Request<'_>) -> Result<()> {
    match node.log_failure() {
        Some(reason) if flags(node, client, request) & flag::WRITE != 0 => Err(unkept(&reason)),
        _ => Ok(()),
    }
}

#[cold]
fn unkept(reason: &str) -> Error {
    Error::text(format!("MISCONF Errors writing to the AOF file: {reason}"))
}

/// Whether a script's first write can be kept; see `kept` and `saved`.
#[inline]
pub(crate) fn can_keep(node: &Node) -> Result<()> {
    if let Some(reason) = node.log_failure() {
        return Err(unkept(&reason));
    }
    if node.refuses_writes_unsaved() { Err(UNSAVED) } else { Ok(()) }
}

/// Writes are refused while snapshots fail.
#[inline]
fn saved(node: &Node, client: &Client, request: &Request<'_>) -> Result<()> {
    if node.snapshots.has_failed() { unsaved(node, client, request) } else { Ok(()) }
}

#[cold]
fn unsaved(node: &Node, client: &Client, request: &Request<'_>) -> Result<()> {
    if flags(node, client, request) & (flag::WRITE | flag::HEALTH) == 0 || !node.refuses_writes_unsaved() {
        return Ok(());
    }
    Err(UNSAVED)
}

const UNSAVED: Error = Error::Plain(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that \
     may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
     snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
     error.",
);

/// Under RESP2 a subscriber could not tell replies from messages.
#[cold]
fn subscriber(client: &Client, request: &Request<'_>) -> Result<()> {
    if client.proto == Proto::Resp3 || request.row.command.has(flag::IN_SUBSCRIBE) {
        return Ok(());
    }
    Err(Error::text(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        request.row.name
    )))
}

/// Whether CLIENT PAUSE holds the request now.
#[cold]
pub(crate) fn is_paused(node: &Node, core: &Core, client: &Client, request: &Request<'_>) -> bool {
    const WRITES: u32 = flag::WRITE | flag::MAY_REPLICATE;
    match node.pause.state(core.now.unix_ms) {
        None => false,
        Some((Paused::All, _)) => true,
        Some((Paused::Writes, _)) => flags(node, client, request) & WRITES != 0,
    }
}

/// Answers a refusal; inside MULTI it spoils the transaction.
#[cold]
pub(crate) fn reject(
    node: &Node,
    core: &Core,
    client: &mut Client,
    request: &Request<'_>,
    error: &Error,
    out: &mut Writer,
) {
    let mut line = error.line(&request.row.name);
    core.stats.by_command[request.row.index].rejected.add(1);
    if request.row.command.locks == Locks::Queued {
        client.leave_transaction(&node.space);
        let why = line.strip_prefix("ERR ").unwrap_or(&line);
        line = Cow::Owned(format!("EXECABORT Transaction discarded because of: {why}"));
    }
    count_error(node, &core.stats, &line);
    node.audit_refusal(client, request, &line);
    if let Some(multi) = &mut client.multi {
        multi.broken = true;
    }
    out.error(&line);
}

/// Answers words that name no command.
#[cold]
pub(crate) fn unknown_command<'a>(
    node: &Node,
    core: &Core,
    client: &mut Client,
    mut words: impl Iterator<Item = &'a [u8]>,
    out: &mut Writer,
) {
    let shown = |word: &[u8]| String::from_utf8_lossy(&word[..word.len().min(128)]).into_owned();
    let name = words.next().map(shown).unwrap_or_default();
    let mut line = format!("ERR unknown command '{name}', with args beginning with: ");
    for word in words {
        if line.len() >= 128 + name.len() {
            break;
        }
        let _ = write!(line, "'{}' ", shown(word));
    }
    core.stats.commands.add(1);
    count_error(node, &core.stats, &line);
    if let Some(multi) = &mut client.multi {
        multi.broken = true;
    }
    out.error(&line);
}

/// Words that name no subcommand of their container.
pub(crate) fn unknown_subcommand(request: &Request<'_>) -> String {
    let word = request.word(1).unwrap_or_default();
    let shown = String::from_utf8_lossy(&word[..word.len().min(128)]).into_owned();
    format!("ERR unknown subcommand '{shown}'. Try {} HELP.", request.row.name.to_uppercase())
}
