//! AUTH, and what HELLO shares with it.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply;
use crate::spec::{ArgDoc, ArgType};
use acl::DEFAULT_USER;

/// Signs the connection in.
#[command(
    "AUTH",
    since = "1.0.0",
    complexity = "O(N) where N is the number of passwords defined for the user",
    flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENSITIVE | ALLOW_BUSY),
    arity(-2),
    args(
        ArgDoc::new("username", ArgType::String).since("6.0.0").optional(),
        ArgDoc::new("password", ArgType::String)
    )
)]
pub(crate) fn auth(ctx: &mut Ctx, words: Rest) -> Result<reply::Ok> {
    let mut words = words.0;
    match words.len() {
        1 if ctx.node.acl.users.default_user().needs_no_password() => {
            return Err(Error::Plain(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
            ));
        }
        1 => sign_in(ctx, DEFAULT_USER, words.word()?)?,
        2 => {
            let user = words.word()?;
            sign_in(ctx, user, words.word()?)?;
        }
        _ => return Err(Error::Syntax),
    }
    Ok(reply::Ok)
}

/// Checks a user's password; the connection is signed in afterwards, or as it was before.
pub(crate) fn sign_in(ctx: &mut Ctx, user: &[u8], password: &[u8]) -> Result<()> {
    ctx.node.sign_in(ctx.client, &ctx.request, user, password)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn without_a_password() {
        check(
            r#"
            > AUTH x
            (error) ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
            > AUTH default x
            OK
            > AUTH other x
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > AUTH a b c
            (error) ERR syntax error
            > AUTH
            (error) ERR wrong number of arguments for 'auth' command
            "#,
        );
    }

    #[test]
    fn with_a_password() {
        let mut fixture = Fixture::new();
        fixture.cli(2, "CONFIG SET requirepass secret");
        check_with(
            &mut fixture,
            r#"
            > GET k
            (error) NOAUTH Authentication required.
            > HELLO 3
            (error) NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
            > AUTH secre
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > AUTH secretx
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > AUTH default ""
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > AUTH secret
            OK
            > GET k
            (nil)
            "#,
        );
    }
}
