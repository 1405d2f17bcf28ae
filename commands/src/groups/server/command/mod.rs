//! COMMAND and its subcommands: what the table says about itself.

mod docs;
mod info;
mod keys;
mod list;

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::Command;
use crate::table::Row;

pub(crate) use self::keys::{GETKEYS, GETKEYSANDFLAGS};
pub(crate) use docs::DOCS;
pub(crate) use info::INFO;
pub(crate) use list::LIST;

/// Answers all commands with their facts.
#[command(
    "COMMAND",
    since = "2.8.13",
    complexity = "O(N) where N is the total number of Redis commands",
    flags(LOADING | STALE),
    arity(-1),
    categories(CONNECTION),
    tips("nondeterministic_output_order"),
    subcommands(&COUNT, &DOCS, &GETKEYS, &GETKEYSANDFLAGS, &HELP, &INFO, &LIST),
    args()
)]
pub(crate) fn command(ctx: &mut Ctx, words: Rest) -> Result<()> {
    if !words.0.is_empty() {
        return Err(Error::text(crate::guards::unknown_subcommand(&ctx.request)));
    }
    info::write_all(ctx);
    Ok(())
}

/// Answers the number of commands.
#[command("COUNT", since = "2.8.13", complexity = "O(1)", flags(LOADING | STALE), categories(CONNECTION))]
pub(crate) fn count(ctx: &mut Ctx) -> Result<usize> {
    Ok(ctx.node.table.rows().len())
}

/// Answers the subcommands with a line about each.
#[command("HELP", since = "5.0.0", complexity = "O(1)", flags(LOADING | STALE), categories(CONNECTION))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "COMMAND",
        &[
            "(no subcommand)",
            "    Return all commands with their facts.",
            "COUNT",
            "    Return the number of commands.",
            "LIST [FILTERBY <MODULE name | ACLCAT category | PATTERN pattern>]",
            "    Return the names of all commands, or of those that the filter lets pass.",
            "INFO [<command-name> ...]",
            "    Return some commands with their facts, or all.",
            "DOCS [<command-name> ...]",
            "    Return the documentation of some commands, or of all.",
            "GETKEYS <full-command>",
            "    Return the keys of a whole command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys of a whole command, and what it does with each.",
        ],
    );
    Ok(())
}

/// The row of a name such as `get` or `config|set`.
pub(super) fn row_named(ctx: &Ctx, name: &[u8]) -> Option<&'static Row> {
    let mut words = name.splitn(2, |byte| *byte == b'|');
    let (first, second) = (words.next()?, words.next());
    let row = ctx.node.table.find(first)?;
    let Some(second) = second else { return Some(row) };
    row.subcommands.iter().copied().find(|sub| sub.command.name.as_bytes().eq_ignore_ascii_case(second))
}

pub(crate) const ROW: &Command = &COMMAND;
