//! CLIENT ID, INFO and LIST.

use std::sync::Arc;

use commands_macros::command;

use super::filter::{Filter, beside, is_condition};
use crate::args::{Args, Rest};
use crate::client::Shared;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::describe::{self, Asking};
use crate::spec::{ArgDoc, ArgType};

/// Answers the connection's number.
#[command("ID", since = "5.0.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn id(ctx: &mut Ctx) -> Result<i64> {
    Ok(ctx.client.shared.id as i64)
}

/// Answers the connection's line of CLIENT LIST.
#[command(
    "INFO",
    since = "6.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE),
    tips("nondeterministic_output")
)]
pub(crate) fn info(ctx: &mut Ctx) -> Result<()> {
    let own = ctx.client.shared.clone();
    write_lines(ctx, &[own]);
    Ok(())
}

/// The values that TYPE takes here.
const TYPES: &[ArgDoc] = &[
    ArgDoc::token_only("normal").token("NORMAL"),
    ArgDoc::token_only("master").token("MASTER"),
    ArgDoc::token_only("replica").token("REPLICA"),
    ArgDoc::token_only("pubsub").token("PUBSUB"),
];

const fn of_valkey_8(name: &'static str, token: &'static str, kind: ArgType) -> ArgDoc {
    ArgDoc::new(name, kind).token(token).since("8.1.0").optional()
}

const OF_REDIS_AND_VALKEY_8: [ArgDoc; 7] = [
    ArgDoc::one_of("client-type", TYPES).token("TYPE").since("5.0.0").optional(),
    ArgDoc::new("client-id", ArgType::Integer).token("ID").since("6.2.0").optional().multiple(),
    of_valkey_8("username", "USER", ArgType::String),
    of_valkey_8("addr", "ADDR", ArgType::String).display("ip:port"),
    of_valkey_8("laddr", "LADDR", ArgType::String).display("ip:port"),
    ArgDoc::one_of("skipme", &[ArgDoc::token_only("yes").token("YES"), ArgDoc::token_only("no").token("NO")])
        .token("SKIPME")
        .since("8.1.0")
        .optional(),
    of_valkey_8("maxage", "MAXAGE", ArgType::Integer),
];

const ARGS: &[ArgDoc] = &beside(OF_REDIS_AND_VALKEY_8);

/// Lists connections, a line each.
#[command(
    "LIST",
    since = "2.4.0",
    complexity = "O(N) where N is the number of client connections",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    arity(-2),
    args(ArgDoc::flatten(ARGS)),
    tips("nondeterministic_output")
)]
pub(crate) fn list(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    if words.is_empty() {
        write_all(ctx, &Filter::default());
        return Ok(());
    }
    // Numbers alone are answered in the order of the question.
    let mut rest = words;
    if rest.len() > 1 && rest.take_token("ID") && !rest.iter().skip(1).any(is_condition) {
        let clients = named(ctx, &rest)?;
        write_lines(ctx, &clients);
    } else {
        let filter = Filter::parse(ctx, &mut words, false)?;
        write_all(ctx, &filter);
    }
    Ok(())
}

/// The connections of some numbers, in the order of the question.
fn named(ctx: &Ctx, ids: &Args) -> Result<Vec<Arc<Shared>>> {
    let mut found = Vec::new();
    for word in ids.iter() {
        let id = base::number::parse_i64(word).ok_or(Error::Plain("ERR Invalid client ID"))?;
        found.extend(ctx.node.clients.get(&(id as u64)).map(|shared| shared.clone()));
    }
    Ok(found)
}

fn write_all(ctx: &mut Ctx, filter: &Filter) {
    let now_ms = ctx.now_ms();
    let clients = ctx.node.clients.iter().filter(|shared| filter.admits(shared, now_ms));
    let mut clients: Vec<_> = clients.map(|shared| shared.clone()).collect();
    clients.sort_unstable_by_key(|shared| shared.id);
    write_lines(ctx, &clients);
}

fn write_lines(ctx: &mut Ctx, clients: &[Arc<Shared>]) {
    let mut lines = Vec::with_capacity(clients.len() * 360);
    let asking = Asking { client: ctx.client, request: &ctx.request };
    for shared in clients {
        describe::push(&mut lines, ctx.node, shared, ctx.keys.now.unix_ms, Some(asking));
        lines.push(b'\n');
    }
    ctx.out.verbatim("txt", &lines);
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check};

    #[test]
    fn the_fields_and_their_order() {
        let mut fixture = Fixture::new();
        fixture.cli(1, "CLIENT SETNAME me");
        fixture.cli(1, "SELECT 3");
        let line = fixture.cli(1, "CLIENT INFO");
        let fields: Vec<&str> = line.split(['"', ' ']).filter_map(|field| field.split_once('=')).map(|f| f.0).collect();
        assert_eq!(
            fields.join(" "),
            "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs \
             rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver io-thread"
        );
        for part in ["id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name=me ", " db=3 ", " cmd=client|info "] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn lists() {
        let mut fixture = Fixture::new();
        for client in 1..=3 {
            fixture.cli(client, "PING");
        }
        let lines = |reply: String| -> Vec<String> {
            reply.split("id=").skip(1).filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
        };
        assert_eq!(lines(fixture.cli(1, "CLIENT LIST").replace("user=", "").replace(" redir", "")), ["1", "2", "3"]);
        assert_eq!(lines(fixture.cli(1, "CLIENT LIST ID 3 9 1 3")), ["3", "1", "3"]);
        assert_eq!(lines(fixture.cli(1, "CLIENT LIST TYPE pubsub")), Vec::<String>::new());
        assert_eq!(lines(fixture.cli(1, "CLIENT LIST ID 3 9 1 NOT-TYPE pubsub NOT-ID 1")), ["3"]);
        assert_eq!(lines(fixture.cli(1, "CLIENT LIST USER default SKIPME yes MAXAGE 1")), Vec::<String>::new());
        assert_eq!(fixture.cli(1, "CLIENT LIST ID x"), "(error) ERR Invalid client ID");
        assert_eq!(fixture.cli(1, "CLIENT LIST TYPE"), "(error) ERR syntax error");
    }

    #[test]
    fn others_see_that_watched_keys_changed() {
        let mut fixture = Fixture::new();
        fixture.cli(1, "PING");
        fixture.cli(2, "WATCH k");
        assert!(fixture.cli(1, "CLIENT LIST ID 2").contains(" flags=N "));
        fixture.cli(1, "SET k v");
        assert!(fixture.cli(1, "CLIENT LIST ID 2").contains(" flags=d "));
        fixture.cli(2, "UNWATCH");
        assert!(fixture.cli(1, "CLIENT LIST ID 2").contains(" flags=N "));
    }

    #[test]
    fn mistakes() {
        check(
            r#"
            > CLIENT LIST TYPE what
            (error) ERR Unknown client type 'what'
            > CLIENT LIST ID
            (error) ERR syntax error
            > CLIENT LIST ID 1 x
            (error) ERR Invalid client ID
            > CLIENT LIST what
            (error) ERR syntax error
            > CLIENT LIST TYPE normal what 1
            (error) ERR syntax error
            > CLIENT INFO x
            (error) ERR wrong number of arguments for 'client|info' command
            "#,
        );
    }
}
