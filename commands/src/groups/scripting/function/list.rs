//! FUNCTION LIST.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::script::functions::library::{ENGINE, Library};
use crate::script::shebang::may;
use crate::spec::{ArgDoc, ArgType};

/// Tells the libraries and their functions.
#[command(
    "LIST",
    since = "7.0.0",
    complexity = "O(N) where N is the number of functions",
    flags(NOSCRIPT),
    tips("nondeterministic_output_order"),
    args(
        ArgDoc::new("library-name-pattern", ArgType::String).token("LIBRARYNAME").optional(),
        ArgDoc::token_only("withcode").token("WITHCODE").optional()
    )
)]
pub(super) fn list(ctx: &mut Ctx, options: Rest) -> Result<()> {
    let mut words = options.0;
    let (mut pattern, mut with_code) = (None, false);
    while let Some(word) = words.peek() {
        if !with_code && words.take_token("WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && words.take_token("LIBRARYNAME") {
            let given = words.word();
            pattern = Some(given.map_err(|_| Error::Plain("ERR library name argument was not given"))?);
        } else {
            return Err(Error::text(format!("ERR Unknown argument {}", String::from_utf8_lossy(word))));
        }
    }
    // Names are matched in any case, as Redis matches them.
    let is_meant =
        |library: &Library| pattern.is_none_or(|pattern| base::glob::matches(pattern, library.name.as_bytes(), true));
    let libraries = ctx.node.scripts.libraries.all();
    let meant: Vec<_> = libraries.iter().filter(|library| is_meant(library)).collect();
    ctx.out.array(meant.len());
    for library in meant {
        tell(ctx, library, with_code);
    }
    Ok(())
}

fn tell(ctx: &mut Ctx, library: &Library, with_code: bool) {
    let out = &mut *ctx.out;
    out.map(3 + usize::from(with_code));
    out.bulk(b"library_name");
    out.bulk(library.name.as_bytes());
    out.bulk(b"engine");
    out.bulk(ENGINE.as_bytes());
    out.bulk(b"functions");
    out.array(library.functions.len());
    for function in &library.functions {
        out.map(3);
        out.bulk(b"name");
        out.bulk(function.name.as_bytes());
        out.bulk(b"description");
        match &function.description {
            Some(text) => out.bulk(text),
            None => out.null(),
        }
        out.bulk(b"flags");
        let flags = may::NAMES.iter().filter(|(flag, _)| function.flags & flag != 0);
        out.set(flags.clone().count());
        flags.for_each(|(_, name)| out.simple(name));
    }
    if with_code {
        out.bulk(b"library_code");
        out.bulk(&library.source);
    }
}
