//! PING.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// Answers PONG, or the message.
#[command(
    "PING",
    since = "1.0.0",
    complexity = "O(1)",
    flags(FAST | IN_SUBSCRIBE | HEALTH),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    arity(-1),
    args(ArgDoc::new("message", ArgType::String).optional())
)]
pub(crate) fn ping(ctx: &mut Ctx, words: Rest) -> Result<()> {
    if words.0.len() > 1 {
        return Err(Error::Arity);
    }
    let message = words.0.peek();
    if ctx.client.is_subscriber() && !ctx.is_resp3() {
        // A RESP2 subscriber tells replies from messages by their shape.
        ctx.out.array(2);
        ctx.out.bulk(b"pong");
        ctx.out.bulk(message.unwrap_or_default());
        return Ok(());
    }
    match message {
        Some(message) => ctx.out.bulk(message),
        None => ctx.out.simple("PONG"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ping() {
        check(
            r#"
            > PING
            PONG
            > PING hi
            "hi"
            > PING a b
            (error) ERR wrong number of arguments for 'ping' command
            "#,
        );
    }
}
