//! UNSUBSCRIBE, PUNSUBSCRIBE and SUNSUBSCRIBE.

use commands_macros::command;

use crate::args::{Args, Rest};
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::node::pubsub::{Kind, PubSub};
use crate::spec::{ArgDoc, ArgType};

/// Stops listening to channels, or to all of them.
#[command(
    "UNSUBSCRIBE",
    since = "2.0.0",
    complexity = "O(N) where N is the number of channels to unsubscribe.",
    flags(PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBE | MESSAGE),
    args(ArgDoc::new("channel", ArgType::String).optional().multiple())
)]
pub(crate) fn unsubscribe(ctx: &mut Ctx, names: Rest) -> Result<()> {
    ignore(ctx, Kind::Channel, b"unsubscribe", &names.0);
    Ok(())
}

/// Stops listening to patterns, or to all of them.
#[command(
    "PUNSUBSCRIBE",
    since = "2.0.0",
    complexity = "O(N) where N is the number of patterns to unsubscribe.",
    flags(PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBE | MESSAGE),
    args(ArgDoc::new("pattern", ArgType::Pattern).optional().multiple())
)]
pub(crate) fn punsubscribe(ctx: &mut Ctx, names: Rest) -> Result<()> {
    ignore(ctx, Kind::Pattern, b"punsubscribe", &names.0);
    Ok(())
}

/// Stops listening to shard channels, or to all of them.
#[command(
    "SUNSUBSCRIBE",
    since = "7.0.0",
    complexity = "O(N) where N is the number of shard channels to unsubscribe.",
    flags(PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBE | MESSAGE),
    keys(KeySpec::range(1, -1, 1, NOT_KEY)),
    args(ArgDoc::new("shardchannel", ArgType::String).optional().multiple())
)]
pub(crate) fn sunsubscribe(ctx: &mut Ctx, names: Rest) -> Result<()> {
    ignore(ctx, Kind::ShardChannel, b"sunsubscribe", &names.0);
    Ok(())
}

fn ignore(ctx: &mut Ctx, kind: Kind, word: &[u8], names: &Args) {
    if !names.is_empty() {
        names.iter().for_each(|name| ignore_one(ctx, kind, word, name));
        return;
    }
    let all = PubSub::names_of(ctx.client, kind);
    if all.is_empty() {
        let count = PubSub::count_of(ctx.client, kind);
        ctx.out.push(3);
        ctx.out.bulk(word);
        ctx.out.null();
        ctx.out.int(count as i64);
    }
    all.iter().for_each(|name| ignore_one(ctx, kind, word, name));
}

fn ignore_one(ctx: &mut Ctx, kind: Kind, word: &[u8], name: &[u8]) {
    let count = ctx.node.pubsub.unsubscribe(ctx.client, kind, name);
    if ctx.origin == Origin::Connection {
        // No message comes after the confirmation of its end; inside EXEC's reply there is no place for one.
        ctx.client.take_messages(ctx.out);
    }
    ctx.out.push(3);
    ctx.out.bulk(word);
    ctx.out.bulk(name);
    ctx.out.int(count as i64);
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn confirmations_and_counts() {
        check(
            r#"
            > UNSUBSCRIBE
            1) "unsubscribe"
            2) (nil)
            3) (integer) 0
            > SUBSCRIBE b a
            1) "subscribe"
            2) "b"
            3) (integer) 1
            1) "subscribe"
            2) "a"
            3) (integer) 2
            > PSUBSCRIBE *
            1) "psubscribe"
            2) "*"
            3) (integer) 3
            > SSUBSCRIBE s
            1) "ssubscribe"
            2) "s"
            3) (integer) 1
            > UNSUBSCRIBE
            1) "unsubscribe"
            2) "a"
            3) (integer) 2
            1) "unsubscribe"
            2) "b"
            3) (integer) 1
            > UNSUBSCRIBE
            1) "unsubscribe"
            2) (nil)
            3) (integer) 1
            > PUNSUBSCRIBE x *
            1) "punsubscribe"
            2) "x"
            3) (integer) 1
            1) "punsubscribe"
            2) "*"
            3) (integer) 0
            > GET k
            (error) ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
            > SUNSUBSCRIBE
            1) "sunsubscribe"
            2) "s"
            3) (integer) 0
            > GET k
            (nil)
            "#,
        );
    }

    #[test]
    fn messages_come_before_the_end_is_confirmed() {
        check(
            r#"
            @2> SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            > PUBLISH a x
            (integer) 1
            @2> UNSUBSCRIBE a
            1) "message"
            2) "a"
            3) "x"
            1) "unsubscribe"
            2) "a"
            3) (integer) 0
            > PUBLISH a y
            (integer) 0
            "#,
        );
    }
}
