//! XADD.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{ENTRY_BYTES_MAX, Id};

use super::effect::say_exact;
use super::id::Partial;
use super::trim::{NewId, TRIM, Words, XTRIM_EVENT};
use super::{limits, stream_event, write_id};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const XADD_EVENT: keyspace::change::Event = stream_event("xadd");
const NOT_AFTER_LAST: Error =
    Error::Plain("ERR The ID specified in XADD is equal or smaller than the target stream top item");

/// The id of an entry that is added after `last`.
fn id_after(last: Id, wanted: NewId, now_ms: i64) -> Result<Id> {
    let now_ms = now_ms.max(0) as u64;
    let id = match wanted {
        NewId::Auto if now_ms > last.ms => Some(Id::new(now_ms, 0)),
        NewId::Auto => last.next(),
        NewId::Given(Partial::Ms(ms)) if ms == last.ms => last.seq.checked_add(1).map(|seq| Id { ms, seq }),
        NewId::Given(Partial::Ms(ms)) => Some(Id { ms, seq: 0 }),
        NewId::Given(Partial::Whole(id)) => Some(id),
    };
    id.filter(|id| *id > last).ok_or(NOT_AFTER_LAST)
}

/// Adds an entry to a stream.
#[command(
    "XADD",
    since = "5.0.0",
    complexity = "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | UPDATE).notes("UPDATE instead of INSERT because of the optional trimming feature")),
    tips("nondeterministic_output"),
    arity(-5),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::token_only("nomkstream").token("NOMKSTREAM").since("6.2.0").optional(),
        TRIM.optional(),
        ArgDoc::one_of(
            "id-selector",
            &[ArgDoc::token_only("auto-id").token("*"), ArgDoc::new("id", ArgType::String)]
        ),
        ArgDoc::block("data", &[ArgDoc::new("field", ArgType::String), ArgDoc::new("value", ArgType::String)])
            .multiple()
    )
)]
pub(crate) fn xadd(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let Rest(mut data) = words;
    let words = Words::take(&mut data, true)?;
    let (Some(wanted), false) = (words.id, data.is_empty() || !data.len().is_multiple_of(2)) else {
        return Err(Error::Arity);
    };
    if words.has_id_zero() {
        return Err(Error::Plain("ERR The ID specified in XADD must be greater than 0-0"));
    }
    if data.iter().map(<[u8]>::len).sum::<usize>() > ENTRY_BYTES_MAX {
        return Err(Error::Plain("ERR Elements are too large to be stored"));
    }
    let (trim, limits, now_ms) = (words.trim(ctx.node), limits(ctx.node), ctx.now_ms());
    let id_at = ctx.request.spans.len() - data.len() - 1;
    let stream = if words.no_create {
        let Some(stream) = ctx.keys.stream_mut(&key)? else {
            ctx.out.null();
            return Ok(());
        };
        stream
    } else {
        ctx.keys.stream_or_new(&key)?
    };
    if stream.log.last_id == Id::MAX {
        return Err(Error::Plain("ERR The stream has exhausted the last possible ID, unable to add more items"));
    }
    // A new stream takes any id but 0-0: an error leaves no empty one behind.
    let id = id_after(stream.log.last_id, wanted, now_ms)?;
    stream.log.add(id, data.iter(), limits);
    let trimmed = trim.as_ref().map_or(0, |trim| stream.trim(trim));
    let kept = (stream.log.len(), stream.log.first_id());
    write_id(ctx.out, id);
    ctx.keys.changed(&key, XADD_EVENT);
    if trimmed > 0 {
        ctx.keys.event(&key, XTRIM_EVENT);
    }
    let is_exact = trim.as_ref().is_none_or(|trim| !trim.is_approximate);
    if ctx.wants_effects() && !(is_exact && matches!(wanted, NewId::Given(Partial::Whole(_)))) {
        say_exact(ctx, "XADD", Some((id_at, id)), trim.as_ref(), kept);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ids_ascend() {
        check(
            r#"
            > XADD s 0-0 f v
            (error) ERR The ID specified in XADD must be greater than 0-0
            > EXISTS s
            (integer) 0
            > XADD s 0-* f v
            "0-1"
            > XADD s 5-* f v
            "5-0"
            > XADD s 5 f v
            (error) ERR The ID specified in XADD is equal or smaller than the target stream top item
            > XADD s 5-* f v
            "5-1"
            > XADD s 4-* f v
            (error) ERR The ID specified in XADD is equal or smaller than the target stream top item
            > XADD s 99999999999999-7 f v
            "99999999999999-7"
            > XADD s * f v
            "99999999999999-8"
            > XADD s 18446744073709551615-18446744073709551615 f v
            "18446744073709551615-18446744073709551615"
            > XADD s * f v
            (error) ERR The stream has exhausted the last possible ID, unable to add more items
            > XADD none NOMKSTREAM * f v
            (nil)
            > XADD s NOMKSTREAM * f
            (error) ERR wrong number of arguments for 'xadd' command
            > TYPE s
            stream
            > OBJECT ENCODING s
            "stream"
            "#,
        );
    }
}
