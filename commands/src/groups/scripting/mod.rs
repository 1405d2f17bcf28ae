//! Scripting: the interpreter is not there yet. FLUSH is: it empties the libraries, of which there are none, and
//! administration scripts (Redis's own test suite among them) begin with it.

use commands_macros::{Args, command};

use crate::args::{OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, Command};

pub(crate) const COMMANDS: &[&Command] = &[&FUNCTION];

static FUNCTION: Command = Command::container("FUNCTION", "7.0.0", "Manages libraries of functions.", &[&FLUSH]);

#[derive(Args, Clone, Copy)]
enum FlushType {
    Async,
    Sync,
}

const FLUSH_TYPE: Error = Error::Plain("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");

/// Removes all libraries of functions.
#[command(
    "FLUSH",
    since = "7.0.0",
    complexity = "O(N) where N is the number of functions deleted",
    flags(NOSCRIPT | WRITE),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(ArgDoc::one_of("flush-type", <FlushType as OneOf>::DOCS).optional())
)]
fn flush(_ctx: &mut Ctx, flush_type: Rest) -> Result<Done> {
    let mut words = flush_type.0;
    if words.len() > 1 {
        return Err(Error::Plain(
            "ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.",
        ));
    }
    let known = words.is_empty() || FlushType::take_if(&mut words)?.is_some();
    if known && words.is_empty() { Ok(Done) } else { Err(FLUSH_TYPE) }
}
