//! TTL, PTTL, EXPIRETIME and PEXPIRETIME.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;

/// What a key that is not there answers, and one that stays for ever.
const NO_KEY: i64 = -2;
const NO_DEADLINE: i64 = -1;

/// Answers in how many seconds a key expires.
#[command(
    "TTL",
    since = "1.0.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS | VALUELESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn ttl(ctx: &mut Ctx, key: Key) -> Result<i64> {
    let now_ms = ctx.now_ms();
    Ok(deadline(ctx, &key, |at_ms| to_seconds(left_ms(at_ms, now_ms))))
}

/// Answers in how many milliseconds a key expires.
#[command(
    "PTTL",
    since = "2.6.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS | VALUELESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn pttl(ctx: &mut Ctx, key: Key) -> Result<i64> {
    let now_ms = ctx.now_ms();
    Ok(deadline(ctx, &key, |at_ms| left_ms(at_ms, now_ms)))
}

/// Answers when a key expires, in unix seconds.
#[command(
    "EXPIRETIME",
    since = "7.0.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS | VALUELESS))
)]
pub(crate) fn expiretime(ctx: &mut Ctx, key: Key) -> Result<i64> {
    Ok(deadline(ctx, &key, to_seconds))
}

/// Answers when a key expires, in unix milliseconds.
#[command(
    "PEXPIRETIME",
    since = "7.0.0",
    complexity = "O(1)",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS | VALUELESS))
)]
pub(crate) fn pexpiretime(ctx: &mut Ctx, key: Key) -> Result<i64> {
    Ok(deadline(ctx, &key, |at_ms| at_ms))
}

fn deadline(ctx: &mut Ctx, key: &Key, shown: impl FnOnce(i64) -> i64) -> i64 {
    match ctx.keys.find_unclocked(key) {
        Some(slot) => ctx.keys.entry(key, slot).deadline_ms().map_or(NO_DEADLINE, shown),
        None => NO_KEY,
    }
}

fn left_ms(at_ms: i64, now_ms: i64) -> i64 {
    at_ms.saturating_sub(now_ms).max(0)
}

/// Rounded to the nearest.
fn to_seconds(ms: i64) -> i64 {
    ms / 1000 + i64::from(ms % 1000 >= 500)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn tells_the_time_left() {
        check(
            "
            > TTL k
            (integer) -2
            > SET k v
            OK
            > PTTL k
            (integer) -1
            > EXPIRETIME k
            (integer) -1
            > PEXPIREAT k 33177117420499
            (integer) 1
            > PEXPIRETIME k
            (integer) 33177117420499
            > EXPIRETIME k
            (integer) 33177117420
            > PEXPIREAT k 33177117420500
            (integer) 1
            > EXPIRETIME k
            (integer) 33177117421
            > EXPIRE k 100
            (integer) 1
            > TTL k
            (integer) 100
            ",
        );
    }
}
