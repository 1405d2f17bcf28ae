//! XGROUP.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{Group, Id};

use super::id::{self, parse, parse_open};
use super::{no_group_of_key, stream_event};
use crate::args::{Arg, Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::{self, Ok as Done};
use crate::spec::{ArgDoc, ArgType, Command};

/// See the module's head.
pub(crate) static XGROUP: Command = Command::container(
    "XGROUP",
    "5.0.0",
    "Holds the commands that manage groups.",
    &[&CREATE, &CREATECONSUMER, &DELCONSUMER, &DESTROY, &HELP, &SETID],
);

const NO_KEY: Error = Error::Plain(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);
pub(super) const CREATECONSUMER_EVENT: keyspace::change::Event = stream_event("xgroup-createconsumer");

const SELECTOR: ArgDoc =
    ArgDoc::one_of("id-selector", &[ArgDoc::new("id", ArgType::String), ArgDoc::token_only("new-id").token("$")]);
const ENTRIES_READ: ArgDoc =
    ArgDoc::new("entriesread", ArgType::Integer).display("entries-read").token("ENTRIESREAD").optional();
const GROUP: ArgDoc = ArgDoc::new("group", ArgType::String);

#[derive(Default)]
struct GroupOptions {
    make_stream: bool,
    entries_read: Option<i64>,
}

impl GroupOptions {
    fn take(ctx: &Ctx, args: &mut Args, may_make: bool) -> Result<Self> {
        let mut found = Self::default();
        while !args.is_empty() {
            if may_make && args.take_token("MKSTREAM") {
                found.make_stream = true;
            } else if args.len() > 1 && args.take_token("ENTRIESREAD") {
                let count = i64::take(args)?;
                if count < -1 {
                    return Err(Error::Plain("ERR value for ENTRIESREAD must be positive or -1"));
                }
                found.entries_read = (count >= 0).then_some(count);
            } else {
                return Err(subcommand_syntax(ctx, "XGROUP"));
            }
        }
        Ok(found)
    }
}

/// The error of a subcommand whose further words make no sense.
pub(super) fn subcommand_syntax(ctx: &Ctx, container: &str) -> Error {
    let name = String::from_utf8_lossy(ctx.request.word(1).unwrap_or_default()).into_owned();
    Error::text(format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try {container} HELP."))
}

/// Makes a group that reads a stream from an entry on.
#[command(
    "CREATE",
    since = "5.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(2, RW | INSERT)),
    args(
        <Key as Arg>::DOC.named("key"),
        GROUP,
        SELECTOR,
        ArgDoc::token_only("mkstream").token("MKSTREAM").optional(),
        ENTRIES_READ
    )
)]
pub(crate) fn create(ctx: &mut Ctx, key: Key, group: &[u8], id: &[u8], options: Rest) -> Result<Done> {
    let Rest(mut options) = options;
    let options = GroupOptions::take(ctx, &mut options, true)?;
    let found = ctx.keys.stream_mut(&key)?;
    if found.is_none() && !options.make_stream {
        return Err(NO_KEY);
    }
    let is_new = found.is_none();
    let last_id = match id {
        b"$" => found.map_or(Id::ZERO, |stream| stream.log.last_id),
        id => parse(id, 0).ok_or(id::INVALID)?,
    };
    let stream = ctx.keys.stream_or_new(&key)?;
    if !stream.add_group(group, Group::new(last_id, options.entries_read)) {
        return Err(Error::Plain("BUSYGROUP Consumer Group name already exists"));
    }
    if is_new {
        ctx.keys.changed(&key, stream_event("xgroup-create"));
    } else {
        told(ctx, &key, "xgroup-create");
    }
    Ok(Done)
}

/// Redis counts a change of a group and tells of it, but those who watch the key hear nothing.
fn told(ctx: &mut Ctx, key: &Key, name: &'static str) {
    ctx.keys.tally.dirty += 1;
    ctx.keys.event(key, stream_event(name));
}

/// The group of a key that both must be there.
fn group_of<'s>(ctx: &'s mut Ctx, key: &Key, group: &[u8]) -> Result<(Id, &'s mut Group)> {
    let stream = ctx.keys.stream_mut(key)?.ok_or(NO_KEY)?;
    let (log, found) = stream.group_mut(group).ok_or_else(|| no_group_of_key(key, group))?;
    Ok((log.last_id, found))
}

/// Sets from where on a group reads.
#[command(
    "SETID",
    since = "5.0.0",
    complexity = "O(1)",
    flags(WRITE),
    keys(KeySpec::one(2, RW | UPDATE)),
    args(<Key as Arg>::DOC.named("key"), GROUP, SELECTOR, ENTRIES_READ)
)]
pub(crate) fn setid(ctx: &mut Ctx, key: Key, group: &[u8], id: &[u8], options: Rest) -> Result<Done> {
    let Rest(mut options) = options;
    let options = GroupOptions::take(ctx, &mut options, false)?;
    let (last_id, group) = group_of(ctx, &key, group)?;
    group.last_id = match id {
        b"$" => last_id,
        id => parse_open(id, 0).ok_or(id::INVALID)?,
    };
    group.entries_read = options.entries_read;
    told(ctx, &key, "xgroup-setid");
    Ok(Done)
}

/// Removes a group.
#[command(
    "DESTROY",
    since = "5.0.0",
    complexity = "O(N) where N is the number of entries in the group's pending entries list (PEL).",
    flags(WRITE),
    keys(KeySpec::one(2, RW | DELETE)),
    args(<Key as Arg>::DOC.named("key"), GROUP)
)]
pub(crate) fn destroy(ctx: &mut Ctx, key: Key, group: &[u8]) -> Result<bool> {
    let stream = ctx.keys.stream_mut(&key)?.ok_or(NO_KEY)?;
    let is_gone = stream.remove_group(group);
    if is_gone {
        // Clients that wait for the group must hear of it.
        ctx.keys.changed(&key, stream_event("xgroup-destroy"));
    }
    Ok(is_gone)
}

/// Adds a consumer to a group.
#[command(
    "CREATECONSUMER",
    since = "6.2.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(2, RW | INSERT))
)]
pub(crate) fn createconsumer(ctx: &mut Ctx, key: Key, group: &[u8], consumer: &[u8]) -> Result<bool> {
    let now_ms = ctx.now_ms();
    let is_new = group_of(ctx, &key, group)?.1.create(consumer, now_ms).is_some();
    if is_new {
        told(ctx, &key, CREATECONSUMER_EVENT.name);
    }
    Ok(is_new)
}

/// Removes a consumer from a group, with what is pending for it.
#[command(
    "DELCONSUMER",
    since = "5.0.0",
    complexity = "O(1)",
    flags(WRITE),
    keys(KeySpec::one(2, RW | DELETE))
)]
pub(crate) fn delconsumer(ctx: &mut Ctx, key: Key, group: &[u8], consumer: &[u8]) -> Result<usize> {
    let Some(pending) = group_of(ctx, &key, group)?.1.remove(consumer) else { return Ok(0) };
    told(ctx, &key, "xgroup-delconsumer");
    Ok(pending)
}

/// Shows the subcommands.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    let lines = [
        "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
        "    Make a group that reads what follows the id; MKSTREAM makes the stream too.",
        "CREATECONSUMER <key> <group> <consumer>",
        "    Add a consumer to a group.",
        "DELCONSUMER <key> <group> <consumer>",
        "    Remove a consumer with what is pending for it.",
        "DESTROY <key> <group>",
        "    Remove a group.",
        "SETID <key> <group> <id|$> [ENTRIESREAD <count>]",
        "    Set the entry that a group has read last.",
    ];
    reply::help(ctx.out, "XGROUP", &lines);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn groups_come_and_go() {
        check(
            r#"
            > XGROUP CREATE s g $
            (error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            > XGROUP CREATE s g $ MKSTREAM
            OK
            > XGROUP CREATE s g 0
            (error) BUSYGROUP Consumer Group name already exists
            > XGROUP CREATECONSUMER s g c
            (integer) 1
            > XGROUP CREATECONSUMER s g c
            (integer) 0
            > XADD s 1-1 f v
            "1-1"
            > XREADGROUP GROUP g c STREAMS s >
            1) 1) "s"
               2) 1) 1) "1-1"
                     2) 1) "f"
                        2) "v"
            > XGROUP DELCONSUMER s g c
            (integer) 1
            > XGROUP SETID s other 0
            (error) NOGROUP No such consumer group 'other' for key name 's'
            > XGROUP SETID s g - ENTRIESREAD 7
            OK
            > XGROUP DESTROY s g
            (integer) 1
            > XGROUP DESTROY s g
            (integer) 0
            "#,
        );
    }
}
