//! CLIENT KILL.

use commands_macros::command;

use super::filter::{Filter, beside};
use crate::args::Rest;
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

const OF_REDIS: [ArgDoc; 7] = [
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

const FILTERS: &[ArgDoc] = &beside(OF_REDIS);

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
        let addr = words.word()?;
        if kill_all(ctx, &Filter::of_address(addr)) == 0 {
            return Err(Error::Plain("ERR No such client"));
        }
        ctx.out.ok();
        return Ok(());
    }
    let filter = Filter::parse(ctx, &mut words, true)?;
    let killed = kill_all(ctx, &filter);
    ctx.out.int(killed);
    Ok(())
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
    fn conditions_of_valkey() {
        let mut fixture = Fixture::new();
        for client in 1..=4 {
            fixture.cli(client, "PING");
        }
        check_with(
            &mut fixture,
            r#"
            @2> CLIENT SETNAME two
            OK
            @2> SELECT 3
            OK
            @3> CLIENT SETINFO LIB-NAME lib
            OK
            @4> MULTI
            OK
            > CLIENT KILL NAME nobody
            (integer) 0
            > CLIENT KILL NOT-NAME two NOT-LIB-NAME lib NOT-FLAGS x
            (integer) 0
            > CLIENT KILL IDLE 10
            (integer) 0
            > CLIENT KILL IP 127.0.0.2
            (integer) 0
            > CLIENT KILL DB 3 NOT-DB 3
            (integer) 0
            > CLIENT KILL ID 2 3 NOT-ID 3 IP 127.0.0.1 DB 3 NAME two
            (integer) 1
            > CLIENT KILL FLAGS x NOT-USER default
            (integer) 0
            > CLIENT KILL FLAGS x
            (integer) 1
            > CLIENT KILL LIB-NAME lib NOT-LIB-VER 1
            (integer) 1
            > CLIENT KILL NOT-IDLE 1
            (error) ERR syntax error
            > CLIENT KILL IDLE 0
            (error) ERR idle should be greater than 0
            "#,
        );
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
