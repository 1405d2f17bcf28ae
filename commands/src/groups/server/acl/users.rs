//! ACL SETUSER, GETUSER, DELUSER, LIST, USERS and WHOAMI.

use acl::{DEFAULT_USER, Selector, has_blanks, join_selectors};
use commands_macros::command;

use crate::args::{Many, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::access::all_channels;
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};

/// Creates a user, or changes one: all rules hold, or none does.
#[command(
    "SETUSER",
    since = "6.0.0",
    complexity = "O(N). Where N is the number of rules provided.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | SENSITIVE),
    tips("request_policy:all_nodes", "response_policy:all_succeeded"),
    args(ArgDoc::new("username", ArgType::String), ArgDoc::new("rule", ArgType::String).optional().multiple())
)]
pub(crate) fn setuser(ctx: &mut Ctx, username: &[u8], rules: Rest) -> Result<Done> {
    if has_blanks(username) {
        return Err(Error::Plain("ERR Usernames can't contain spaces or null characters"));
    }
    let rules = join_selectors(rules.0.iter()).map_err(|open| {
        let open = String::from_utf8_lossy(&open);
        Error::text(format!("ERR Unmatched parenthesis in acl selector starting at '{open}'."))
    })?;
    let (node, all_channels) = (ctx.node, all_channels(&ctx.node.settings));
    let changing = node.change_owners();
    let (others, mut owners) = (node.acl.users.all(), None);
    let (old, new) = node.acl.users.update(username, all_channels, |user, commands| {
        rules.iter().try_for_each(|rule| {
            user.apply(rule, commands, all_channels).map_err(|error| {
                let rule = String::from_utf8_lossy(rule);
                Error::text(format!("ERR Error in ACL SETUSER modifier '{rule}': {error}"))
            })
        })?;
        owners = Some(node.fit_owner(&others, user).map_err(|reason| Error::text(format!("ERR {reason}")))?);
        Ok::<_, Error>(())
    })?;
    owners.into_iter().for_each(|owners| node.take_owners(owners));
    drop(changing);
    if let Some(old) = old {
        ctx.node.close_listeners_of(ctx.client, &old, &new);
    }
    Ok(Done)
}

/// Answers the rules of a user.
#[command(
    "GETUSER",
    since = "6.0.0",
    complexity = "O(N). Where N is the number of password, command and pattern rules that the user has.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE)
)]
pub(crate) fn getuser(ctx: &mut Ctx, username: &[u8]) -> Result<()> {
    let Some(user) = ctx.node.acl.users.get(username) else {
        ctx.out.null();
        return Ok(());
    };
    let out = &mut *ctx.out;
    out.map(6);
    out.bulk(b"flags");
    out.set(user.flags().count());
    user.flags().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"passwords");
    out.array(user.passwords().len());
    user.passwords().iter().for_each(|hash| out.bulk(hash.to_hex().as_bytes()));
    write_rules(out, user.root());
    out.bulk(b"selectors");
    out.array(user.selectors().len());
    for selector in user.selectors() {
        out.map(3);
        write_rules(out, selector);
    }
    Ok(())
}

/// Three pairs of a map.
fn write_rules(out: &mut resp::Writer, selector: &Selector) {
    out.bulk(b"commands");
    out.bulk(selector.commands().as_bytes());
    out.bulk(b"keys");
    out.bulk(&selector.keys());
    out.bulk(b"channels");
    out.bulk(&selector.channels());
}

/// Deletes users and closes their connections.
#[command(
    "DELUSER",
    since = "6.0.0",
    complexity = "O(1) amortized time considering the typical user.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | SENSITIVE),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn deluser(ctx: &mut Ctx, username: Many<&[u8]>) -> Result<i64> {
    if username.words().iter().any(|name| name == DEFAULT_USER) {
        return Err(Error::Plain("ERR The 'default' user cannot be removed"));
    }
    let mut deleted = 0;
    for name in username.words().iter() {
        if ctx.node.acl.users.remove(name).is_some() {
            ctx.node.close_clients_of(ctx.client, name);
            deleted += 1;
        }
    }
    ctx.node.forget_owners();
    Ok(deleted)
}

/// Answers all users as lines of an ACL file.
#[command(
    "LIST",
    since = "6.0.0",
    complexity = "O(N). Where N is the number of configured users.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE)
)]
pub(crate) fn list(ctx: &mut Ctx) -> Result<()> {
    let users = ctx.node.acl.users.all();
    ctx.out.array(users.len());
    for user in users {
        ctx.out.bulk(&[b"user ", &*user.describe()].concat());
    }
    Ok(())
}

/// Answers the names of all users.
#[command(
    "USERS",
    since = "6.0.0",
    complexity = "O(N). Where N is the number of configured users.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE)
)]
pub(crate) fn users(ctx: &mut Ctx) -> Result<()> {
    let users = ctx.node.acl.users.all();
    ctx.out.array(users.len());
    users.iter().for_each(|user| ctx.out.bulk(user.name()));
    Ok(())
}

/// Answers the name of the connection's user.
#[command("WHOAMI", since = "6.0.0", complexity = "O(1)", flags(NOSCRIPT | LOADING | STALE))]
pub(crate) fn whoami(ctx: &mut Ctx) -> Result<()> {
    ctx.out.bulk(ctx.client.user.name());
    Ok(())
}
