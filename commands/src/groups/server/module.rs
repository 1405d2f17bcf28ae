//! MODULE and its subcommands.

use commands_macros::command;

use super::is_local;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType, Command};

pub(crate) static MODULE: Command = Command::container(
    "MODULE",
    "4.0.0",
    "Holds the commands about modules.",
    &[&HELP, &LIST, &LOAD, &LOADEX, &UNLOAD],
);

/// Answers the subcommands with a line about each.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "MODULE",
        &[
            "LIST",
            "    Return the modules in use.",
            "LOAD <path> [<arg> ...]",
            "    Load a library as a module, with arguments.",
            "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
            "    Load a library as a module, with its settings and arguments.",
            "UNLOAD <name>",
            "    Unload a module.",
        ],
    );
    Ok(())
}

/// Answers the modules in use.
#[command(
    "LIST",
    since = "4.0.0",
    complexity = "O(N) where N is the number of loaded modules.",
    flags(ADMIN | NOSCRIPT),
    tips("nondeterministic_output_order")
)]
pub(crate) fn list(ctx: &mut Ctx) -> Result<()> {
    let modules = ctx.node.table.modules();
    ctx.out.array(modules.len());
    for module in modules {
        ctx.out.map(4);
        ctx.out.bulk(b"name");
        ctx.out.bulk(module.name.as_bytes());
        ctx.out.bulk(b"ver");
        ctx.out.int(module.version);
        ctx.out.bulk(b"path");
        ctx.out.bulk(b"");
        ctx.out.bulk(b"args");
        ctx.out.array(0);
    }
    Ok(())
}

const PATH: ArgDoc = ArgDoc::new("path", ArgType::String);
const CONFIGS: ArgDoc =
    ArgDoc::block("configs", &[ArgDoc::new("name", ArgType::String), ArgDoc::new("value", ArgType::String)])
        .token("CONFIG")
        .optional()
        .multiple_token();

/// Loads a library as a module; libraries made for Redis do not fit this server, so it refuses.
#[command(
    "LOAD",
    since = "4.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    args(PATH, ArgDoc::new("arg", ArgType::String).optional().multiple())
)]
pub(crate) fn load(ctx: &mut Ctx, words: Rest) -> Result<()> {
    refuse(ctx, words, "loading")
}

/// Loads a library as a module with settings; refused as MODULE LOAD is.
#[command(
    "LOADEX",
    since = "7.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    args(PATH, CONFIGS, ArgDoc::new("args", ArgType::String).token("ARGS").optional().multiple())
)]
pub(crate) fn loadex(ctx: &mut Ctx, words: Rest) -> Result<()> {
    refuse(ctx, words, "loading")
}

/// Unloads a module.
#[command("UNLOAD", since = "4.0.0", complexity = "O(1)", flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING))]
pub(crate) fn unload(ctx: &mut Ctx, name: &[u8]) -> Result<()> {
    allowed(ctx)?;
    if ctx.node.table.modules().iter().any(|module| name.eq_ignore_ascii_case(module.name.as_bytes())) {
        return Err(Error::Plain("ERR Error unloading module: the module is built into the server"));
    }
    Err(Error::Plain("ERR Error unloading module: no such module with that name"))
}

fn allowed(ctx: &Ctx) -> Result<()> {
    if ctx.node.settings.enable_module_command().allows(is_local(ctx)) {
        return Ok(());
    }
    Err(Error::Plain(
        "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it \
         from a local connection, otherwise you need to set this option in the configuration file, and then restart \
         the server.",
    ))
}

fn refuse(ctx: &Ctx, words: Rest, verb: &str) -> Result<()> {
    allowed(ctx)?;
    let path = words.0.peek().unwrap_or_default();
    let (modules, shown) = (ctx.node.table.modules(), String::from_utf8_lossy(path));
    let reason = match modules.iter().find(|module| module.is_file(path)) {
        Some(module) => {
            format!("Module {} is built into the server and in use already: {shown} was not loaded", module.name)
        }
        None => crate::module::cannot_load(&shown, modules),
    };
    ctx.node.host().log(settings::LogLevel::Warning, &reason);
    Err(Error::text(format!("ERR Error {verb} the extension. Please check the server logs.")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_are_none() {
        crate::testing::check(
            "> MODULE LIST\n(empty array)\n> MODULE what\n(error) ERR unknown subcommand 'what'. Try MODULE HELP.",
        );
    }
}
