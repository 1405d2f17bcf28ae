//! MONITOR.

use commands_macros::command;

use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// Lets the connection see every command that the server runs.
#[command("MONITOR", since = "1.0.0", flags(ADMIN | NOSCRIPT | LOADING | STALE))]
pub(crate) fn monitor(ctx: &mut Ctx) -> Result<()> {
    if ctx.origin == Origin::Transaction {
        return Err(Error::Plain("ERR MONITOR isn't allowed inside a transaction"));
    }
    // A connection that sees everything already goes on without another answer.
    ctx.node.monitoring.monitors.add(&ctx.client.shared);
    ctx.out.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn commands_are_shown_without_secrets() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.cli(2, "MONITOR"), "OK");
        fixture.cli(1, "SET k \"a b\"");
        fixture.cli(1, "AUTH secret");
        fixture.cli(1, "CONFIG SET requirepass x");
        let shown = fixture.received(2);
        assert!(shown.contains(r#"[0 127.0.0.1:50000] "SET" "k" "a b""#), "{shown}");
        assert!(shown.contains(r#""AUTH" "(redacted)""#) && !shown.contains("requirepass"), "{shown}");
    }
}
