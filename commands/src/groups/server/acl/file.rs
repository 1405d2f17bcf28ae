//! ACL LOAD and SAVE.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acl::{FileError, User};
use commands_macros::command;
use settings::LogLevel;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::file::replace;
use crate::node::Node;
use crate::node::access::all_channels;
use crate::reply::Ok as Done;

const NO_FILE: Error = Error::Plain(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
);

/// Reads the users from the ACL file again: all of it, or nothing changes.
#[command(
    "LOAD",
    since = "6.0.0",
    complexity = "O(N). Where N is the number of configured users.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE)
)]
pub(crate) fn load(ctx: &mut Ctx) -> Result<Done> {
    let node = ctx.node;
    let path = path(node).ok_or(NO_FILE)?;
    let text = fs::read(&path).map_err(|error| Error::text(format!("ERR {}", cannot_open(&path, &error))))?;
    let name = path.to_string_lossy();
    let loaded = node.load_user_file(&text, &name);
    let old = loaded.map_err(|FileError(reason)| Error::text(format!("ERR {reason}")))?;
    for user in old {
        match node.acl.users.get(user.name()) {
            Some(new) => node.close_listeners_of(ctx.client, &user, &new),
            None => node.close_clients_of(ctx.client, user.name()),
        }
    }
    Ok(Done)
}

/// Writes the users into the ACL file.
#[command(
    "SAVE",
    since = "6.0.0",
    complexity = "O(N). Where N is the number of configured users.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn save(ctx: &mut Ctx) -> Result<Done> {
    let path = path(ctx.node).ok_or(NO_FILE)?;
    replace(&path, &ctx.node.acl.users.print()).map_err(|error| {
        let text = format!("Saving the ACL file {}: {}", path.display(), base::system::reason(&error));
        ctx.node.host().log(LogLevel::Warning, &text);
        Error::Plain(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    Ok(Done)
}

/// Where `aclfile` is; None: there is none.
pub(crate) fn path(node: &Node) -> Option<PathBuf> {
    let file = node.settings.aclfile();
    (!file.is_empty()).then(|| node.settings.dir().as_path().join(file.as_path()))
}

fn cannot_open(path: &Path, error: &io::Error) -> String {
    format!("Error loading ACLs, opening file '{}': {}", path.display(), base::system::reason(error))
}

impl Node {
    /// Takes over the users of the configuration: its `user` lines, or its ACL file. The error is for the log and
    /// says what, where and why.
    pub fn load_users(&self, lines: &[settings::Directive]) -> std::result::Result<(), String> {
        let Some(path) = path(self) else { return self.load_user_lines(lines) };
        if !lines.is_empty() {
            return Err("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path \
                        is invalid. This setup is very likely to lead to configuration errors and security holes, \
                        please define either an ACL file or declare users directly in your redis.conf, but not both."
                .to_owned());
        }
        let aborting = |reason: String| format!("Aborting Redis startup because of ACL errors: {reason}");
        let text = fs::read(&path).map_err(|error| aborting(cannot_open(&path, &error)))?;
        let loaded = self.load_user_file(&text, &path.to_string_lossy());
        loaded.map(drop).map_err(|FileError(reason)| aborting(reason))
    }

    /// Takes the users of a file's text, with what they own; answers those before.
    fn load_user_file(&self, text: &[u8], name: &str) -> std::result::Result<Vec<Arc<User>>, FileError> {
        let _changing = self.change_owners();
        let mut owners = None;
        let old = self.acl.users.load(text, name, all_channels(&self.settings), |users| {
            owners = Some(self.fit_owners(users)?);
            Ok(())
        })?;
        owners.into_iter().for_each(|owners| self.take_owners(owners));
        Ok(old)
    }

    fn load_user_lines(&self, lines: &[settings::Directive]) -> std::result::Result<(), String> {
        let all_channels = all_channels(&self.settings);
        for line in lines {
            let Some((name, rules)) = line.args.split_first() else { continue };
            let rules = acl::join_selectors(rules.iter().map(Vec::as_slice));
            let refuse = |rule: &[u8], reason: &str| {
                let rule = String::from_utf8_lossy(rule);
                format!("Error in user declaration '{rule}': {reason}")
            };
            let rules = rules.map_err(|open| refuse(&open, "Unmatched parenthesis in selector definition."))?;
            let (others, mut owners) = (self.acl.users.all(), None);
            self.acl
                .users
                .update(name, all_channels, |user, commands| {
                    if name == acl::DEFAULT_USER {
                        user.apply(b"reset", commands, all_channels).map_err(|error| error.to_string())?;
                    }
                    rules.iter().try_for_each(|rule| {
                        user.apply(rule, commands, all_channels).map_err(|error| refuse(rule, &error.to_string()))
                    })?;
                    owners = Some(self.fit_owner(&others, user)?);
                    Ok::<_, String>(())
                })
                .map(drop)?;
            owners.into_iter().for_each(|owners| self.take_owners(owners));
        }
        Ok(())
    }

    /// The `user` lines for CONFIG REWRITE, each from the name on; None when an ACL file keeps the users.
    pub(crate) fn user_lines(&self) -> Option<Vec<Vec<u8>>> {
        if path(self).is_some() {
            return None;
        }
        Some(self.acl.users.all().iter().map(|user| user.describe()).collect())
    }
}
