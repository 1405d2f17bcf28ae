//! FUNCTION LOAD.

use commands_macros::command;

use crate::args::Rest;
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::script::call;
use crate::script::functions::library::Heading;
use crate::script::functions::load::{TIMEOUT, TIMEOUT_KNOWN};
use crate::spec::{ArgDoc, ArgType};

/// Adds a library. Its code runs before anything is locked: for as long as half a second.
#[command(
    "LOAD",
    since = "7.0.0",
    complexity = "O(1) (considering compilation time is redundant)",
    flags(NOSCRIPT | WRITE | DENYOOM),
    locks(Walk),
    tips("request_policy:all_shards", "response_policy:all_succeeded"),
    args(ArgDoc::token_only("replace").token("REPLACE").optional(), ArgDoc::new("function-code", ArgType::String))
)]
pub(super) fn load(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    let mut replaces = false;
    while words.len() > 1 {
        if replaces || !words.take_token("REPLACE") {
            let shown = String::from_utf8_lossy(words.word()?).into_owned();
            return Err(Error::text(format!("ERR Unknown option given: {shown}")));
        }
        replaces = true;
    }
    let source = words.word()?;
    let heading = Heading::read(source)?;
    ctx.node.scripts.libraries.refuses(&heading.name, replaces)?;
    // What the log says was loaded in time when it was said.
    let timeout = if ctx.origin == Origin::Log { TIMEOUT_KNOWN } else { TIMEOUT };
    call::with_functions(ctx, |ctx, functions| {
        let loaded = functions.load(ctx.node, source, timeout)?;
        let added = ctx.lock_everything().and_then(|()| {
            let libraries = &ctx.node.scripts.libraries;
            libraries.add(loaded.library.clone(), replaces)
        });
        if let Err(error) = added {
            functions.forget(loaded);
            return Err(error);
        }
        functions.follow(ctx.node);
        functions.adopt(loaded);
        Ok(())
    })?;
    ctx.keys.tally.dirty += 1;
    ctx.out.bulk(heading.name.as_bytes());
    Ok(())
}
