//! OWNERSHIP: looking at the graph and changing it.

mod change;
mod check;
mod dead;
mod file;
mod leases;
mod show;

use commands_macros::command;
use ownership::Pattern;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::Command;

pub(crate) static OWNERSHIP: Command = Command::container(
    "OWNERSHIP",
    "1.0.0",
    "Holds the commands about which keys belong together.",
    &[
        &check::CHECK,
        &dead::DEAD,
        &change::DEFINE,
        &show::GRAPH,
        &HELP,
        &leases::LEASE,
        &leases::LEASES,
        &change::LINK,
        &file::LOAD,
        &show::PLAN,
        &file::RESTORE,
        &leases::REVOKE,
        &file::SAVE,
        &dead::STATS,
        &dead::SWEEP,
        &change::UNDEFINE,
        &change::UNLINK,
        &show::WHO,
    ],
);

/// Answers the subcommands with a line about each.
#[command("HELP", since = "1.0.0", complexity = "O(1)", flags(LOADING | STALE | MODULE), categories(OWNERSHIP))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "OWNERSHIP",
        &[
            "CHECK <user> <READ|WRITE|OWN|BORROW> <key>",
            "    Return whether a user may do something with a key, and why not.",
            "DEAD [COUNT <count>]",
            "    Return keys whose sources are gone, patterns that nothing has read, and keys under no pattern.",
            "DEFINE <pattern> [LAYER <client|edge|server>] [TTL <time>] [MAX-TTL <time>] [MAX-BYTES <size>] [TYPE <type>] [STALE <time>]",
            "    Say what holds for the keys of a pattern.",
            "GRAPH [TEXT|JSON|DOT]",
            "    Return all rules, as a manifest, as JSON or for Graphviz.",
            "LEASE <token> [<OWN|BORROW> <user> <name> <unix-time-milliseconds> <pattern> [<pattern> ...]]",
            "    Put a lease back that a log or a snapshot tells of, or say that it is over.",
            "LEASES",
            "    Return the leases that hold, and whose they are.",
            "LINK <pattern> <OWNS|DERIVES|INVALIDATES|BORROWS> <pattern>",
            "    Say that keys belong together: what goes when others change.",
            "LOAD",
            "    Take the rules of the file that 'ownershipfile' names: all of them, or none.",
            "PLAN <key>",
            "    Return what would go with a key, and by which edges.",
            "RESTORE <manifest>",
            "    Take the rules of a manifest's text.",
            "REVOKE <token>",
            "    End a lease, whosever it is.",
            "SAVE",
            "    Write the rules into the file that 'ownershipfile' names.",
            "STATS",
            "    Return what happened under each pattern since the start.",
            "SWEEP",
            "    Remove the keys whose sources are gone, in the background.",
            "UNDEFINE <pattern>",
            "    Forget what was said of a pattern.",
            "UNLINK <pattern> <OWNS|DERIVES|INVALIDATES|BORROWS> <pattern>",
            "    Forget that keys belong together.",
            "WHO <key>",
            "    Return the patterns that a key matches, what it derives from and what goes with it.",
        ],
    );
    Ok(())
}

/// Reads a pattern.
pub(crate) fn pattern(word: &[u8]) -> Result<Pattern> {
    Pattern::parse(word).map_err(|error| Error::text(format!("ERR {error}")))
}
