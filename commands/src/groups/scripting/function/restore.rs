//! FUNCTION DUMP and FUNCTION RESTORE: all libraries as bytes, and back.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::{Args, command};
use persistence::rdb::{self, Encoder, Refused, Version};

use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::script::functions;
use crate::spec::{ArgDoc, ArgType};

/// What becomes of the libraries that are there.
#[derive(Args, Clone, Copy)]
enum Policy {
    Flush,
    Append,
    Replace,
}

impl From<Policy> for functions::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Flush => Self::Flush,
            Policy::Append => Self::Append,
            Policy::Replace => Self::Replace,
        }
    }
}

/// Answers all libraries as bytes that FUNCTION RESTORE takes.
#[command("DUMP", since = "7.0.0", complexity = "O(N) where N is the number of functions", flags(NOSCRIPT))]
pub(super) fn dump(ctx: &mut Ctx) -> Result<()> {
    let settings = &ctx.node.settings;
    let mut encoder = Encoder::new(Version(settings.rdb_version() as u16), settings.rdbcompression());
    ctx.out.bulk(&rdb::dump_functions(&ctx.node.library_sources(), &mut encoder));
    Ok(())
}

/// Adds the libraries of a payload, all or none.
#[command(
    "RESTORE",
    since = "7.0.0",
    complexity = "O(N) where N is the number of functions on the payload",
    flags(NOSCRIPT | WRITE | DENYOOM),
    locks(Walk),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(
        ArgDoc::new("serialized-value", ArgType::String),
        ArgDoc::one_of("policy", <Policy as OneOf>::DOCS).optional()
    )
)]
pub(super) fn restore(ctx: &mut Ctx, words: Rest) -> Result<Done> {
    let mut words = words.0;
    let payload = words.word()?;
    if words.len() > 1 {
        return Err(super::too_many(ctx));
    }
    let policy = match Policy::take_if(&mut words)? {
        Some(policy) => policy,
        None if words.is_empty() => Policy::Append,
        None => {
            return Err(Error::Plain(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let node = ctx.node;
    let checks_sum = !node.skips_payload_checksums.load(Relaxed);
    let sources = rdb::restore_functions(payload, checks_sum).map_err(|refused| match refused {
        Refused::Foot => Error::Plain("ERR DUMP payload version or checksum are wrong"),
        Refused::Value(why) => Error::text(format!("ERR {why}")),
    })?;
    let fresh = node.read_libraries(&sources)?;
    ctx.lock_everything()?;
    node.scripts.libraries.restore(fresh, policy.into())?;
    ctx.keys.tally.dirty += 1;
    Ok(Done)
}
