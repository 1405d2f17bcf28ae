//! CLIENT GETNAME, SETNAME and SETINFO.

use commands_macros::command;

use crate::args::Rest;
use crate::client::Client;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

/// Answers the connection's name.
#[command("GETNAME", since = "2.6.9", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn getname(ctx: &mut Ctx) -> Result<Option<Vec<u8>>> {
    Ok(ctx.client.shared.facts.name.lock().as_deref().map(<[u8]>::to_vec))
}

/// Names the connection; an empty name takes its name away.
#[command(
    "SETNAME",
    since = "2.6.9",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn setname(ctx: &mut Ctx, connection_name: &[u8]) -> Result<reply::Ok> {
    check(connection_name)?;
    set(ctx.client, connection_name);
    Ok(reply::Ok)
}

/// Whether a name may be: printable, without spaces, so that CLIENT LIST can be split at them.
pub(in super::super) fn check(name: &[u8]) -> Result<()> {
    if is_plain(name) {
        return Ok(());
    }
    Err(Error::Plain("ERR Client names cannot contain spaces, newlines or special characters."))
}

/// Sets a name that has been checked.
pub(in super::super) fn set(client: &Client, name: &[u8]) {
    *client.shared.facts.name.lock() = (!name.is_empty()).then(|| name.into());
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

/// Notes the name or version of the client's library.
#[command(
    "SETINFO",
    since = "7.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE),
    arity(4),
    args(ArgDoc::one_of("attr", &[
        ArgDoc::new("libname", ArgType::String).token("LIB-NAME"),
        ArgDoc::new("libver", ArgType::String).token("LIB-VER"),
    ])),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn setinfo(ctx: &mut Ctx, words: Rest) -> Result<reply::Ok> {
    let mut words = words.0;
    let (option, value) = (words.word()?, words.word()?);
    let facts = &ctx.client.shared.facts;
    let place = if option.eq_ignore_ascii_case(b"LIB-NAME") {
        &facts.lib_name
    } else if option.eq_ignore_ascii_case(b"LIB-VER") {
        &facts.lib_ver
    } else {
        return Err(Error::text(format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(option))));
    };
    if !is_plain(value) {
        let option = String::from_utf8_lossy(option);
        return Err(Error::text(format!("ERR {option} cannot contain spaces, newlines or special characters.")));
    }
    *place.lock() = (!value.is_empty()).then(|| value.into());
    Ok(reply::Ok)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn names() {
        check(
            r#"
            > CLIENT GETNAME
            (nil)
            > CLIENT SETNAME a~b
            OK
            > CLIENT SETNAME "a b"
            (error) ERR Client names cannot contain spaces, newlines or special characters.
            > CLIENT GETNAME
            "a~b"
            > CLIENT SETNAME ""
            OK
            > CLIENT GETNAME
            (nil)
            > CLIENT SETINFO lib-name a
            OK
            > CLIENT SETINFO LIB-NAME "a\n"
            (error) ERR LIB-NAME cannot contain spaces, newlines or special characters.
            > CLIENT SETINFO libname a
            (error) ERR Unrecognized option 'libname'
            > CLIENT SETINFO lib-name
            (error) ERR wrong number of arguments for 'client|setinfo' command
            "#,
        );
    }
}
