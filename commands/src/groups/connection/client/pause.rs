//! CLIENT PAUSE and UNPAUSE.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::pause::Paused;
use crate::reply;
use crate::spec::{ArgDoc, ArgType};

/// Makes clients' commands, or only their writes, wait for a time.
#[command(
    "PAUSE",
    since = "3.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    arity(-3),
    args(
        ArgDoc::new("timeout", ArgType::Integer),
        ArgDoc::one_of(
            "mode",
            &[ArgDoc::token_only("write").token("WRITE"), ArgDoc::token_only("all").token("ALL")]
        )
        .since("6.2.0")
        .optional()
    )
)]
pub(crate) fn pause(ctx: &mut Ctx, words: Rest) -> Result<reply::Ok> {
    let mut words = words.0;
    if words.len() > 2 {
        return Err(super::wrong_words(ctx));
    }
    let timeout = words.word()?;
    let what = match words.peek() {
        None => Paused::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"ALL") => Paused::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"WRITE") => Paused::Writes,
        Some(_) => return Err(Error::Plain("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout_ms = base::number::parse_i64(timeout);
    let timeout_ms = timeout_ms.ok_or(Error::Plain("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::Plain("ERR timeout is negative"));
    }
    let until_ms = ctx.now_ms().checked_add(timeout_ms).ok_or(Error::Plain("ERR timeout is out of range"))?;
    ctx.node.pause.extend(what, until_ms);
    Ok(reply::Ok)
}

/// Ends a pause.
#[command(
    "UNPAUSE",
    since = "6.2.0",
    complexity = "O(N) Where N is the number of paused clients",
    flags(ADMIN | NOSCRIPT | LOADING | STALE)
)]
pub(crate) fn unpause(ctx: &mut Ctx) -> Result<reply::Ok> {
    ctx.node.unpause();
    Ok(reply::Ok)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn writes_wait() {
        check(
            r#"
            > CLIENT PAUSE 100 WRITE
            OK
            @2> SET k v
            (paused)
            @2> SET k
            (error) ERR wrong number of arguments for 'set' command
            @2> GET k
            (nil)
            @2> PUBLISH a b
            (paused)
            > CLIENT UNPAUSE
            OK
            @2> SET k v
            OK
            "#,
        );
    }

    #[test]
    fn the_longer_and_the_stricter_pause_holds() {
        check(
            r#"
            > CLIENT PAUSE 200 ALL
            OK
            @2> PING
            (paused)
            + 150ms
            @2> GET k
            (paused)
            + 60ms
            @2> GET k
            (nil)
            > CLIENT PAUSE 100 WRITE
            OK
            > CLIENT PAUSE 10 WRITE
            OK
            + 50ms
            @2> SET k v
            (paused)
            + 60ms
            @2> SET k v
            OK
            "#,
        );
    }

    #[test]
    fn nothing_expires() {
        let mut fixture = crate::testing::Fixture::new();
        fixture.cli(1, "SET read v PX 10");
        fixture.cli(1, "SET idle v PX 10");
        fixture.cli(1, "CLIENT PAUSE 1000 WRITE");
        fixture.advance_ms(50);
        fixture.tick();
        assert_eq!(fixture.cli(1, "GET read"), "(nil)");
        assert_eq!(fixture.node.cores[0].expired.get(), 0);
        fixture.cli(1, "CLIENT UNPAUSE");
        assert_eq!(fixture.cli(1, "GET read"), "(nil)");
        assert_eq!(fixture.node.cores[0].expired.get(), 1);
        fixture.tick();
        assert_eq!(fixture.cli(1, "DBSIZE"), "(integer) 0");
    }

    #[test]
    fn mistakes() {
        check(
            r#"
            > CLIENT PAUSE x
            (error) ERR timeout is not an integer or out of range
            > CLIENT PAUSE -1
            (error) ERR timeout is negative
            > CLIENT PAUSE x what
            (error) ERR CLIENT PAUSE mode must be WRITE or ALL
            > CLIENT PAUSE 10 WRITE x
            (error) ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.
            "#,
        );
    }
}
