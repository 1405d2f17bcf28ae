//! OBJECT and its subcommands: how a value is stored and when it was used.

use commands_macros::command;
use keyspace::dict::Slot;
use keyspace::entry::{Entry, Kind};
use keyspace::keys::{Key, decayed};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::memory::{Clock, clock_of};
use crate::spec::Command;

pub(crate) static OBJECT: Command = Command::container(
    "OBJECT",
    "2.2.3",
    "Holds the commands that look into values.",
    &[&ENCODING, &FREQ, &HELP, &IDLETIME, &REFCOUNT, &TIER],
);

/// Numbers below this are shared by Redis among all keys, and it says so by this count.
const SHARED_INTS: std::ops::Range<i64> = 0..10_000;
const SHARED_REFERENCES: i64 = i32::MAX as i64;

/// Answers how the value at a key is stored.
#[command(
    "ENCODING",
    since = "2.2.3",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO)),
    tips("nondeterministic_output")
)]
pub(crate) fn encoding(ctx: &mut Ctx, key: Key) -> Result<()> {
    let encoding = ctx.keys.find_unclocked(&key).and_then(|slot| Some(ctx.keys.db(key.hash)?.encoding(slot)));
    match encoding {
        Some(name) => ctx.out.bulk(name.as_bytes()),
        None => ctx.out.null(),
    }
    Ok(())
}

/// Answers the logarithmic counter of uses of a key, which the LFU policies keep.
#[command(
    "FREQ",
    since = "4.0.0",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO | VALUELESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn freq(ctx: &mut Ctx, key: Key) -> Result<Option<i64>> {
    let Some(slot) = ctx.keys.find_unclocked(&key) else { return Ok(None) };
    if clock_of(ctx.node.settings.maxmemory_policy()) != Clock::Lfu {
        return Err(Error::Plain(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    let (minutes, decay_minutes) = ((ctx.now_ms() / 60_000) as u32 & 0xFFFF, ctx.node.settings.lfu_decay_time());
    Ok(Some(i64::from(decayed(entry(ctx, &key, slot).clock(), minutes, decay_minutes))))
}

/// Answers for how many seconds nobody used a key.
#[command(
    "IDLETIME",
    since = "2.2.3",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO | VALUELESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn idletime(ctx: &mut Ctx, key: Key) -> Result<Option<i64>> {
    let Some(slot) = ctx.keys.find_unclocked(&key) else { return Ok(None) };
    if clock_of(ctx.node.settings.maxmemory_policy()) == Clock::Lfu {
        return Err(Error::Plain(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    let now_seconds = (ctx.now_ms() / 1000) as u32;
    Ok(Some(i64::from(now_seconds.wrapping_sub(entry(ctx, &key, slot).clock()) & 0x00FF_FFFF)))
}

/// Answers how many places refer to the value at a key.
#[command(
    "REFCOUNT",
    since = "2.2.3",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO | VALUELESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn refcount(ctx: &mut Ctx, key: Key) -> Result<Option<i64>> {
    let Some(slot) = ctx.keys.find_unclocked(&key) else { return Ok(None) };
    let entry = entry(ctx, &key, slot);
    let settings = &ctx.node.settings;
    // Redis shares small numbers, where no policy needs a clock for each key. Here they take no more room than a
    // reference would; clients see the same count.
    let shares = settings.maxmemory() == 0 || clock_of(settings.maxmemory_policy()) == Clock::None;
    let is_shared = shares && entry.kind() == Kind::Int && entry.int().is_some_and(|int| SHARED_INTS.contains(&int));
    Ok(Some(if is_shared { SHARED_REFERENCES } else { 1 }))
}

/// Answers where the value at a key is: `memory`, or `warm` when it moved to a file (`warm-tier-path`).
#[command("TIER", since = "1.0.0", complexity = "O(1)", flags(READONLY), keys(KeySpec::one(2, RO | VALUELESS)))]
pub(crate) fn tier(ctx: &mut Ctx, key: Key) -> Result<()> {
    match ctx.keys.find_unclocked(&key) {
        Some(slot) if entry(ctx, &key, slot).kind().is_warm() => ctx.out.bulk(b"warm"),
        Some(_) => ctx.out.bulk(b"memory"),
        None => ctx.out.null(),
    }
    Ok(())
}

/// Answers what the subcommands do.
#[command("HELP", since = "6.2.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    const LINES: [&str; 13] = [
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    How the value is stored.",
        "FREQ <key>",
        "    The logarithmic counter of uses that the LFU policies keep.",
        "IDLETIME <key>",
        "    Seconds since the last use.",
        "REFCOUNT <key>",
        "    The number of references to the value.",
        "TIER <key>",
        "    Where the value is: in memory, or warm in a file.",
        "HELP",
        "    This text.",
    ];
    ctx.out.array(LINES.len());
    LINES.iter().for_each(|line| ctx.out.simple(line));
    Ok(())
}

fn entry<'c>(ctx: &'c Ctx, key: &Key, slot: Slot) -> Entry<'c> {
    ctx.keys.entry(key, slot)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn looks_into_strings() {
        check(
            r#"
            > SET k 1
            OK
            > OBJECT ENCODING k
            "int"
            > OBJECT REFCOUNT k
            (integer) 2147483647
            > SET k 10000
            OK
            > OBJECT REFCOUNT k
            (integer) 1
            > SET k "0123456789012345678901234567890123456789abcd"
            OK
            > OBJECT ENCODING k
            "embstr"
            > SET k "0123456789012345678901234567890123456789abcde"
            OK
            > OBJECT ENCODING k
            "raw"
            + 3000ms
            > OBJECT IDLETIME k
            (integer) 3
            > OBJECT FREQ nokey
            (nil)
            > OBJECT FREQ k
            (error) ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
            > OBJECT what k
            (error) ERR unknown subcommand 'what'. Try OBJECT HELP.
            > OBJECT ENCODING
            (error) ERR wrong number of arguments for 'object|encoding' command
            "#,
        );
    }
}
