//! XREAD and XREADGROUP.
//!
//! Invariant: the keys are those that the key specs find, whose shards are locked.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::stream::{ConsumerRef, Group, Id, Log};
use resp::{Later, Writer};
use smallvec::SmallVec;

use super::claim::heard_of;
use super::effect::GroupEffects;
use super::group::CREATECONSUMER_EVENT;
use super::id::{self, parse};
use super::{write_entry, write_id};
use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::request::{OwnedRequest, Request};
use crate::spec::{ArgDoc, ArgType, key};
use crate::waiting;

const STREAMS: ArgDoc = ArgDoc::block(
    "streams",
    &[ArgDoc::new("key", ArgType::Key).key_spec(0).multiple(), ArgDoc::new("id", ArgType::String).multiple()],
)
.token("STREAMS");
const COUNT: ArgDoc = ArgDoc::new("count", ArgType::Integer).token("COUNT").optional();
const BLOCK: ArgDoc = ArgDoc::new("milliseconds", ArgType::Integer).token("BLOCK").optional();

/// The words of both commands.
struct Words<'a> {
    group: Option<(&'a [u8], &'a [u8])>,
    /// At most so many entries of each stream.
    count: usize,
    /// Until when to wait, if at all.
    until_ms: Option<Option<i64>>,
    no_ack: bool,
    keys: Args<'a>,
    ids: Args<'a>,
}

impl<'a> Words<'a> {
    fn take(args: &mut Args<'a>, of_group: bool, now_ms: i64) -> Result<Self> {
        let (mut group, mut count, mut until_ms, mut no_ack) = (None, usize::MAX, None, false);
        while !args.is_empty() {
            let has_value = args.len() > 1;
            if has_value && args.take_token("BLOCK") {
                until_ms = Some(waiting::until_ms(args.word()?, now_ms)?);
            } else if has_value && args.take_token("COUNT") {
                let number = base::number::parse_i64(args.word()?).ok_or(Error::NotAnInteger)?;
                count = usize::try_from(number).ok().filter(|count| *count > 0).unwrap_or(usize::MAX);
            } else if has_value && args.take_token("STREAMS") {
                if !args.len().is_multiple_of(2) {
                    return Err(Error::Plain(if of_group {
                        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
                    } else {
                        "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified."
                    }));
                }
                let keys = args.take_first(args.len() / 2)?;
                if of_group && group.is_none() {
                    return Err(Error::Plain("ERR Missing GROUP option for XREADGROUP"));
                }
                return Ok(Self { group, count, until_ms, no_ack, keys, ids: args.take_all() });
            } else if args.len() > 2 && args.take_token("GROUP") {
                if !of_group {
                    return Err(Error::Plain(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                group = Some((args.word()?, args.word()?));
            } else if args.take_token("NOACK") {
                if !of_group {
                    return Err(Error::Plain(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                no_ack = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Err(Error::Syntax)
    }
}

/// Keys that only the handler's grammar finds: where an earlier word is STREAMS too (a group of that name, say), the
/// key spec begins there.
fn keys_of_grammar(request: &Request<'_>, visit: &mut dyn FnMut(usize, u16)) {
    let is_streams = |&at: &usize| request.word(at).is_some_and(|word| word.eq_ignore_ascii_case(b"STREAMS"));
    let of_group = request.row.command.name == XREADGROUP.name;
    let words = request.spans.len();
    let specified = (if of_group { 4 } else { 1 }..words).find(is_streams);
    let mut at = 1;
    while at < words && !is_streams(&at) {
        let word = request.word(at).unwrap_or_default();
        at += if word.eq_ignore_ascii_case(b"GROUP") {
            3
        } else if word.eq_ignore_ascii_case(b"COUNT") || word.eq_ignore_ascii_case(b"BLOCK") {
            2
        } else {
            1
        };
    }
    if at < words && specified != Some(at) {
        (at + 1..at + 1 + (words - at - 1) / 2).for_each(|word| visit(word, key::RO | key::ACCESS));
    }
}

/// From where on a stream is read.
#[derive(Clone, Copy)]
enum From {
    /// After an id; a consumer's history after it.
    After(Id),
    /// The last entry (`+`).
    Last,
    /// What no consumer of the group got (`>`).
    New,
}

/// What follows when there is nothing to read. A client waits with `$` being what it was when it came.
fn nothing(ctx: &mut Ctx, words: &Words<'_>, froms: &[From]) -> Result<()> {
    let Some(until_ms) = words.until_ms else {
        ctx.out.null_array();
        return Ok(());
    };
    if words.ids.iter().any(|id| id == b"$") {
        let first = ctx.request.spans.len() - words.ids.len();
        let mut texts = Vec::with_capacity(froms.len());
        for from in froms {
            let mut text = keyspace::stream::IdText::default();
            texts.push(match from {
                From::After(id) => text.spell(*id).to_vec(),
                From::Last => b"+".to_vec(),
                From::New => b">".to_vec(),
            });
        }
        let all: Vec<&[u8]> = ctx.request.words().take(first).chain(texts.iter().map(Vec::as_slice)).collect();
        ctx.wait_as = Some(Box::new(OwnedRequest::new(ctx.request.row, &all)));
    }
    Err(Error::Wait(Wait { until_ms, otherwise: Otherwise::NullArray }))
}

/// The reply's outside: an array of pairs, or a map.
struct Streams {
    later: Option<Later>,
    count: usize,
}

impl Streams {
    fn next(&mut self, out: &mut Writer, key: &Key) {
        let is_map = out.proto() == resp::Proto::Resp3;
        self.later.get_or_insert_with(|| if is_map { out.map_later() } else { out.array_later() });
        self.count += 1;
        if !is_map {
            out.array(2);
        }
        out.bulk(key.bytes);
    }

    /// Whether there was any.
    fn finish(self, out: &mut Writer) -> bool {
        match self.later {
            Some(later) => {
                out.finish(later, self.count);
                true
            }
            None => false,
        }
    }
}

/// Reads entries of streams, and waits for some where there are none.
#[command(
    "XREAD",
    since = "5.0.0",
    flags(READONLY | BLOCKING | MOVABLEKEYS),
    keys(KeySpec {
        flags: RO | ACCESS,
        begin: crate::spec::Begin::Keyword("STREAMS", 1),
        find: crate::spec::Find::Range { last: -1, step: 1, limit: 2 },
        notes: ""
    }),
    more_keys(keys_of_grammar),
    arity(-4),
    args(COUNT, BLOCK, STREAMS)
)]
pub(crate) fn xread(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let Rest(mut words) = words;
    let words = Words::take(&mut words, false, ctx.now_ms())?;
    let mut froms: SmallVec<[From; 4]> = SmallVec::with_capacity(words.keys.len());
    for (key, id) in words.keys.keys().zip(words.ids.iter()) {
        let log = ctx.keys.stream(&key)?.map(|stream| &stream.log);
        froms.push(match id {
            b"$" => From::After(log.map_or(Id::ZERO, |log| log.last_id)),
            b"+" => From::Last,
            b">" => {
                return Err(Error::Plain(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
                ));
            }
            id => From::After(parse(id, 0).ok_or(id::INVALID)?),
        });
    }
    let mut streams = Streams { later: None, count: 0 };
    for (key, from) in words.keys.keys().zip(&froms) {
        let Some(stream) = ctx.keys.peek_stream(&key)? else { continue };
        let newest = stream.log.newest_id();
        let first = match from {
            From::After(id) => id.next().filter(|first| *first <= newest),
            From::Last | From::New => (!newest.is_zero()).then_some(newest),
        };
        let Some(first) = first else { continue };
        streams.next(ctx.out, &key);
        let (later, mut written) = (ctx.out.array_later(), 0);
        for entry in stream.log.range(first, Id::MAX).take(words.count) {
            write_entry(ctx.out, &entry);
            written += 1;
        }
        ctx.out.finish(later, written);
    }
    if streams.finish(ctx.out) { Ok(()) } else { nothing(ctx, &words, &froms) }
}

const NO_DOLLAR: &str = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";
const NO_PLUS: &str = "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.";

/// Reads entries of streams for a consumer of a group, and waits for some where there are none.
#[command(
    "XREADGROUP",
    since = "5.0.0",
    complexity = "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.",
    flags(WRITE | BLOCKING | MOVABLEKEYS | HEEDS_LOSS),
    keys(KeySpec {
        flags: RO | ACCESS,
        begin: crate::spec::Begin::Keyword("STREAMS", 4),
        find: crate::spec::Find::Range { last: -1, step: 1, limit: 2 },
        notes: ""
    }),
    more_keys(keys_of_grammar),
    arity(-7),
    args(
        ArgDoc::block("group-block", &[ArgDoc::new("group", ArgType::String), ArgDoc::new("consumer", ArgType::String)])
            .token("GROUP"),
        COUNT,
        BLOCK,
        ArgDoc::token_only("noack").token("NOACK").optional(),
        STREAMS
    )
)]
pub(crate) fn xreadgroup(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let Rest(mut words) = words;
    let words = Words::take(&mut words, true, ctx.now_ms())?;
    let (group, _) = words.group.unwrap_or_default();
    let mut froms: SmallVec<[From; 4]> = SmallVec::with_capacity(words.keys.len());
    for (key, id) in words.keys.keys().zip(words.ids.iter()) {
        if ctx.keys.stream(&key)?.and_then(|stream| stream.group(group)).is_none() {
            let text = String::from_utf8_lossy;
            let (key, group) = (text(key.bytes), text(group));
            return Err(Error::text(format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            )));
        }
        froms.push(match id {
            b"$" => return Err(Error::Plain(NO_DOLLAR)),
            b"+" => return Err(Error::Plain(NO_PLUS)),
            b">" => From::New,
            id => match parse(id, 0).ok_or(id::INVALID)? {
                Id::MAX => From::New,
                id => From::After(id),
            },
        });
    }
    let mut streams = Streams { later: None, count: 0 };
    for (key, from) in words.keys.keys().zip(&froms) {
        read_for_group(ctx, &words, &key, *from, &mut streams)?;
    }
    if streams.finish(ctx.out) { Ok(()) } else { nothing(ctx, &words, &froms) }
}

fn read_for_group(ctx: &mut Ctx, words: &Words<'_>, key: &Key, from: From, streams: &mut Streams) -> Result<()> {
    let now_ms = ctx.now_ms();
    let (group_name, consumer_name) = words.group.unwrap_or_default();
    let mut effects = GroupEffects::new(ctx.wants_effects());
    let Some((log, group)) = ctx.keys.stream_mut_untouched(key)?.and_then(|stream| stream.group_mut(group_name)) else {
        return Ok(());
    };
    let (consumer, is_new) = heard_of(group, consumer_name, now_ms);
    effects.is_new_consumer = is_new;
    let mut changes = u64::from(is_new);
    match from {
        From::After(id) => {
            streams.next(ctx.out, key);
            history(ctx.out, log, group, consumer, id, words.count, now_ms);
        }
        From::New | From::Last if log.newest_id() > group.last_id => {
            streams.next(ctx.out, key);
            deliver(ctx.out, log, group, consumer, words, now_ms, &mut effects);
            changes += 1;
        }
        From::New | From::Last => {}
    }
    ctx.keys.tally.dirty += changes;
    effects.say(ctx, key, group_name, consumer_name);
    if is_new {
        ctx.keys.event(key, CREATECONSUMER_EVENT);
    }
    Ok(())
}

/// Writes entries that no consumer got, which are the consumer's from now on.
fn deliver(
    out: &mut Writer,
    log: &Log,
    group: &mut Group,
    consumer: ConsumerRef,
    words: &Words<'_>,
    now_ms: i64,
    effects: &mut GroupEffects,
) {
    let (later, mut written) = (out.array_later(), 0);
    let first = group.last_id.next().unwrap_or(Id::MAX);
    for entry in log.range(first, Id::MAX).take(words.count) {
        group.advance(log, entry.id());
        write_entry(out, &entry);
        written += 1;
        if !words.no_ack {
            group.assign(entry.id(), consumer, now_ms, 1);
            effects.claim(group, entry.id());
        }
    }
    if !words.no_ack {
        group[consumer].active_ms = Some(now_ms);
    }
    effects.moved(group);
    out.finish(later, written);
}

/// Writes what is pending for the consumer, again.
fn history(
    out: &mut Writer,
    log: &Log,
    group: &mut Group,
    consumer: ConsumerRef,
    after: Id,
    count: usize,
    now_ms: i64,
) {
    let from = after.next().unwrap_or(Id::MAX);
    let ids: SmallVec<[Id; 32]> = group[consumer].pending_from(from).take(count).collect();
    out.array(ids.len());
    for id in ids {
        match log.get(id) {
            Some(entry) => {
                write_entry(out, &entry);
                let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries);
                group.assign(id, consumer, now_ms, deliveries.wrapping_add(1));
            }
            None => {
                out.array(2);
                write_id(out, id);
                out.null_array();
            }
        }
    }
}

#[cfg(test)]
mod tests;
