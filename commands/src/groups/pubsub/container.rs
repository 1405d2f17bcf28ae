//! PUBSUB.

use commands_macros::command;

use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::pubsub::Kind;
use crate::reply;
use crate::spec::{ArgDoc, ArgType, Command};

/// See the module's head.
pub(super) static PUBSUB: Command = Command::container(
    "PUBSUB",
    "2.8.0",
    "Holds the commands that tell about channels.",
    &[&CHANNELS, &HELP, &NUMPAT, &NUMSUB, &SHARDCHANNELS, &SHARDNUMSUB],
);

/// Lists the channels that somebody listens to.
#[command(
    "CHANNELS",
    since = "2.8.0",
    complexity = "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
    flags(PUBSUB | LOADING | STALE),
    args(ArgDoc::new("pattern", ArgType::Pattern).optional())
)]
pub(crate) fn channels(ctx: &mut Ctx, words: Rest) -> Result<()> {
    list(ctx, Kind::Channel, &words.0)
}

/// Lists the shard channels that somebody listens to.
#[command(
    "SHARDCHANNELS",
    since = "7.0.0",
    complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
    flags(PUBSUB | LOADING | STALE),
    args(ArgDoc::new("pattern", ArgType::Pattern).optional())
)]
pub(crate) fn shardchannels(ctx: &mut Ctx, words: Rest) -> Result<()> {
    list(ctx, Kind::ShardChannel, &words.0)
}

fn list(ctx: &mut Ctx, kind: Kind, words: &Args) -> Result<()> {
    if words.len() > 1 {
        let shown = String::from_utf8_lossy(ctx.request.word(1).unwrap_or_default()).into_owned();
        return Err(Error::text(format!(
            "ERR unknown subcommand or wrong number of arguments for '{shown}'. Try PUBSUB HELP."
        )));
    }
    let names = ctx.node.pubsub.matching(kind, words.peek());
    ctx.out.array(names.len());
    names.iter().for_each(|name| ctx.out.bulk(name));
    Ok(())
}

/// Counts the patterns that somebody listens to.
#[command("NUMPAT", since = "2.8.0", complexity = "O(1)", flags(PUBSUB | LOADING | STALE))]
pub(crate) fn numpat(ctx: &mut Ctx) -> Result<usize> {
    Ok(ctx.node.pubsub.len(Kind::Pattern))
}

/// Counts the listeners of channels; patterns do not count.
#[command(
    "NUMSUB",
    since = "2.8.0",
    complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    flags(PUBSUB | LOADING | STALE),
    args(ArgDoc::new("channel", ArgType::String).optional().multiple())
)]
pub(crate) fn numsub(ctx: &mut Ctx, names: Rest) -> Result<()> {
    count(ctx, Kind::Channel, &names.0);
    Ok(())
}

/// Counts the listeners of shard channels.
#[command(
    "SHARDNUMSUB",
    since = "7.0.0",
    complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
    flags(PUBSUB | LOADING | STALE),
    args(ArgDoc::new("shardchannel", ArgType::String).optional().multiple())
)]
pub(crate) fn shardnumsub(ctx: &mut Ctx, names: Rest) -> Result<()> {
    count(ctx, Kind::ShardChannel, &names.0);
    Ok(())
}

fn count(ctx: &mut Ctx, kind: Kind, names: &Args) {
    ctx.out.array(names.len() * 2);
    for name in names.iter() {
        ctx.out.bulk(name);
        ctx.out.int(ctx.node.pubsub.listeners(kind, name) as i64);
    }
}

/// Shows the subcommands.
#[command("HELP", since = "6.2.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    let lines = [
        "CHANNELS [<pattern>]",
        "    List the channels with listeners, or those that match.",
        "NUMPAT",
        "    Count the patterns that clients listen to.",
        "NUMSUB [<channel> ...]",
        "    Count the listeners of channels, without those of patterns.",
        "SHARDCHANNELS [<pattern>]",
        "    List the shard channels with listeners, or those that match.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Count the listeners of shard channels.",
    ];
    reply::help(ctx.out, "PUBSUB", &lines);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts() {
        check(
            r#"
            @2> SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            @3> SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            @3> PSUBSCRIBE *
            1) "psubscribe"
            2) "*"
            3) (integer) 2
            > PUBSUB CHANNELS
            1) "a"
            > PUBSUB CHANNELS b*
            (empty array)
            > PUBSUB CHANNELS a b
            (error) ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.
            > PUBSUB NUMSUB a b
            1) "a"
            2) (integer) 2
            3) "b"
            4) (integer) 0
            > PUBSUB NUMSUB
            (empty array)
            > PUBSUB NUMPAT
            (integer) 1
            > PUBSUB SHARDCHANNELS
            (empty array)
            > PUBSUB SHARDNUMSUB a
            1) "a"
            2) (integer) 0
            > PUBSUB what
            (error) ERR unknown subcommand 'what'. Try PUBSUB HELP.
            "#,
        );
    }
}
