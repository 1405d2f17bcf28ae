//! CLAIM and FILL: one producer for a missing value.

use commands::ownership as production;
use commands_macros::{Args, command};
use keyspace::keys::Key;
use ownership::CLAIM_MS;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

#[derive(Args, Default)]
pub(crate) struct ClaimOptions {
    #[arg(token = "WAIT", name = "timeout")]
    wait: Option<i64>,
    #[arg(token = "PX", name = "milliseconds")]
    px: Option<i64>,
}

/// Answers the string at a key, or makes the client its producer, or tells that somebody else is.
#[command(
    "CLAIM",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | BLOCKING | HEEDS_LOSS | MODULE),
    categories(OWNERSHIP),
    keys(KeySpec::one(1, RO | ACCESS | INSERT))
)]
pub(crate) fn claim(ctx: &mut Ctx, key: Key, #[options] how: ClaimOptions) -> Result<()> {
    let ttl_ms = how.px.unwrap_or(CLAIM_MS);
    if ttl_ms <= 0 || ctx.now_ms().checked_add(ttl_ms).is_none() {
        return Err(Error::InvalidExpire("claim"));
    }
    if how.wait.is_some_and(|ms| ms < 0) {
        return Err(Error::Plain("ERR timeout is negative"));
    }
    production::claim(ctx, &key, ttl_ms, how.wait)
}

#[derive(Args, Default)]
pub(crate) struct FillOptions {
    #[arg(token = "EX", name = "seconds")]
    ex: Option<i64>,
    #[arg(token = "PX", name = "milliseconds")]
    px: Option<i64>,
}

/// Stores the value that a producer made, unless its key or anything that it derives from changed meanwhile.
#[command(
    "FILL",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | DENYOOM | MODULE),
    locks(Walk),
    categories(OWNERSHIP)
)]
pub(crate) fn fill(ctx: &mut Ctx, token: i64, value: &[u8], #[options] how: FillOptions) -> Result<Done> {
    let token = crate::lease::token(token)?;
    let ttl_ms = match (how.ex, how.px) {
        (Some(_), Some(_)) => return Err(Error::Syntax),
        (Some(seconds), None) => Some(seconds.checked_mul(1000).ok_or(Error::InvalidExpire("fill"))?),
        (None, px) => px,
    };
    let deadline_ms = match ttl_ms {
        Some(ms) => Some(ctx.now_ms().checked_add(ms).filter(|_| ms > 0).ok_or(Error::InvalidExpire("fill"))?),
        None => None,
    };
    production::fill(ctx, token, value, deadline_ms)?;
    Ok(Done)
}
