//! ACL and its subcommands.

mod file;
mod log;
mod token;
mod users;

use acl::category;
use commands_macros::command;

use crate::args::{Many, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::access::{Wanted, reason_text};
use crate::request::OwnedRequest;
use crate::spec::{ArgDoc, ArgType, Command};

pub(crate) static ACL: Command = Command::container(
    "ACL",
    "6.0.0",
    "Holds the commands about users and what they may do.",
    &[
        &CAT,
        &users::DELUSER,
        &DRYRUN,
        &GENPASS,
        &users::GETUSER,
        &HELP,
        &users::LIST,
        &file::LOAD,
        &log::LOG,
        &token::RESTTOKEN,
        &file::SAVE,
        &users::SETUSER,
        &users::USERS,
        &users::WHOAMI,
    ],
);

/// Answers the categories, or the commands of one.
#[command(
    "CAT",
    since = "6.0.0",
    complexity = "O(1) since the categories and commands are a fixed set.",
    flags(NOSCRIPT | LOADING | STALE),
    arity(-2),
    args(ArgDoc::new("category", ArgType::String).optional())
)]
pub(crate) fn cat(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    match words.len() {
        0 => {
            ctx.out.array(category::NAMES.len());
            category::NAMES.iter().for_each(|(_, name)| ctx.out.bulk(name.as_bytes()));
        }
        1 => {
            let name = words.word()?;
            let is_it = |(_, text): &&(u32, &str)| text.as_bytes().eq_ignore_ascii_case(name);
            let unknown = || Error::text(format!("ERR Unknown category '{}'", String::from_utf8_lossy(name)));
            let (bit, _) = category::NAMES.iter().find(is_it).ok_or_else(unknown)?;
            let commands = ctx.node.acl.users.commands();
            let members: Vec<_> = commands.of_category(*bit).filter_map(|index| commands.get(index)).collect();
            ctx.out.array(members.len());
            members.iter().for_each(|member| ctx.out.bulk(member.name.as_bytes()));
        }
        _ => return Err(wrong_arguments("CAT")),
    }
    Ok(())
}

/// The error of a container whose subcommand has too many words.
fn wrong_arguments(subcommand: &str) -> Error {
    Error::text(format!("ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try ACL HELP."))
}

/// Tells whether a user could run a command, without running it.
#[command(
    "DRYRUN",
    since = "7.0.0",
    complexity = "O(1).",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    args(
        ArgDoc::new("username", ArgType::String),
        ArgDoc::new("command", ArgType::String),
        ArgDoc::new("arg", ArgType::String).optional().multiple()
    )
)]
pub(crate) fn dryrun(ctx: &mut Ctx, username: &[u8], words: Many<&[u8]>) -> Result<()> {
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let user = ctx.node.acl.users.get(username);
    let user = user.ok_or_else(|| Error::text(format!("ERR User '{}' not found", shown(username))))?;
    let words: Vec<&[u8]> = words.words().iter().collect();
    let row = ctx.node.table.resolve(words[0], words.get(1).copied());
    let row = row.ok_or_else(|| Error::text(format!("ERR Command '{}' not found", shown(words[0]))))?;
    if !row.takes(words.len()) {
        return Err(Error::text(format!("ERR wrong number of arguments for '{}' command", row.name)));
    }
    let request = OwnedRequest::new(row, &words);
    match user.check(&Wanted(&request.request())) {
        Ok(()) => match ctx.node.owners_refuse(&user, &request.request()) {
            Some(line) => ctx.out.bulk(line.as_bytes()),
            None => ctx.out.ok(),
        },
        Err(denied) => ctx.out.bulk(reason_text(&user, &request.request(), denied, true).as_bytes()),
    }
    Ok(())
}

/// Makes up a password.
#[command("GENPASS", since = "6.0.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn genpass(ctx: &mut Ctx, bits: Option<i64>) -> Result<()> {
    const BITS_MAX: i64 = 4096;
    let bits = bits.unwrap_or(256);
    if !(1..=BITS_MAX).contains(&bits) {
        return Err(Error::Plain(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ));
    }
    let digits = (bits as usize).div_ceil(4);
    let mut random = base::id::Rng::from_os().map_err(|_| Error::Plain("ERR the system gave no random bytes"))?;
    let mut password = String::with_capacity(digits + 16);
    while password.len() < digits {
        use std::fmt::Write;
        let _ = write!(password, "{:016x}", random.next_u64());
    }
    ctx.out.bulk(&password.as_bytes()[..digits]);
    Ok(())
}

/// Answers the subcommands with a line about each.
#[command("HELP", since = "6.0.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "ACL",
        &[
            "CAT [<category>]",
            "    List all categories, or all commands of one <category>.",
            "DELUSER <username> [<username> ...]",
            "    Delete users and close their connections.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Tell whether the user could run the command, without running it.",
            "GETUSER <username>",
            "    Return the rules of a user.",
            "GENPASS [<bits>]",
            "    Make up a password of 256 bits, or of as many as `bits` says.",
            "LIST",
            "    Return all users as lines of an ACL file.",
            "LOAD",
            "    Read the users from the ACL file again.",
            "LOG [<count> | RESET]",
            "    Show what was refused, or forget it.",
            "RESTTOKEN <username> <password>",
            "    Return the token with which requests of HTTP are the user's.",
            "SAVE",
            "    Write the users into the ACL file.",
            "SETUSER <username> <attribute> [<attribute> ...]",
            "    Create a user, or change one.",
            "USERS",
            "    Return the names of all users.",
            "WHOAMI",
            "    Return the name of this connection's user.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests;
