//! OWNERSHIP LEASES, LEASE and REVOKE.

use commands::ownership as leases;
use commands_macros::command;

use super::show::{field, list};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::lease::token;
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

const TOKEN: ArgDoc = ArgDoc::new("token", ArgType::Integer);

/// Answers the leases that hold: token, mode, whose, for how long, patterns, and which connections act for it.
#[command(
    "LEASES",
    since = "1.0.0",
    complexity = "O(N) where N is the number of leases",
    flags(LOADING | STALE | MODULE),
    categories(OWNERSHIP)
)]
pub(crate) fn leases(ctx: &mut Ctx) -> Result<()> {
    let now_ms = ctx.now_ms();
    let held: Vec<_> = ctx.node.leases().iter().cloned().collect();
    ctx.out.array(held.len());
    for lease in held {
        ctx.out.map(7);
        field(ctx, "token");
        ctx.out.int(lease.token as i64);
        field(ctx, "mode");
        ctx.out.bulk(leases::mode_name(lease.mode).as_bytes());
        field(ctx, "holder");
        ctx.out.bulk(lease.holder.to_string().as_bytes());
        field(ctx, "user");
        ctx.out.bulk(&lease.user);
        field(ctx, "left-ms");
        match lease.deadline_ms {
            Some(at) => ctx.out.int((at - now_ms).max(0)),
            None => ctx.out.null(),
        }
        field(ctx, "patterns");
        list(ctx, &lease.patterns);
        field(ctx, "clients");
        ctx.out.array(lease.attached.len());
        lease.attached.iter().for_each(|&id| ctx.out.int(id as i64));
    }
    Ok(())
}

/// Puts a lease back as a log or a snapshot tells of it, or says that it is over: tokens go on behind it.
#[command(
    "LEASE",
    since = "1.0.0",
    complexity = "O(N) where N is the number of patterns",
    flags(WRITE | ADMIN | NOSCRIPT | MODULE),
    categories(OWNERSHIP),
    args(
        TOKEN,
        ArgDoc::block(
            "lease",
            &[
                ArgDoc::one_of(
                    "mode",
                    &[ArgDoc::token_only("own").token("OWN"), ArgDoc::token_only("borrow").token("BORROW")]
                ),
                ArgDoc::new("user", ArgType::String),
                ArgDoc::new("name", ArgType::String),
                ArgDoc::new("unix-time-milliseconds", ArgType::UnixTime),
                ArgDoc::new("pattern", ArgType::Pattern).multiple(),
            ]
        )
        .optional()
    )
)]
pub(crate) fn lease(ctx: &mut Ctx, token: &[u8], rest: Rest) -> Result<Done> {
    let words: Vec<&[u8]> = std::iter::once(token).chain(rest.0.iter()).collect();
    leases::restore_words(ctx.node, &words)?;
    // The request is its own effect.
    ctx.keys.tally.dirty += 1;
    Ok(Done)
}

/// Ends a lease, whosever it is: its connections get LEASELOST where they write under its patterns.
#[command(
    "REVOKE",
    since = "1.0.0",
    complexity = "O(N*M) where N is the number of clients that wait for leases and M the number of patterns of each",
    flags(ADMIN | NOSCRIPT | MODULE),
    categories(OWNERSHIP),
    args(TOKEN)
)]
pub(crate) fn revoke(ctx: &mut Ctx, lease: i64) -> Result<Done> {
    leases::revoke(ctx, token(lease)?)?;
    Ok(Done)
}
