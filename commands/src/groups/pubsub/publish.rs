//! PUBLISH and SPUBLISH.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::node::pubsub::Kind;

/// Sends a message to a channel; answers how many clients got it.
#[command(
    "PUBLISH",
    since = "2.0.0",
    complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
    flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE),
    channels(First)
)]
pub(crate) fn publish(ctx: &mut Ctx, channel: &[u8], message: &[u8]) -> Result<usize> {
    Ok(ctx.node.pubsub.publish(ctx.node, Kind::Channel, channel, message))
}

/// Sends a message to a shard channel; answers how many clients got it.
#[command(
    "SPUBLISH",
    since = "7.0.0",
    complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE),
    keys(KeySpec::one(1, NOT_KEY)),
    channels(First)
)]
pub(crate) fn spublish(ctx: &mut Ctx, shardchannel: &[u8], message: &[u8]) -> Result<usize> {
    Ok(ctx.node.pubsub.publish(ctx.node, Kind::ShardChannel, shardchannel, message))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};
    use resp::Proto;

    #[test]
    fn messages_reach_channels_and_patterns() {
        check(
            r#"
            @2> SUBSCRIBE news
            1) "subscribe"
            2) "news"
            3) (integer) 1
            @2> PSUBSCRIBE n*
            1) "psubscribe"
            2) "n*"
            3) (integer) 2
            @3> SSUBSCRIBE news
            1) "ssubscribe"
            2) "news"
            3) (integer) 1
            > PUBLISH news hi
            (integer) 2
            > SPUBLISH news there
            (integer) 1
            > PUBLISH else hi
            (integer) 0
            @2
            1) "message"
            2) "news"
            3) "hi"
            1) "pmessage"
            2) "n*"
            3) "news"
            4) "hi"
            @3
            1) "smessage"
            2) "news"
            3) "there"
            "#,
        );
    }

    #[test]
    fn each_in_its_protocol_and_own_messages_after_the_reply() {
        let mut fixture = Fixture::new();
        fixture.client(1).proto = Proto::Resp3;
        fixture.client(1).shared.facts.resp3.store(true, std::sync::atomic::Ordering::Relaxed);
        let reply = fixture.run(1, &[b"SUBSCRIBE", b"a"]).expect("no wait");
        assert_eq!(reply, b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
        let reply = fixture.run(1, &[b"PUBLISH", b"a", b"x"]).expect("no wait");
        assert_eq!(reply, b":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
        check_with(
            &mut fixture,
            r#"
            @2> SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            @3> PUBLISH a y
            (integer) 2
            "#,
        );
        assert_eq!(fixture.client(2).shared.take_outbox()[0][..], b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\ny\r\n"[..]);
    }
}
