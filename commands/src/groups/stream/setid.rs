//! XSETID.

use commands_macros::command;
use keyspace::keys::Key;

use super::id::IdArg;
use super::stream_event;
use crate::args::{Arg, Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

#[derive(Default)]
struct SetIdOptions {
    entries_added: Option<u64>,
    max_deleted: Option<IdArg>,
}

impl SetIdOptions {
    fn take(args: &mut Args, id: IdArg) -> Result<Self> {
        let mut found = Self::default();
        while !args.is_empty() {
            let has_value = args.len() > 1;
            if has_value && args.take_token("ENTRIESADDED") {
                let count = u64::try_from(i64::take(args)?);
                found.entries_added = Some(count.map_err(|_| Error::Plain("ERR entries_added must be positive"))?);
            } else if has_value && args.take_token("MAXDELETEDID") {
                let max_deleted = IdArg::take(args)?;
                if id.0 < max_deleted.0 {
                    return Err(Error::Plain(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                found.max_deleted = Some(max_deleted);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(found)
    }
}

/// Sets the last id of a stream, and counters of it.
#[command(
    "XSETID",
    since = "5.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | UPDATE)),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::new("last-id", ArgType::String),
        ArgDoc::new("entries-added", ArgType::Integer).token("ENTRIESADDED").since("7.0.0").optional(),
        ArgDoc::new("max-deleted-id", ArgType::String).token("MAXDELETEDID").since("7.0.0").optional()
    )
)]
pub(crate) fn xsetid(ctx: &mut Ctx, key: Key, last_id: IdArg, words: Rest) -> Result<Done> {
    let Rest(mut words) = words;
    let options = SetIdOptions::take(&mut words, last_id)?;
    let log = &mut ctx.keys.stream_mut(&key)?.ok_or(Error::NoSuchKey)?.log;
    if last_id.0 < log.max_deleted_id {
        return Err(Error::Plain("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"));
    }
    if !log.is_empty() {
        if last_id.0 < log.newest_id() {
            return Err(Error::Plain("ERR The ID specified in XSETID is smaller than the target stream top item"));
        }
        if options.entries_added.is_some_and(|count| count < log.len()) {
            return Err(Error::Plain(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    log.last_id = last_id.0;
    log.entries_added = options.entries_added.unwrap_or(log.entries_added);
    if let Some(max_deleted) = options.max_deleted.filter(|id| !id.0.is_zero()) {
        log.max_deleted_id = max_deleted.0;
    }
    ctx.keys.changed(&key, stream_event("xsetid"));
    Ok(Done)
}
