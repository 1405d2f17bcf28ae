//! XACK and XACKDEL.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{References, Removed};

use super::delete::{CONDITION, IDS, Ids, code, take_ids};
use super::id::IdArg;
use super::stream_event;
use crate::args::{Arg, Many, Rest};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType};

/// Acknowledges entries: they are pending in a group no more.
#[command(
    "XACK",
    since = "5.0.0",
    complexity = "O(1) for each message ID processed.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn xack(ctx: &mut Ctx, key: Key, group: &[u8], id: Many<IdArg>) -> Result<usize> {
    let Some(stream) = ctx.keys.stream_mut_read(&key)? else { return Ok(0) };
    let Some((_, group)) = stream.group_mut(group) else { return Ok(0) };
    let ids: Ids = id.iter().map(|id| id.map(|id| id.0)).collect::<Result<_>>()?;
    let count = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
    ctx.keys.tally.dirty += count as u64;
    Ok(count)
}

/// Acknowledges entries and removes them from the stream, where no other group needs them or that is no matter.
#[command(
    "XACKDEL",
    since = "8.2.0",
    complexity = "O(1) for each message ID processed.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE | DELETE)),
    arity(-6),
    args(<Key as Arg>::DOC.named("key"), ArgDoc::new("group", ArgType::String), CONDITION, IDS)
)]
pub(crate) fn xackdel(ctx: &mut Ctx, key: Key, group: &[u8], words: Rest) -> Result<()> {
    let Rest(mut words) = words;
    let stream = ctx.keys.stream_mut_read(&key)?.filter(|stream| stream.group(group).is_some());
    let (references, ids) = take_ids(&mut words)?;
    ctx.out.array(ids.len());
    let Some(stream) = stream else {
        ids.iter().for_each(|_| ctx.out.int(-1));
        return Ok(());
    };
    let (mut acknowledged, mut gone) = (0, 0);
    for id in ids {
        if !stream.group_mut(group).is_some_and(|(_, group)| group.acknowledge(id)) {
            ctx.out.int(code(Removed::Absent));
            continue;
        }
        acknowledged += 1;
        let removed = stream.remove(id, references);
        gone += usize::from(removed == Removed::Gone);
        // An entry that was removed before is acknowledged, and gone.
        let answer = if removed == Removed::Absent { Removed::Gone } else { removed };
        if references == References::Delete && removed == Removed::Absent {
            stream.forget(id);
        }
        ctx.out.int(code(answer));
    }
    if gone > 0 {
        ctx.keys.changed_by(&key, stream_event("xdel"), acknowledged);
    } else {
        ctx.keys.tally.dirty += acknowledged as u64;
    }
    Ok(())
}
