//! ACL RESTTOKEN: a user's token for HTTP.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::ArgDoc;
use crate::spec::ArgType;

/// Answers the token with which requests of HTTP are those of a user; it holds for as long as the password does.
#[command(
    "RESTTOKEN",
    since = "1.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | SENSITIVE),
    args(ArgDoc::new("username", ArgType::String), ArgDoc::new("password", ArgType::String))
)]
pub(crate) fn resttoken(ctx: &mut Ctx, username: &[u8], password: &[u8]) -> Result<()> {
    let user = ctx.node.acl.users.get(username).filter(|user| user.accepts(password));
    let Some(token) = user.and_then(|_| acl::token::encode(username, password)) else {
        // A guess is a guess, however it is made.
        ctx.node.note_wrong_password(ctx.client, &ctx.request, username);
        let name = String::from_utf8_lossy(username);
        return Err(Error::text(format!("ERR Wrong password or user \"{name}\" does not exist")));
    };
    ctx.out.bulk(token.as_bytes());
    Ok(())
}
