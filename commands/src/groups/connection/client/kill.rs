//! CLIENT KILL.

use commands_macros::command;

use super::filter::{ClientType, Filter};
use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const TYPES: &[ArgDoc] = &[
    ArgDoc::token_only("normal").token("NORMAL"),
    ArgDoc::token_only("master").token("MASTER").since("3.2.0"),
    ArgDoc::token_only("slave").token("SLAVE"),
    ArgDoc::token_only("replica").token("REPLICA").since("5.0.0"),
    ArgDoc::token_only("pubsub").token("PUBSUB"),
];

const FILTERS: &[ArgDoc] = &[
    ArgDoc::new("client-id", ArgType::Integer).token("ID").since("2.8.12").optional(),
    ArgDoc::one_of("client-type", TYPES).token("TYPE").since("2.8.12").optional(),
    ArgDoc::new("username", ArgType::String).token("USER").optional(),
    ArgDoc::new("addr", ArgType::String).display("ip:port").token("ADDR").optional(),
    ArgDoc::new("laddr", ArgType::String).display("ip:port").token("LADDR").since("6.2.0").optional(),
    ArgDoc::one_of("skipme", &[ArgDoc::token_only("yes").token("YES"), ArgDoc::token_only("no").token("NO")])
        .token("SKIPME")
        .optional(),
    ArgDoc::new("maxage", ArgType::Integer).token("MAXAGE").since("7.4.0").optional(),
];

/// Closes connections.
#[command(
    "KILL",
    since = "2.4.0",
    complexity = "O(N) where N is the number of client connections",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    arity(-3),
    args(ArgDoc::one_of("filter", &[
        ArgDoc::new("old-format", ArgType::String).display("ip:port").deprecated_since("2.8.12"),
        ArgDoc::one_of("new-format", FILTERS).multiple(),
    ]))
)]
pub(crate) fn kill(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    if words.len() == 1 {
        let addr = Some(words.word()?);
        if kill_all(ctx, &Filter { addr, ..Filter::default() }) == 0 {
            return Err(Error::Plain("ERR No such client"));
        }
        ctx.out.ok();
        return Ok(());
    }
    let filter = filter(ctx, &mut words)?;
    let killed = kill_all(ctx, &filter);
    ctx.out.int(killed);
    Ok(())
}

fn filter<'a>(ctx: &Ctx, words: &mut Args<'a>) -> Result<Filter<'a>> {
    let mut filter = Filter { not_id: Some(ctx.client.shared.id), ..Filter::default() };
    while !words.is_empty() {
        if words.len() == 1 {
            return Err(Error::Syntax);
        }
        if words.take_token("ID") {
            let id = base::number::parse_i64(words.word()?).filter(|&id| id > 0);
            filter.id = Some(id.ok_or(Error::Plain("ERR client-id should be greater than 0"))? as u64);
        } else if words.take_token("MAXAGE") {
            let age_s = base::number::parse_i64(words.word()?);
            let age_s = age_s.ok_or(Error::Plain("ERR maxage is not an integer or out of range"))?;
            if age_s <= 0 {
                return Err(Error::Plain("ERR maxage should be greater than 0"));
            }
            filter.age_s_min = Some(age_s);
        } else if words.take_token("TYPE") {
            filter.client_type = Some(ClientType::parse(words.word()?)?);
        } else if words.take_token("ADDR") {
            filter.addr = Some(words.word()?);
        } else if words.take_token("LADDR") {
            filter.laddr = Some(words.word()?);
        } else if words.take_token("USER") {
            filter.user = Some(known_user(ctx, words.word()?)?);
        } else if words.take_token("SKIPME") {
            filter.not_id = match words.word()? {
                word if word.eq_ignore_ascii_case(b"yes") => Some(ctx.client.shared.id),
                word if word.eq_ignore_ascii_case(b"no") => None,
                _ => return Err(Error::Syntax),
            };
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(filter)
}

fn known_user<'a>(ctx: &Ctx, name: &'a [u8]) -> Result<&'a [u8]> {
    let none = || Error::text(format!("ERR No such user '{}'", String::from_utf8_lossy(name)));
    ctx.node.acl.users.get(name).map(|_| name).ok_or_else(none)
}

fn kill_all(ctx: &mut Ctx, filter: &Filter) -> i64 {
    let now_ms = ctx.now_ms();
    let own = ctx.client.shared.id;
    let mut killed = 0;
    for shared in ctx.node.clients.iter().filter(|shared| filter.admits(shared, now_ms)) {
        killed += 1;
        if shared.id == own {
            // It still gets the reply.
            ctx.client.closing = true;
        } else {
            shared.end();
        }
    }
    killed
}

#[cfg(test)]
mod tests {
    use crate::client::signal;
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn filters() {
        let mut fixture = Fixture::new();
        for client in 1..=4 {
            fixture.cli(client, "PING");
        }
        check_with(
            &mut fixture,
            r#"
            @4> SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            > CLIENT KILL MAXAGE 10
            (integer) 0
            > CLIENT KILL ID 2 TYPE pubsub
            (integer) 0
            > CLIENT KILL ID 2 USER default LADDR 127.0.0.1:6379
            (integer) 1
            > CLIENT KILL ID 2
            (integer) 0
            > CLIENT KILL TYPE pubsub
            (integer) 1
            > CLIENT KILL ID 1
            (integer) 0
            > CLIENT KILL SKIPME no
            (integer) 2
            "#,
        );
        assert!(fixture.client(1).closing);
        assert!((2..=4).all(|client| fixture.client(client).shared.signals() & signal::KILL != 0));
    }

    #[test]
    fn mistakes() {
        check(
            r#"
            > CLIENT KILL
            (error) ERR wrong number of arguments for 'client|kill' command
            > CLIENT KILL 1.2.3.4:5
            (error) ERR No such client
            > CLIENT KILL ID 0
            (error) ERR client-id should be greater than 0
            > CLIENT KILL ID 5 what
            (error) ERR syntax error
            > CLIENT KILL TYPE what
            (error) ERR Unknown client type 'what'
            > CLIENT KILL USER what
            (error) ERR No such user 'what'
            > CLIENT KILL SKIPME what
            (error) ERR syntax error
            > CLIENT KILL MAXAGE x
            (error) ERR maxage is not an integer or out of range
            > CLIENT KILL MAXAGE 0
            (error) ERR maxage should be greater than 0
            "#,
        );
    }
}
