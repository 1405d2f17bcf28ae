//! XPENDING.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{Group, Id};
use resp::Writer;

use super::id::{parse_end, parse_start};
use super::{no_group, write_id};
use crate::args::{Arg, Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// Which pending entries to list.
struct Filter<'a> {
    min_idle_ms: i64,
    from: Id,
    to: Id,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn take(args: &mut Args<'a>) -> Result<Self> {
        if !(3..=6).contains(&args.len()) {
            return Err(Error::Syntax);
        }
        let mut min_idle_ms = 0;
        if args.take_token("IDLE") {
            min_idle_ms = i64::take(args)?;
            if args.len() < 3 {
                return Err(Error::Syntax);
            }
        }
        let (start, end, count) = (args.word()?, args.word()?, i64::take(args)?);
        let (from, to) = (parse_start(start)?, parse_end(end)?);
        let consumer = if args.is_empty() { None } else { Some(args.word()?) };
        args.take_all();
        Ok(Self { min_idle_ms, from, to, count: usize::try_from(count).unwrap_or(0), consumer })
    }
}

/// Lists the entries that were delivered to a group's consumers and are not acknowledged.
#[command(
    "XPENDING",
    since = "5.0.0",
    complexity = "O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output"),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::new("group", ArgType::String),
        ArgDoc::block(
            "filters",
            &[
                ArgDoc::new("min-idle-time", ArgType::Integer).token("IDLE").since("6.2.0").optional(),
                ArgDoc::new("start", ArgType::String),
                ArgDoc::new("end", ArgType::String),
                ArgDoc::new("count", ArgType::Integer),
                ArgDoc::new("consumer", ArgType::String).optional(),
            ]
        )
        .optional()
    )
)]
pub(crate) fn xpending(ctx: &mut Ctx, key: Key, group: &[u8], filters: Rest) -> Result<()> {
    let Rest(mut words) = filters;
    let filter = if words.is_empty() { None } else { Some(Filter::take(&mut words)?) };
    let now_ms = ctx.now_ms();
    let found = ctx.keys.stream(&key)?.and_then(|stream| stream.group(group));
    let found = found.ok_or_else(|| no_group(&key, group))?;
    match filter {
        None => summary(ctx.out, found),
        Some(filter) => list(ctx.out, found, &filter, now_ms),
    }
    Ok(())
}

fn summary(out: &mut Writer, group: &Group) {
    out.array(4);
    out.int(group.pending_count() as i64);
    let mut pending = group.pending_in(Id::ZERO, Id::MAX);
    let Some((&first, _)) = pending.next() else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    write_id(out, first);
    write_id(out, pending.next_back().map_or(first, |(id, _)| *id));
    let owners = || group.consumers().filter(|consumer| consumer.pending_count() > 0);
    out.array(owners().count());
    for consumer in owners() {
        out.array(2);
        out.bulk(consumer.name());
        out.bulk_int(consumer.pending_count() as i64);
    }
}

fn list(out: &mut Writer, group: &Group, filter: &Filter<'_>, now_ms: i64) {
    let owner = filter.consumer.map(|name| group.find(name));
    if owner == Some(None) {
        out.empty_array();
        return;
    }
    let (later, mut written) = (out.array_later(), 0);
    let mut write = |id: Id| {
        let Some(pending) = group.pending(id) else { return true };
        let idle_ms = now_ms - pending.delivered_ms;
        if filter.min_idle_ms > 0 && idle_ms < filter.min_idle_ms {
            return true;
        }
        if written == filter.count {
            return false;
        }
        out.array(4);
        write_id(out, id);
        out.bulk(group[pending.consumer()].name());
        out.int(idle_ms.max(0));
        out.int(pending.deliveries as i64);
        written += 1;
        written < filter.count
    };
    if filter.count > 0 {
        // A consumer's list holds ids alone, the group's all that is to be told.
        let _ = match owner.flatten() {
            Some(owner) => group[owner].pending_from(filter.from).take_while(|id| *id <= filter.to).all(write),
            None => group.pending_in(filter.from, filter.to).all(|(id, _)| write(*id)),
        };
    }
    out.finish(later, written);
}
