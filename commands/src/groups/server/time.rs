//! TIME.

use commands_macros::command;

use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers the server's clock as unix seconds and the microseconds of the second.
#[command("TIME", since = "2.6.0", complexity = "O(1)", flags(LOADING | STALE | FAST), tips("nondeterministic_output"))]
pub(crate) fn time(ctx: &mut Ctx) -> Result<()> {
    // Time stands still for a script, in TIME as in all that it does.
    let frozen = (ctx.origin == Origin::Script).then(|| ctx.core.interpreters.time_us.get()).filter(|us| *us != 0);
    let unix_us = frozen.unwrap_or_else(base::clock::unix_us);
    ctx.core.interpreters.time_us.set(unix_us);
    ctx.out.array(2);
    ctx.out.bulk_int(unix_us / 1_000_000);
    ctx.out.bulk_int(unix_us % 1_000_000);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn two_numbers_as_bulks() {
        let reply = Fixture::new().run(1, &[b"TIME"]).expect("a reply");
        assert!(reply.starts_with(b"*2\r\n$10\r\n"), "{reply:?}");
    }
}
