//! SHUTDOWN.

use commands_macros::{Args, command};
use resp::Writer;
use settings::LogLevel;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::spec::ArgDoc;

#[derive(Args, Clone, Copy, PartialEq)]
enum SaveSelector {
    NoSave,
    Save,
}

const SELECTOR: ArgDoc = ArgDoc::one_of("save-selector", <SaveSelector as crate::args::OneOf>::DOCS).optional();
const NOW: ArgDoc = ArgDoc::token_only("now").token("NOW").since("7.0.0").optional();
const FORCE: ArgDoc = ArgDoc::token_only("force").token("FORCE").since("7.0.0").optional();
const ABORT: ArgDoc = ArgDoc::token_only("abort").token("ABORT").since("7.0.0").optional();

const FAILED: Error = Error::Plain("ERR Errors trying to SHUTDOWN. Check logs.");

#[derive(Default)]
struct How {
    save: bool,
    nosave: bool,
    now: bool,
    force: bool,
    abort: bool,
}

impl How {
    fn read(words: Rest) -> Result<Self> {
        let (mut how, mut words) = (Self::default(), words.0);
        while !words.is_empty() {
            let places = [
                ("SAVE", &mut how.save),
                ("NOSAVE", &mut how.nosave),
                ("NOW", &mut how.now),
                ("FORCE", &mut how.force),
                ("ABORT", &mut how.abort),
            ];
            let place = places.into_iter().find(|(token, _)| words.take_token(token)).ok_or(Error::Syntax)?;
            *place.1 = true;
        }
        let is_mixed = how.abort && (how.save || how.nosave || how.now || how.force);
        if (how.save && how.nosave) || is_mixed { Err(Error::Syntax) } else { Ok(how) }
    }
}

/// Ends the server.
#[command(
    "SHUTDOWN",
    since = "1.0.0",
    complexity = "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY),
    args(SELECTOR, NOW, FORCE, ABORT)
)]
pub(crate) fn shutdown(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let how = How::read(words)?;
    let host = ctx.node.host();
    if how.abort {
        // Nothing here waits for replicas, so a shutdown that has begun is not called off.
        if !ctx.node.ending.take() {
            return Err(Error::Plain("ERR No shutdown in progress."));
        }
        host.log(LogLevel::Notice, "Shutdown manually aborted.");
        ctx.out.ok();
        return Ok(());
    }
    if !how.nosave && ctx.node.space.is_halted() {
        return Err(ctx.node.scripts.jobs.busy_error());
    }
    let saves = how.save || (!how.nosave && ctx.node.has_save_points());
    if !saves {
        if !ctx.node.prepare_end(false, how.force) {
            return Err(FAILED);
        }
        host.shut_down();
        // The end of the connection is the answer.
        ctx.client.closing = true;
        return Ok(());
    }
    let (client, proto) = (ctx.client.shared.id, ctx.out.proto());
    let node = ctx.node.arc().ok_or(FAILED)?;
    let run = move || {
        if node.prepare_end(true, how.force) || how.force {
            return node.host().shut_down();
        }
        let mut reply = Writer::new(proto);
        reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
        node.blocking.answer(&node, client, &reply);
    };
    std::thread::Builder::new().name("shutdown".into()).spawn(run).map_err(|_| FAILED)?;
    Err(Error::Wait(Wait { until_ms: None, otherwise: Otherwise::Null }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn what_a_signal_asked_for_is_called_off() {
        let mut fixture = Fixture::new();
        fixture.node.ending.ask();
        check_with(
            &mut fixture,
            "
            > SHUTDOWN ABORT
            OK
            > SHUTDOWN ABORT
            (error) ERR No shutdown in progress.
            ",
        );
        assert!(!fixture.node.ending.is_asked());
    }

    #[test]
    fn words_are_checked_first() {
        check(
            "
            > SHUTDOWN ABORT
            (error) ERR No shutdown in progress.
            > SHUTDOWN ABORT NOW
            (error) ERR syntax error
            > SHUTDOWN SAVE NOSAVE
            (error) ERR syntax error
            > SHUTDOWN what
            (error) ERR syntax error
            ",
        );
    }
}
