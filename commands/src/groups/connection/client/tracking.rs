//! CLIENT TRACKING and its relatives: nobody is tracked yet, and they say so.

use commands_macros::{Args, command};

use crate::args::{Args as Words, Choice, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

#[derive(Args, Clone, Copy)]
enum Mode {
    Yes,
    No,
}

/// Says whether the keys of the next command are to be remembered.
#[command(
    "CACHING",
    since = "6.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE),
    arity(3),
    args(ArgDoc::one_of("mode", <Mode as crate::args::OneOf>::DOCS))
)]
pub(crate) fn caching(_ctx: &mut Ctx, _mode: Rest) -> Result<reply::Ok> {
    Err(Error::Plain(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))
}

/// Answers the connection that invalidation messages go to.
#[command("GETREDIR", since = "6.0.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn getredir(_ctx: &mut Ctx) -> Result<i64> {
    Ok(-1)
}

#[derive(Args, Clone, Copy, PartialEq)]
enum Status {
    On,
    Off,
}

const OPTIONS: &[ArgDoc] = &[
    ArgDoc::one_of("status", <Status as crate::args::OneOf>::DOCS),
    ArgDoc::new("client-id", ArgType::Integer).token("REDIRECT").optional(),
    ArgDoc::new("prefix", ArgType::String).token("PREFIX").optional().multiple_token(),
    ArgDoc::token_only("bcast").token("BCAST").optional(),
    ArgDoc::token_only("optin").token("OPTIN").optional(),
    ArgDoc::token_only("optout").token("OPTOUT").optional(),
    ArgDoc::token_only("noloop").token("NOLOOP").optional(),
];

/// Switches on or off that the server tells the client which keys have changed.
#[command(
    "TRACKING",
    since = "6.0.0",
    complexity = "O(1). Some options may introduce additional complexity.",
    flags(NOSCRIPT | LOADING | STALE),
    arity(-3),
    args(ArgDoc::flatten(OPTIONS))
)]
pub(crate) fn tracking(ctx: &mut Ctx, words: Rest) -> Result<reply::Ok> {
    let mut words = words.0;
    let status = words;
    words.word()?;
    check_options(ctx, &mut words)?;
    match <Choice<Status> as crate::args::Arg>::take(&mut { status })?.0 {
        Status::Off => Ok(reply::Ok),
        Status::On => Err(Error::Plain(
            "ERR CLIENT TRACKING ON is not available in this version: cache without it, with a short time to live",
        )),
    }
}

/// Options may be given with OFF, too, and must be right there.
fn check_options(ctx: &Ctx, words: &mut Words) -> Result<()> {
    while !words.is_empty() {
        if words.len() > 1 && words.take_token("REDIRECT") {
            let id = base::number::parse_i64(words.word()?).ok_or(Error::NotAnInteger)?;
            if !ctx.node.clients.contains_key(&(id as u64)) {
                return Err(Error::Plain("ERR The client ID you want redirect to does not exist"));
            }
        } else if words.len() > 1 && words.take_token("PREFIX") {
            words.word()?;
        } else if !["BCAST", "OPTIN", "OPTOUT", "NOLOOP"].iter().any(|option| words.take_token(option)) {
            return Err(Error::Syntax);
        }
    }
    Ok(())
}

/// Tells how the connection is tracked.
#[command("TRACKINGINFO", since = "6.2.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn trackinginfo(ctx: &mut Ctx) -> Result<()> {
    let out = &mut *ctx.out;
    out.map(3);
    out.bulk(b"flags");
    out.set(1);
    out.bulk(b"off");
    out.bulk(b"redirect");
    out.int(-1);
    out.bulk(b"prefixes");
    out.empty_array();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn nobody_is_tracked() {
        check(
            r#"
            > CLIENT TRACKING OFF
            OK
            > CLIENT TRACKING ON
            (error) ERR CLIENT TRACKING ON is not available in this version: cache without it, with a short time to live
            > CLIENT TRACKING what
            (error) ERR syntax error
            > CLIENT TRACKING ON REDIRECT 99
            (error) ERR The client ID you want redirect to does not exist
            > CLIENT GETREDIR
            (integer) -1
            > CLIENT CACHING maybe
            (error) ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
            > CLIENT TRACKINGINFO
            1) "flags"
            2) 1) "off"
            3) "redirect"
            4) (integer) -1
            5) "prefixes"
            6) (empty array)
            "#,
        );
    }
}
