//! CLIENT REPLY.

use commands_macros::{Args, command};

use crate::args::Choice;
use crate::client::Replies;
use crate::ctx::Ctx;
use crate::error::Result;

#[derive(Args, Clone, Copy)]
pub(crate) enum Action {
    On,
    Off,
    Skip,
}

/// Chooses whether replies are sent.
#[command("REPLY", since = "3.2.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn reply(ctx: &mut Ctx, action: Choice<Action>) -> Result<()> {
    match action.0 {
        Action::On => {
            ctx.client.replies = Replies::On;
            ctx.out.ok();
        }
        Action::Off => ctx.client.replies = Replies::Off,
        Action::Skip if ctx.client.replies == Replies::Off => {}
        Action::Skip => ctx.client.replies = Replies::SkipNext,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn modes() {
        check(
            r#"
            > CLIENT REPLY SKIP
            > PING
            > PING
            PONG
            > CLIENT REPLY OFF
            > PING
            > what
            > GET
            > CLIENT REPLY SKIP
            > CLIENT REPLY ON
            OK
            > PING
            PONG
            > CLIENT REPLY what
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn subscriptions_are_confirmed_all_the_same() {
        check(
            r#"
            > CLIENT REPLY OFF
            > SUBSCRIBE a
            1) "subscribe"
            2) "a"
            3) (integer) 1
            > PING
            "#,
        );
    }
}
