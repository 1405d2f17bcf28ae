//! CLIENT NO-EVICT, NO-TOUCH and MAINT_NOTIFICATIONS.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::{Args, command};

use crate::args::{Choice, Rest};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

#[derive(Args, Clone, Copy, PartialEq)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Spares the connection when clients use too much memory.
#[command("NO-EVICT", since = "7.0.0", complexity = "O(1)", flags(ADMIN | NOSCRIPT | LOADING | STALE))]
pub(crate) fn no_evict(ctx: &mut Ctx, enabled: Choice<Switch>) -> Result<reply::Ok> {
    ctx.client.shared.facts.no_evict.store(enabled.0 == Switch::On, Relaxed);
    Ok(reply::Ok)
}

/// Lets the connection's commands leave the access clocks of keys as they are.
#[command("NO-TOUCH", since = "7.2.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn no_touch(ctx: &mut Ctx, enabled: Choice<Switch>) -> Result<reply::Ok> {
    ctx.client.no_touch = enabled.0 == Switch::On;
    ctx.client.shared.facts.no_touch.store(ctx.client.no_touch, Relaxed);
    Ok(reply::Ok)
}

/// Takes note of whether the client wants to hear of maintenance; there is none to hear of.
///
/// Clients send it as part of their greeting: it needs no more rights than that.
#[command(
    "MAINT_NOTIFICATIONS",
    since = "8.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | NO_AUTH),
    arity(-3),
    args(
        ArgDoc::one_of(
            "enabled",
            &[ArgDoc::token_only("on").token("ON"), ArgDoc::token_only("off").token("OFF")]
        ),
        ArgDoc::new("option", ArgType::String).optional().multiple()
    )
)]
pub(crate) fn maint_notifications(_ctx: &mut Ctx, _words: Rest) -> Result<reply::Ok> {
    Ok(reply::Ok)
}
