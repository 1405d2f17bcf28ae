//! HELLO.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::command;
use resp::Proto;

use super::{auth, client::name};
use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const ARGUMENTS: &[ArgDoc] = &[
    ArgDoc::new("protover", ArgType::Integer),
    ArgDoc::block("auth", &[ArgDoc::new("username", ArgType::String), ArgDoc::new("password", ArgType::String)])
        .token("AUTH")
        .optional(),
    ArgDoc::new("clientname", ArgType::String).token("SETNAME").optional(),
];

/// What the options ask for.
#[derive(Default)]
struct Options<'a> {
    sign_in: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

/// Chooses the protocol version, signs in and tells about the server.
#[command(
    "HELLO",
    since = "6.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENSITIVE | ALLOW_BUSY),
    arity(-1),
    args(ArgDoc::block("arguments", ARGUMENTS).optional())
)]
pub(crate) fn hello(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    let proto = words.word().map_or(Ok(None), |version| proto(version).map(Some))?;
    let options = options(&mut words)?;
    if let Some((user, password)) = options.sign_in {
        auth::sign_in(ctx, user, password)?;
    }
    if ctx.client.must_sign_in(ctx.node) {
        return Err(Error::Plain(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(new) = options.name {
        name::set(ctx.client, new);
    }
    if let Some(proto) = proto {
        ctx.client.proto = proto;
        ctx.client.shared.facts.resp3.store(proto == Proto::Resp3, Relaxed);
        ctx.out.set_proto(proto);
    }
    describe(ctx);
    Ok(())
}

fn proto(version: &[u8]) -> Result<Proto> {
    match base::number::parse_i64(version) {
        Some(2) => Ok(Proto::Resp2),
        Some(3) => Ok(Proto::Resp3),
        Some(_) => Err(Error::Plain("NOPROTO unsupported protocol version")),
        None => Err(Error::Plain("ERR Protocol version is not an integer or out of range")),
    }
}

/// All options are read before the first has an effect.
fn options<'a>(words: &mut Args<'a>) -> Result<Options<'a>> {
    let mut options = Options::default();
    while let Some(option) = words.peek() {
        if words.len() > 2 && words.take_token("AUTH") {
            options.sign_in = Some((words.word()?, words.word()?));
        } else if words.len() > 1 && words.take_token("SETNAME") {
            let new = words.word()?;
            name::check(new)?;
            options.name = Some(new);
        } else {
            let shown = String::from_utf8_lossy(option);
            return Err(Error::text(format!("ERR Syntax error in HELLO option '{shown}'")));
        }
    }
    Ok(options)
}

fn describe(ctx: &mut Ctx) {
    let version = ctx.node.settings.redis_version_reported();
    let out = &mut *ctx.out;
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(&version);
    out.bulk(b"proto");
    out.int(if ctx.client.proto == Proto::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.int(ctx.client.shared.id as i64);
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.empty_array();
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn about_the_server() {
        check(
            r#"
            > HELLO 2 SETNAME me
             1) "server"
             2) "redis"
             3) "version"
             4) "8.0.6"
             5) "proto"
             6) (integer) 2
             7) "id"
             8) (integer) 1
             9) "mode"
            10) "standalone"
            11) "role"
            12) "master"
            13) "modules"
            14) (empty array)
            > CLIENT GETNAME
            "me"
            "#,
        );
        check3(
            r#"
            > HELLO
            1# "server" => "redis"
            2# "version" => "8.0.6"
            3# "proto" => (integer) 3
            4# "id" => (integer) 1
            5# "mode" => "standalone"
            6# "role" => "master"
            7# "modules" => (empty array)
            "#,
        );
    }

    #[test]
    fn mistakes_change_nothing() {
        check(
            r#"
            > HELLO 4 x
            (error) NOPROTO unsupported protocol version
            > HELLO x
            (error) ERR Protocol version is not an integer or out of range
            > HELLO 3 AUTH x
            (error) ERR Syntax error in HELLO option 'AUTH'
            > HELLO 3 SETNAME a AUTH other x
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > HELLO 3 AUTH other x SETNAME "a b"
            (error) ERR Client names cannot contain spaces, newlines or special characters.
            > CLIENT GETNAME
            (nil)
            "#,
        );
    }
}
