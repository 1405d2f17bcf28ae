//! CLIENT UNBLOCK.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::blocking::LetGo;
use crate::spec::{ArgDoc, ArgType};

/// Lets a client that waits for its keys go, as if its time were over or with an error.
#[command(
    "UNBLOCK",
    since = "5.0.0",
    complexity = "O(log N) where N is the number of client connections",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    arity(-3),
    args(
        ArgDoc::new("client-id", ArgType::Integer),
        ArgDoc::one_of(
            "unblock-type",
            &[ArgDoc::token_only("timeout").token("TIMEOUT"), ArgDoc::token_only("error").token("ERROR")]
        )
        .optional()
    )
)]
pub(crate) fn unblock(ctx: &mut Ctx, words: Rest) -> Result<bool> {
    let mut words = words.0;
    if words.len() > 2 {
        return Err(super::wrong_words(ctx));
    }
    let id = words.word()?;
    let why = match words.peek() {
        None => LetGo::TimedOut,
        Some(how) if how.eq_ignore_ascii_case(b"TIMEOUT") => LetGo::TimedOut,
        Some(how) if how.eq_ignore_ascii_case(b"ERROR") => LetGo::Unblocked,
        Some(_) => return Err(Error::Plain("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let id = base::number::parse_i64(id).ok_or(Error::NotAnInteger)?;
    Ok(ctx.node.blocking.unblock(ctx, id as u64, why))
}
