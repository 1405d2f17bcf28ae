//! XINFO.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{Group, Id, Log, Stream};
use resp::Writer;

use super::group::subcommand_syntax;
use super::{no_group_of_key, write_entry, write_id};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply;
use crate::spec::{ArgDoc, ArgType, Command};

/// See the module's head.
pub(crate) static XINFO: Command = Command::container(
    "XINFO",
    "5.0.0",
    "Holds the commands that look into streams.",
    &[&CONSUMERS, &GROUPS, &HELP, &STREAM],
);

fn name(out: &mut Writer, name: &str) {
    out.bulk(name.as_bytes());
}

fn int(out: &mut Writer, name: &str, value: i64) {
    out.bulk(name.as_bytes());
    out.int(value);
}

fn id(out: &mut Writer, name: &str, value: Id) {
    out.bulk(name.as_bytes());
    write_id(out, value);
}

fn maybe_int(out: &mut Writer, name: &str, value: Option<i64>) {
    out.bulk(name.as_bytes());
    match value {
        Some(value) => out.int(value),
        None => out.null(),
    }
}

/// Lists the consumers of a group.
#[command(
    "CONSUMERS",
    since = "5.0.0",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn consumers(ctx: &mut Ctx, key: Key, group: &[u8]) -> Result<()> {
    let now_ms = ctx.now_ms();
    let stream = ctx.keys.stream(&key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.group(group).ok_or_else(|| no_group_of_key(&key, group))?;
    let out = &mut *ctx.out;
    out.array(group.consumers().len());
    for consumer in group.consumers() {
        out.map(4);
        name(out, "name");
        out.bulk(consumer.name());
        int(out, "pending", consumer.pending_count() as i64);
        int(out, "idle", (now_ms - consumer.seen_ms).max(0));
        int(out, "inactive", consumer.active_ms.map_or(-1, |active_ms| (now_ms - active_ms).max(0)));
    }
    Ok(())
}

/// Lists the groups of a stream.
#[command("GROUPS", since = "5.0.0", complexity = "O(1)", flags(READONLY), keys(KeySpec::one(2, RO | ACCESS)))]
pub(crate) fn groups(ctx: &mut Ctx, key: Key) -> Result<()> {
    let stream = ctx.keys.stream(&key)?.ok_or(Error::NoSuchKey)?;
    let out = &mut *ctx.out;
    out.array(stream.groups().len());
    for (group_name, group) in stream.groups() {
        out.map(6);
        name(out, "name");
        out.bulk(group_name);
        int(out, "consumers", group.consumers().len() as i64);
        int(out, "pending", group.pending_count() as i64);
        id(out, "last-delivered-id", group.last_id);
        maybe_int(out, "entries-read", group.entries_read);
        maybe_int(out, "lag", stream.log.lag(group));
    }
    Ok(())
}

/// How many entries, and pending ones of each group and consumer, FULL shows.
const FULL_COUNT: usize = 10;

/// Tells about a stream, and with FULL about its entries and groups.
#[command(
    "STREAM",
    since = "5.0.0",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO | ACCESS)),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::block(
            "full-block",
            &[
                ArgDoc::token_only("full").token("FULL"),
                ArgDoc::new("count", ArgType::Integer).token("COUNT").optional(),
            ]
        )
        .optional()
    )
)]
pub(crate) fn stream(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let Rest(mut words) = words;
    let mut full = None;
    if ctx.keys.stream(&key)?.is_none() {
        return Err(Error::NoSuchKey);
    }
    if !words.is_empty() {
        let is_full = words.take_token("FULL");
        let count = match words.len() {
            0 if is_full => FULL_COUNT as i64,
            2 if is_full && words.take_token("COUNT") => i64::take(&mut words)?,
            _ => return Err(subcommand_syntax(ctx, "XINFO")),
        };
        full = Some(match count {
            ..0 => FULL_COUNT,
            0 => usize::MAX,
            count => usize::try_from(count).unwrap_or(usize::MAX),
        });
    }
    let stream = ctx.keys.peek_stream(&key)?.ok_or(Error::NoSuchKey)?;
    let out = &mut *ctx.out;
    out.map(if full.is_some() { 9 } else { 10 });
    counters(out, &stream.log);
    match full {
        Some(count) => write_full(out, stream, count),
        None => write_ends(out, stream),
    }
    Ok(())
}

fn counters(out: &mut Writer, log: &Log) {
    int(out, "length", log.len() as i64);
    int(out, "radix-tree-keys", log.block_count() as i64);
    int(out, "radix-tree-nodes", log.radix_tree_nodes() as i64);
    id(out, "last-generated-id", log.last_id);
    id(out, "max-deleted-entry-id", log.max_deleted_id);
    int(out, "entries-added", log.entries_added as i64);
    id(out, "recorded-first-entry-id", log.first_id());
}

fn write_ends(out: &mut Writer, stream: &Stream) {
    int(out, "groups", stream.groups().len() as i64);
    let ends =
        [("first-entry", stream.log.iter().next()), ("last-entry", stream.log.range_rev(Id::ZERO, Id::MAX).next())];
    for (label, entry) in ends {
        name(out, label);
        match entry {
            Some(entry) => write_entry(out, &entry),
            None => out.null(),
        }
    }
}

fn write_full(out: &mut Writer, stream: &Stream, count: usize) {
    name(out, "entries");
    let entries = stream.log.len().min(count as u64) as usize;
    out.array(entries);
    stream.log.iter().take(entries).for_each(|entry| write_entry(out, &entry));
    name(out, "groups");
    out.array(stream.groups().len());
    for (group_name, group) in stream.groups() {
        out.map(7);
        name(out, "name");
        out.bulk(group_name);
        id(out, "last-delivered-id", group.last_id);
        maybe_int(out, "entries-read", group.entries_read);
        maybe_int(out, "lag", stream.log.lag(group));
        int(out, "pel-count", group.pending_count() as i64);
        name(out, "pending");
        out.array(group.pending_count().min(count));
        for (&id, pending) in group.pending_in(Id::ZERO, Id::MAX).take(count) {
            out.array(4);
            write_id(out, id);
            out.bulk(group[pending.consumer()].name());
            out.int(pending.delivered_ms);
            out.int(pending.deliveries as i64);
        }
        write_consumers(out, group, count);
    }
}

fn write_consumers(out: &mut Writer, group: &Group, count: usize) {
    name(out, "consumers");
    out.array(group.consumers().len());
    for consumer in group.consumers() {
        out.map(5);
        name(out, "name");
        out.bulk(consumer.name());
        int(out, "seen-time", consumer.seen_ms);
        int(out, "active-time", consumer.active_ms.unwrap_or(-1));
        int(out, "pel-count", consumer.pending_count() as i64);
        name(out, "pending");
        out.array(consumer.pending_count().min(count));
        for id in consumer.pending_from(Id::ZERO).take(count) {
            let (delivered_ms, deliveries) =
                group.pending(id).map_or((0, 0), |pending| (pending.delivered_ms, pending.deliveries));
            out.array(3);
            write_id(out, id);
            out.int(delivered_ms);
            out.int(deliveries as i64);
        }
    }
}

/// Shows the subcommands.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    let lines = [
        "CONSUMERS <key> <group>",
        "    List the consumers of a group.",
        "GROUPS <key>",
        "    List the groups of a stream.",
        "STREAM <key> [FULL [COUNT <count>]]",
        "    Tell about a stream; with FULL about its entries and groups, too.",
    ];
    reply::help(ctx.out, "XINFO", &lines);
    Ok(())
}
