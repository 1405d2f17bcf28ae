//! XDEL and XDELEX.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{Id, References, Removed};
use smallvec::SmallVec;

use super::id::IdArg;
use super::stream_event;
use super::trim::take_references;
use crate::args::{Arg, Args, Many, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const XDEL_EVENT: keyspace::change::Event = stream_event("xdel");

/// Ids that are all read before the first one is used.
pub(super) type Ids = SmallVec<[Id; 16]>;

/// Removes entries from a stream.
#[command(
    "XDEL",
    since = "5.0.0",
    complexity = "O(1) for each single item to delete in the stream, regardless of the stream size.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn xdel(ctx: &mut Ctx, key: Key, id: Many<IdArg>) -> Result<usize> {
    let Some(stream) = ctx.keys.stream_mut(&key)? else { return Ok(0) };
    let ids: Ids = id.iter().map(|id| id.map(|id| id.0)).collect::<Result<_>>()?;
    let removed = ids.iter().filter(|id| stream.remove(**id, References::Keep) == Removed::Gone).count();
    if removed > 0 {
        ctx.keys.changed_by(&key, XDEL_EVENT, removed);
    }
    Ok(removed)
}

pub(super) const CONDITION: ArgDoc = ArgDoc::one_of(
    "condition",
    &[
        ArgDoc::token_only("keepref").token("KEEPREF"),
        ArgDoc::token_only("delref").token("DELREF"),
        ArgDoc::token_only("acked").token("ACKED"),
    ],
)
.optional();
pub(super) const IDS: ArgDoc =
    ArgDoc::block("ids", &[ArgDoc::new("numids", ArgType::Integer), ArgDoc::new("id", ArgType::String).multiple()])
        .token("IDS");

/// `[KEEPREF | DELREF | ACKED] IDS numids id ..`
pub(super) fn take_ids(args: &mut Args) -> Result<(References, Ids)> {
    let (mut references, mut ids) = (None, None);
    while !args.is_empty() {
        if let Some(next) = take_references(args) {
            if references.replace(next).is_some() {
                return Err(Error::Syntax);
            }
        } else if args.len() > 2 && ids.is_none() && args.take_token("IDS") {
            let count = base::number::parse_i64(args.word()?).and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count > 0);
            let count = count.ok_or(Error::Plain("ERR Number of IDs must be a positive integer"))?;
            const MISMATCH: Error = Error::Plain("ERR The `numids` parameter must match the number of arguments");
            let mut words = args.take_first(count).map_err(|_| MISMATCH)?;
            let each = std::iter::from_fn(|| (!words.is_empty()).then(|| IdArg::take(&mut words).map(|id| id.0)));
            ids = Some(each.collect::<Result<Ids>>()?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((references.unwrap_or_default(), ids.ok_or(Error::Syntax)?))
}

/// What XDELEX and XACKDEL answer for an entry.
pub(super) fn code(removed: Removed) -> i64 {
    match removed {
        Removed::Absent => -1,
        Removed::Gone => 1,
        Removed::Needed => 2,
    }
}

/// Removes entries from a stream, and says what becomes of groups that know them.
#[command(
    "XDELEX",
    since = "8.2.0",
    complexity = "O(1) for each single item to delete in the stream, regardless of the stream size.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE)),
    arity(-5),
    args(<Key as Arg>::DOC.named("key"), CONDITION, IDS)
)]
pub(crate) fn xdelex(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let Rest(mut words) = words;
    let stream = ctx.keys.stream_mut(&key)?;
    let (references, ids) = take_ids(&mut words)?;
    ctx.out.array(ids.len());
    let Some(stream) = stream else {
        ids.iter().for_each(|_| ctx.out.int(-1));
        return Ok(());
    };
    let mut gone = 0;
    for id in ids {
        let removed = stream.remove(id, references);
        gone += usize::from(removed == Removed::Gone);
        ctx.out.int(code(removed));
    }
    if gone > 0 {
        ctx.keys.changed_by(&key, XDEL_EVENT, gone);
    }
    Ok(())
}
