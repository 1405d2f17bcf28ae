//! OWNERSHIP CHECK.

use commands::ownership::{Verb, check as judge};
use commands_macros::{Args, command};
use keyspace::keys::Key;

use crate::args::Choice;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

#[derive(Args, Clone, Copy)]
pub(crate) enum What {
    Read,
    Write,
    Own,
    Borrow,
}

/// Answers whether a user may do something with a key, on a connection that holds no lease, and why not.
#[command(
    "CHECK",
    since = "1.0.0",
    complexity = "O(1)",
    flags(ADMIN | MODULE),
    categories(OWNERSHIP),
    keys(KeySpec::one(4, RO))
)]
pub(crate) fn check(ctx: &mut Ctx, user: &[u8], verb: Choice<What>, key: Key) -> Result<()> {
    let found = ctx.node.acl.users.get(user);
    let unknown = || Error::text(format!("ERR User '{}' not found", String::from_utf8_lossy(user)));
    let user = found.ok_or_else(unknown)?;
    let verb = match verb.0 {
        What::Read => Verb::Read,
        What::Write => Verb::Write,
        What::Own => Verb::Own,
        What::Borrow => Verb::Borrow,
    };
    let judged = judge(ctx.node, &user, verb, key.bytes, ctx.now_ms());
    ctx.out.array(2);
    ctx.out.int(i64::from(judged.is_ok()));
    match judged {
        Ok(()) => ctx.out.null(),
        Err(line) => ctx.out.bulk(line.as_bytes()),
    }
    Ok(())
}
