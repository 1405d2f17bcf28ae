//! XCLAIM and XAUTOCLAIM.

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::stream::{ConsumerRef, Entry, Group, Id};
use smallvec::SmallVec;

use super::delete::Ids;
use super::effect::GroupEffects;
use super::group::CREATECONSUMER_EVENT;
use super::id::{self, parse, parse_start};
use super::{no_group, write_entry, write_id};
use crate::args::{Arg, Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// The options behind XCLAIM's ids.
#[derive(Default)]
struct ClaimOptions {
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: Option<Id>,
}

fn number(args: &mut Args, error: &'static str) -> Result<i64> {
    base::number::parse_i64(args.word()?).ok_or(Error::Plain(error))
}

impl ClaimOptions {
    /// `latest_ms`: entries cannot have been handed out later.
    fn take(args: &mut Args, now_ms: i64, latest_ms: i64) -> Result<Self> {
        let mut found = Self::default();
        while let Some(word) = args.peek() {
            let has_value = args.len() > 1;
            if args.take_token("FORCE") {
                found.force = true;
            } else if args.take_token("JUSTID") {
                found.just_id = true;
            } else if has_value && args.take_token("IDLE") {
                let idle_ms = number(args, "ERR Invalid IDLE option argument for XCLAIM")?;
                found.delivered_ms = Some(now_ms.wrapping_sub(idle_ms));
            } else if has_value && args.take_token("TIME") {
                found.delivered_ms = Some(number(args, "ERR Invalid TIME option argument for XCLAIM")?);
            } else if has_value && args.take_token("RETRYCOUNT") {
                let count = number(args, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                found.deliveries = u64::try_from(count).ok();
            } else if has_value && args.take_token("LASTID") {
                found.last_id = Some(parse(args.word()?, 0).ok_or(id::INVALID)?);
            } else {
                let word = String::from_utf8_lossy(word);
                return Err(Error::text(format!("ERR Unrecognized XCLAIM option '{word}'")));
            }
        }
        // A time that cannot be is no reason to fail.
        found.delivered_ms = Some(found.delivered_ms.filter(|at| (0..=latest_ms).contains(at)).unwrap_or(now_ms));
        Ok(found)
    }
}

/// Finds a consumer that speaks up, and adds it where it is new; whether it is.
pub(super) fn heard_of(group: &mut Group, name: &[u8], now_ms: i64) -> (ConsumerRef, bool) {
    let (consumer, is_new) = match group.find(name) {
        Some(consumer) => (consumer, false),
        None => match group.create(name, now_ms) {
            Some(consumer) => (consumer, true),
            None => unreachable!("it was not found"),
        },
    };
    group[consumer].seen_ms = now_ms;
    (consumer, is_new)
}

fn write(ctx_out: &mut resp::Writer, entry: &Entry<'_>, just_id: bool) {
    if just_id {
        write_id(ctx_out, entry.id());
    } else {
        write_entry(ctx_out, entry);
    }
}

const CLAIM_ARGS: [ArgDoc; 3] = [
    ArgDoc::new("group", ArgType::String),
    ArgDoc::new("consumer", ArgType::String),
    ArgDoc::new("min-idle-time", ArgType::String),
];

/// Hands pending entries over to a consumer.
#[command(
    "XCLAIM",
    since = "5.0.0",
    complexity = "O(log N) with N being the number of messages in the PEL of the consumer group.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE)),
    tips("nondeterministic_output"),
    args(
        <Key as Arg>::DOC.named("key"),
        CLAIM_ARGS[0],
        CLAIM_ARGS[1],
        CLAIM_ARGS[2],
        ArgDoc::new("id", ArgType::String).multiple(),
        ArgDoc::new("ms", ArgType::Integer).token("IDLE").optional(),
        ArgDoc::new("unix-time-milliseconds", ArgType::UnixTime).token("TIME").optional(),
        ArgDoc::new("count", ArgType::Integer).token("RETRYCOUNT").optional(),
        ArgDoc::token_only("force").token("FORCE").optional(),
        ArgDoc::token_only("justid").token("JUSTID").optional(),
        ArgDoc::new("lastid", ArgType::String).token("LASTID").optional()
    )
)]
pub(crate) fn xclaim(
    ctx: &mut Ctx,
    key: Key,
    group_name: &[u8],
    consumer_name: &[u8],
    min_idle_ms: &[u8],
    words: Rest,
) -> Result<()> {
    let Rest(mut words) = words;
    let now_ms = ctx.now_ms();
    if words.is_empty() {
        return Err(Error::Arity);
    }
    let (mut effects, latest_ms) = (GroupEffects::new(ctx.wants_effects()), ctx.latest_ms());
    let Some((log, group)) = ctx.keys.stream_mut_read(&key)?.and_then(|stream| stream.group_mut(group_name)) else {
        return Err(no_group(&key, group_name));
    };
    let min_idle_ms = base::number::parse_i64(min_idle_ms);
    let min_idle_ms = min_idle_ms.ok_or(Error::Plain("ERR Invalid min-idle-time argument for XCLAIM"))?;
    let mut ids = Ids::new();
    while let Some(id) = words.peek().and_then(|word| parse(word, 0)) {
        ids.push(id);
        words.word()?;
    }
    let options = ClaimOptions::take(&mut words, now_ms, latest_ms)?;
    let mut changes = 0;
    if let Some(last_id) = options.last_id.filter(|id| *id > group.last_id) {
        (group.last_id, changes) = (last_id, 1);
    }
    // While the log is run again there is no present: the consumer was heard of when the entries were handed out.
    let heard_ms = now_ms.max(options.delivered_ms.unwrap_or(now_ms));
    let (consumer, is_new) = heard_of(group, consumer_name, heard_ms);
    effects.is_new_consumer = is_new;
    let (later, mut written) = (ctx.out.array_later(), 0);
    for id in ids {
        let pending = group.pending(id);
        let Some(entry) = log.get(id) else {
            // What is gone from the stream is no longer worth waiting for.
            effects.claim(group, id);
            changes += usize::from(group.acknowledge(id));
            continue;
        };
        let count = match pending {
            Some(pending) if min_idle_ms > 0 && now_ms - pending.delivered_ms < min_idle_ms => continue,
            Some(pending) => pending.deliveries,
            None if options.force => 1,
            None => continue,
        };
        let count = options.deliveries.unwrap_or(count.wrapping_add(u64::from(!options.just_id)));
        group.assign(id, consumer, options.delivered_ms.unwrap_or(now_ms), count);
        group[consumer].active_ms = Some(heard_ms);
        effects.claim(group, id);
        write(ctx.out, &entry, options.just_id);
        written += 1;
    }
    if changes > 0 && effects.is_without_claims() {
        effects.moved(group);
    }
    ctx.out.finish(later, written);
    effects.say(ctx, &key, group_name, consumer_name);
    told(ctx, &key, is_new, changes + written);
    Ok(())
}

/// Counts changes; those who watch the key hear of none, as with Redis.
fn told(ctx: &mut Ctx, key: &Key, is_new_consumer: bool, changes: usize) {
    ctx.keys.tally.dirty += (changes + usize::from(is_new_consumer)) as u64;
    if is_new_consumer {
        ctx.keys.event(key, CREATECONSUMER_EVENT);
    }
}

/// The most entries that XAUTOCLAIM looks at for each that it is to hand over.
const ATTEMPTS_FACTOR: u64 = 10;
const COUNT_MAX: i64 = i64::MAX / 16;

#[derive(Clone, Copy)]
struct ClaimCount(u64);

impl<'a> Arg<'a> for ClaimCount {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let count = base::number::parse_i64(args.word()?).filter(|count| (1..=COUNT_MAX).contains(count));
        count.map(|count| Self(count as u64)).ok_or(Error::Plain("ERR COUNT must be > 0"))
    }
}

#[derive(Args, Default)]
pub(crate) struct AutoClaimOptions {
    #[arg(token = "COUNT")]
    count: Option<ClaimCount>,
    #[arg(name = "justid")]
    justid: bool,
}

/// Hands entries that are pending for long over to a consumer, a few at a time.
#[command(
    "XAUTOCLAIM",
    since = "6.2.0",
    complexity = "O(1) if COUNT is small.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE)),
    tips("nondeterministic_output"),
    args(
        <Key as Arg>::DOC.named("key"),
        CLAIM_ARGS[0],
        CLAIM_ARGS[1],
        CLAIM_ARGS[2],
        ArgDoc::new("start", ArgType::String),
        ArgDoc::flatten(<AutoClaimOptions as crate::args::Options>::DOCS)
    )
)]
pub(crate) fn xautoclaim(
    ctx: &mut Ctx,
    key: Key,
    group_name: &[u8],
    consumer_name: &[u8],
    min_idle_ms: &[u8],
    start: &[u8],
    options: crate::args::Unread<AutoClaimOptions>,
) -> Result<()> {
    let now_ms = ctx.now_ms();
    let min_idle_ms = base::number::parse_i64(min_idle_ms);
    let min_idle_ms = min_idle_ms.ok_or(Error::Plain("ERR Invalid min-idle-time argument for XAUTOCLAIM"))?.max(0);
    let from = parse_start(start)?;
    let options = options.read()?;
    let mut effects = GroupEffects::new(ctx.wants_effects());
    let Some((log, group)) = ctx.keys.stream_mut_read(&key)?.and_then(|stream| stream.group_mut(group_name)) else {
        return Err(no_group(&key, group_name));
    };
    let (consumer, is_new) = heard_of(group, consumer_name, now_ms);
    effects.is_new_consumer = is_new;
    let count = options.count.map_or(100, |count| count.0);
    let found = look(group, from, count, |id, idle_from_ms| {
        if !log.contains(id) {
            Look::Gone
        } else if min_idle_ms > 0 && now_ms - idle_from_ms < min_idle_ms {
            Look::Busy
        } else {
            Look::Idle
        }
    });
    ctx.out.array(3);
    write_id(ctx.out, found.next);
    ctx.out.array(found.idle.len());
    for &id in &found.idle {
        let count = group.pending(id).map_or(0, |pending| pending.deliveries);
        group.assign(id, consumer, now_ms, count.wrapping_add(u64::from(!options.justid)));
        group[consumer].active_ms = Some(now_ms);
        effects.claim(group, id);
        if let Some(entry) = log.get(id) {
            write(ctx.out, &entry, options.justid);
        }
    }
    ctx.out.array(found.gone.len());
    for &id in &found.gone {
        effects.claim(group, id);
        group.acknowledge(id);
        write_id(ctx.out, id);
    }
    effects.say(ctx, &key, group_name, consumer_name);
    told(ctx, &key, is_new, found.idle.len() + found.gone.len());
    Ok(())
}

enum Look {
    Gone,
    Busy,
    Idle,
}

/// What XAUTOCLAIM found.
struct Found {
    /// To be handed over.
    idle: SmallVec<[Id; 16]>,
    /// Removed from the stream.
    gone: SmallVec<[Id; 16]>,
    /// Where to go on, 0-0 at the end.
    next: Id,
}

fn look(group: &Group, from: Id, count: u64, what: impl Fn(Id, i64) -> Look) -> Found {
    let mut found = Found { idle: SmallVec::new(), gone: SmallVec::new(), next: Id::ZERO };
    let mut attempts = count.saturating_mul(ATTEMPTS_FACTOR);
    let mut left = count;
    for (&id, pending) in group.pending_in(from, Id::MAX) {
        if attempts == 0 || left == 0 {
            found.next = id;
            break;
        }
        attempts -= 1;
        match what(id, pending.delivered_ms) {
            Look::Busy => continue,
            Look::Gone => found.gone.push(id),
            Look::Idle => found.idle.push(id),
        }
        left -= 1;
    }
    found
}
