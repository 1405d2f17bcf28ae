//! DUMP, RESTORE and RESTORE-ASKING: a value as bytes, and back.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::command;
use keyspace::change::{Classes, Event};
use keyspace::keys::{Access, Key};
use keyspace::packed::IntText;
use persistence::rdb::{self, Encoder, Refused, Version};
use settings::LogLevel;

use crate::args::{self, Arg, UnreadWord};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::node::memory::{Clock, clock_of};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

const RESTORE_EVENT: Event = Event::new(Classes::GENERIC, "restore");
/// The access clock has 24 bits.
const IDLE_SECONDS_MAX: i64 = 0x00FF_FFFE;

/// Answers the value at a key as bytes that RESTORE takes, here or on another server.
#[command(
    "DUMP",
    since = "2.6.0",
    complexity = "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn dump(ctx: &mut Ctx, key: Key) -> Result<()> {
    match ctx.keys.find(&key).and_then(|_| pack(ctx, &key)) {
        Some((payload, _)) => ctx.out.bulk(&payload),
        None => ctx.out.null(),
    }
    Ok(())
}

/// The value at a key as bytes, and its deadline.
pub(super) fn pack(ctx: &mut Ctx, key: &Key) -> Option<(Vec<u8>, Option<i64>)> {
    let slot = ctx.keys.find_untouched(key)?;
    let settings = &ctx.node.settings;
    let mut encoder = Encoder::new(Version(settings.rdb_version() as u16), settings.rdbcompression());
    let deadline_ms = ctx.keys.entry(key, slot).deadline_ms();
    let payload = ctx.keys.db(key.hash).map(|db| rdb::dump(db.view(slot), &mut encoder))?;
    Some((payload, deadline_ms))
}

/// What follows the payload; numbers are judged in the order of the words.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    replace: bool,
    is_absolute: bool,
    idle_seconds: Option<i64>,
    frequency: Option<u8>,
}

impl<'a> Arg<'a> for Options {
    const DOC: ArgDoc = ArgDoc::flatten(&[
        ArgDoc::token_only("replace").token("REPLACE").since("3.0.0").optional(),
        ArgDoc::token_only("absttl").token("ABSTTL").since("5.0.0").optional(),
        ArgDoc::new("seconds", ArgType::Integer).token("IDLETIME").since("5.0.0").optional(),
        ArgDoc::new("frequency", ArgType::Integer).token("FREQ").since("5.0.0").optional(),
    ]);

    fn take(args: &mut args::Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.take_token("REPLACE") {
                options.replace = true;
            } else if args.take_token("ABSTTL") {
                options.is_absolute = true;
            } else if args.len() > 1 && options.frequency.is_none() && args.take_token("IDLETIME") {
                let seconds = number(args)?;
                if seconds < 0 {
                    return Err(Error::Plain("ERR Invalid IDLETIME value, must be >= 0"));
                }
                options.idle_seconds = Some(seconds);
            } else if args.len() > 1 && options.idle_seconds.is_none() && args.take_token("FREQ") {
                let counter = u8::try_from(number(args)?);
                let bad = Error::Plain("ERR Invalid FREQ value, must be >= 0 and <= 255");
                options.frequency = Some(counter.map_err(|_| bad)?);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

fn number(args: &mut args::Args<'_>) -> Result<i64> {
    base::number::parse_i64(args.word()?).ok_or(Error::NotAnInteger)
}

/// Makes a key of what DUMP answered.
#[command(
    "RESTORE",
    since = "2.6.0",
    complexity = "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
    flags(WRITE | DENYOOM),
    categories(DANGEROUS),
    keys(KeySpec::one(1, OW | UPDATE))
)]
pub(crate) fn restore(
    ctx: &mut Ctx,
    key: Key,
    ttl: UnreadWord<i64>,
    serialized_value: &[u8],
    how: Options,
) -> Result<Done> {
    if !how.replace && ctx.keys.find_for_write(&key).is_some() {
        return Err(Error::Plain("BUSYKEY Target key name already exists."));
    }
    let ttl_ms = ttl.read()?;
    if ttl_ms < 0 {
        return Err(Error::Plain("ERR Invalid TTL value, must be >= 0"));
    }
    let (node, now_ms) = (ctx.node, ctx.now_ms());
    let checks_sum = !node.skips_payload_checksums.load(Relaxed);
    let decoded = rdb::restore(serialized_value, &node.limits(), key.hash, checks_sum).map_err(|refused| {
        let Refused::Value(why) = refused else {
            return Error::Plain("ERR DUMP payload version or checksum are wrong");
        };
        node.host().log(LogLevel::Warning, &format!("Bad data format in the payload of RESTORE: {why}"));
        Error::Plain("ERR Bad data format")
    })?;
    let deadline_ms = match (ttl_ms, how.is_absolute) {
        (0, _) => None,
        (_, true) => Some(ttl_ms),
        (_, false) => Some(ttl_ms.saturating_add(now_ms)),
    };
    let had_key = how.replace && ctx.keys.remove(&key);
    let is_past = deadline_ms.is_some_and(|at| at <= now_ms);
    let value = if is_past { None } else { decoded.put(|fresh| fresh.into_value()).ok() };
    let Some(value) = value else {
        if had_key {
            ctx.keys.changed(&key, Event::DEL);
            effect!(ctx, ctx.removal_of_expired(), key.bytes);
        }
        return Ok(Done);
    };
    ctx.keys.put(&key, value, deadline_ms);
    set_usage(ctx, &key, how);
    ctx.keys.changed(&key, RESTORE_EVENT);
    if let Some(at_ms) = deadline_ms.filter(|_| !how.is_absolute) {
        let mut text = IntText::default();
        let head = [key.bytes, text.spell(at_ms), serialized_value];
        let options = ctx.request.words().skip(4).chain([&b"ABSTTL"[..]]);
        ctx.say_with("RESTORE", head.into_iter().chain(options));
    }
    Ok(Done)
}

/// Sets the key's access clock as the policy reads it; the other policies' number is of no use.
fn set_usage(ctx: &mut Ctx, key: &Key, how: Options) {
    let now_seconds = (ctx.now_ms() / 1000) as u32;
    let is_lfu = clock_of(ctx.node.settings.maxmemory_policy()) == Clock::Lfu;
    let clock = match (how.frequency, how.idle_seconds, ctx.keys.now.access) {
        (Some(counter), _, Access::Lfu { minutes, .. }) => minutes << 8 | u32::from(counter),
        (Some(counter), _, _) if is_lfu => ((now_seconds / 60) & 0xFFFF) << 8 | u32::from(counter),
        (_, Some(idle_seconds), _) if !is_lfu => now_seconds.wrapping_sub(idle_seconds.min(IDLE_SECONDS_MAX) as u32),
        _ => return,
    };
    if let Some(slot) = ctx.keys.find_untouched(key) {
        ctx.keys.db_mut(key.hash).set_clock(slot, clock);
    }
}

/// RESTORE into a slot that is being imported.
#[command(
    "RESTORE-ASKING",
    since = "3.0.0",
    complexity = "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
    flags(WRITE | DENYOOM | ASKING | SYSTEM),
    categories(KEYSPACE | DANGEROUS),
    keys(KeySpec::one(1, OW | UPDATE))
)]
pub(crate) fn restore_asking(
    ctx: &mut Ctx,
    key: Key,
    ttl: UnreadWord<i64>,
    serialized_value: &[u8],
    how: Options,
) -> Result<Done> {
    restore(ctx, key, ttl, serialized_value, how)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_was_dumped_comes_back() {
        check(
            r#"
            > DUMP nokey
            (nil)
            > SET s hello
            OK
            > DUMP s
            "\x00\x05hello\n\x00cr\xdfve4 \n"
            > RESTORE s 0 "\x00\x05hello\n\x00cr\xdfve4 \n"
            (error) BUSYKEY Target key name already exists.
            > RESTORE s 0 "\x00\x05hello\n\x00cr\xdfve4 \r" REPLACE
            (error) ERR DUMP payload version or checksum are wrong
            > RESTORE s 0 short REPLACE
            (error) ERR DUMP payload version or checksum are wrong
            > RESTORE s -1 x REPLACE
            (error) ERR Invalid TTL value, must be >= 0
            > RESTORE s x y REPLACE
            (error) ERR value is not an integer or out of range
            > RESTORE s 1 x REPLACE IDLETIME -1
            (error) ERR Invalid IDLETIME value, must be >= 0
            > RESTORE s 1 x REPLACE FREQ 256
            (error) ERR Invalid FREQ value, must be >= 0 and <= 255
            > RESTORE s 1 x REPLACE IDLETIME
            (error) ERR syntax error
            > RESTORE s 1 x FREQ 1 IDLETIME 1
            (error) ERR syntax error
            > RESTORE n 0 "\x00\x05hello\n\x00cr\xdfve4 \n" IDLETIME 1000
            OK
            > OBJECT IDLETIME n
            (integer) 1000
            > RESTORE n 33177117420000 "\x00\x05hello\n\x00cr\xdfve4 \n" ABSTTL REPLACE
            OK
            > PEXPIRETIME n
            (integer) 33177117420000
            > RESTORE n 1 "\x00\x05hello\n\x00cr\xdfve4 \n" ABSTTL REPLACE
            OK
            > EXISTS n
            (integer) 0
            "#,
        );
    }

    /// It counts when it goes, not before.
    #[test]
    fn a_field_whose_time_is_over_comes_in_and_expires() {
        check(
            r#"
            > RESTORE h 0 "\x19\x01\x00\x00\x00\x00\x00\x00\x00\x15\x15\x00\x00\x00\x06\x00\x81a\x02\x01\x01\x01\x01\x81b\x02\x02\x01\x00\x01\xff\x0c\x00c\xf1\xd0\x0ee\x850)"
            OK
            > HGETALL h
            1) "b"
            2) "2"
            > HPEXPIRETIME h FIELDS 2 a b
            1) (integer) -2
            2) (integer) -1
            "#,
        );
    }
}
