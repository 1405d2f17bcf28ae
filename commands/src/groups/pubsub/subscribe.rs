//! SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE.

use commands_macros::command;

use crate::args::{Args, Many};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::node::pubsub::Kind;

/// Listens to channels.
#[command(
    "SUBSCRIBE",
    since = "2.0.0",
    complexity = "O(N) where N is the number of channels to subscribe to.",
    flags(PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBE | MESSAGE),
    channels(All)
)]
pub(crate) fn subscribe(ctx: &mut Ctx, channel: Many<&[u8]>) -> Result<()> {
    listen(ctx, Kind::Channel, b"subscribe", &channel.words());
    Ok(())
}

/// Listens to all channels that match patterns.
#[command(
    "PSUBSCRIBE",
    since = "2.0.0",
    complexity = "O(N) where N is the number of patterns to subscribe to.",
    flags(PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBE | MESSAGE),
    channels(Patterns)
)]
pub(crate) fn psubscribe(ctx: &mut Ctx, #[arg(pattern)] pattern: Many<&[u8]>) -> Result<()> {
    listen(ctx, Kind::Pattern, b"psubscribe", &pattern.words());
    Ok(())
}

/// Listens to channels of the shard that their names belong to.
#[command(
    "SSUBSCRIBE",
    since = "7.0.0",
    complexity = "O(N) where N is the number of shard channels to subscribe to.",
    flags(PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBE | MESSAGE),
    keys(KeySpec::range(1, -1, 1, NOT_KEY)),
    channels(All)
)]
pub(crate) fn ssubscribe(ctx: &mut Ctx, shardchannel: Many<&[u8]>) -> Result<()> {
    listen(ctx, Kind::ShardChannel, b"ssubscribe", &shardchannel.words());
    Ok(())
}

fn listen(ctx: &mut Ctx, kind: Kind, word: &[u8], names: &Args) {
    for name in names.iter() {
        let count = ctx.node.pubsub.subscribe(ctx.client, kind, name);
        ctx.out.push(3);
        ctx.out.bulk(word);
        ctx.out.bulk(name);
        ctx.out.int(count as i64);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_resp2_subscriber_may_do_little_else() {
        check(
            r#"
            > SUBSCRIBE a a b
            1) "subscribe"
            2) "a"
            3) (integer) 1
            1) "subscribe"
            2) "a"
            3) (integer) 1
            1) "subscribe"
            2) "b"
            3) (integer) 2
            > GET k
            (error) ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
            > PUBSUB CHANNELS
            (error) ERR Can't execute 'pubsub|channels': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
            > GET
            (error) ERR wrong number of arguments for 'get' command
            > PING
            1) "pong"
            2) ""
            > PING x
            1) "pong"
            2) "x"
            > QUIT
            OK
            "#,
        );
    }
}
