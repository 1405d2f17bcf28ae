//! CLIENT.

mod filter;
mod help;
mod info;
mod kill;
mod lease;
mod modes;
pub(super) mod name;
mod pause;
mod reply;
mod tracking;
mod unblock;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::spec::Command;

/// See the module's head.
pub(super) static CLIENT: Command = Command::container(
    "CLIENT",
    "2.4.0",
    "Holds the commands about connections.",
    &[
        &tracking::CACHING,
        &name::GETNAME,
        &tracking::GETREDIR,
        &help::HELP,
        &info::ID,
        &info::INFO,
        &kill::KILL,
        &lease::LAYER,
        &lease::LEASE,
        &info::LIST,
        &modes::MAINT_NOTIFICATIONS,
        &modes::NO_EVICT,
        &modes::NO_TOUCH,
        &pause::PAUSE,
        &reply::REPLY,
        &name::SETINFO,
        &name::SETNAME,
        &tracking::TRACKING,
        &tracking::TRACKINGINFO,
        &unblock::UNBLOCK,
        &pause::UNPAUSE,
    ],
);

/// Too many words for a subcommand whose count depends on them.
fn wrong_words(ctx: &Ctx) -> Error {
    let shown = String::from_utf8_lossy(ctx.request.word(1).unwrap_or_default()).into_owned();
    Error::text(format!("ERR unknown subcommand or wrong number of arguments for '{shown}'. Try CLIENT HELP."))
}
