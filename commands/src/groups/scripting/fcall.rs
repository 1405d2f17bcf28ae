//! FCALL and its twin that never writes.

use commands_macros::command;

use super::eval::{ARGS, KEYS, NUMKEYS};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::request::Request;
use crate::script::call::{self, Call};
use crate::script::shebang::{self, may};
use crate::spec::{ArgDoc, ArgType};

const FUNCTION: ArgDoc = ArgDoc::new("function", ArgType::String);
const BAD_NUMBER: Error = Error::Plain("ERR Bad number of keys provided");

/// Calls a function.
#[command(
    "FCALL",
    since = "7.0.0",
    complexity = "Depends on the function that is executed.",
    flags(NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS | MAY_REPLICATE),
    flags_of(flags_of),
    keys(KeySpec::counted(2, RW | ACCESS | UPDATE).notes("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")),
    locks(Script),
    args(FUNCTION, NUMKEYS, KEYS, ARGS)
)]
pub(crate) fn fcall(ctx: &mut Ctx, words: Rest) -> Result<()> {
    run(ctx, words, false)
}

/// Calls a function that changes nothing.
#[command(
    "FCALL_RO",
    since = "7.0.0",
    complexity = "Depends on the function that is executed.",
    flags(NOSCRIPT | READONLY | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS),
    flags_of(flags_of),
    keys(KeySpec::counted(2, RO | ACCESS).notes("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")),
    locks(Script),
    args(FUNCTION, NUMKEYS, KEYS, ARGS)
)]
pub(crate) fn fcall_ro(ctx: &mut Ctx, words: Rest) -> Result<()> {
    run(ctx, words, true)
}

/// What a function says of itself.
fn flags_of(node: &Node, request: &Request<'_>) -> u32 {
    let name = request.word(1).unwrap_or_default().to_ascii_lowercase();
    let found = node.scripts.libraries.find(&name);
    shebang::flags_of(request.row.command.flags, found.map_or(may::UNDECLARED, |found| found.function().flags))
}

fn run(ctx: &mut Ctx, words: Rest, is_readonly: bool) -> Result<()> {
    let mut words = words.0;
    let name = words.word()?;
    call::with_functions(ctx, |ctx, functions| {
        let function = functions.find(ctx.node, name)?;
        let call = Call::new(words, is_readonly, BAD_NUMBER)?;
        call::run_function(ctx, function, &call)
    })
}
