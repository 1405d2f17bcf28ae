//! The ACL file: a `user` line for each user. All of it holds or none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::commands::Commands;
use crate::rule::{has_blanks, join_selectors};
use crate::user::{DEFAULT_USER, User};

/// What is wrong with a file, all lines of it in one text as Redis reports them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError(pub String);

pub(crate) type UserMap = BTreeMap<Box<[u8]>, Arc<User>>;

/// Reads a file's text; `name` is for errors. A default user that the file does not name may do everything.
pub(crate) fn parse(text: &[u8], name: &str, commands: &Commands, all_channels: bool) -> Result<UserMap, FileError> {
    let (mut users, mut errors) = (UserMap::new(), String::new());
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if let Err(reason) = parse_line(line, &mut users, commands, all_channels) {
            let at = index + 1;
            let _ = match reason {
                LineError::NotAUser => {
                    write!(errors, "{name}:{at} should start with user keyword followed by the username. ")
                }
                LineError::BadName(user) => {
                    write!(errors, "'{name}:{at}: username '{user}' contains invalid characters. ")
                }
                LineError::Duplicate(user) => write!(errors, "WARNING: Duplicate user '{user}' found on line {at}. "),
                LineError::Unmatched => write!(errors, "{name}:{at}: Unmatched parenthesis in selector definition."),
                LineError::Rule(reason) => write!(errors, "{name}:{at}: {reason}. "),
            };
        }
    }
    if !errors.is_empty() {
        errors.push_str("WARNING: ACL errors detected, no change to the previously active ACL rules was performed");
        return Err(FileError(errors));
    }
    users.entry(DEFAULT_USER.into()).or_insert_with(|| Arc::new(User::new_default(commands)));
    Ok(users)
}

enum LineError {
    NotAUser,
    BadName(String),
    Duplicate(String),
    Unmatched,
    Rule(String),
}

fn parse_line(line: &[u8], users: &mut UserMap, commands: &Commands, all_channels: bool) -> Result<(), LineError> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(b"user"), Some(name)) = (words.next(), words.next()) else { return Err(LineError::NotAUser) };
    let shown = || String::from_utf8_lossy(name).into_owned();
    if has_blanks(name) {
        return Err(LineError::BadName(shown()));
    }
    if users.contains_key(name) {
        return Err(LineError::Duplicate(shown()));
    }
    let rules = join_selectors(words).map_err(|_| LineError::Unmatched)?;
    let mut user = User::new(name, commands, all_channels);
    for rule in rules {
        let applied = user.apply(rule.trim_ascii(), commands, all_channels);
        applied.map_err(|reason| LineError::Rule(reason.to_string()))?;
    }
    users.insert(name.into(), Arc::new(user));
    Ok(())
}

/// The text of a file with these users.
pub(crate) fn print<'a>(users: impl Iterator<Item = &'a User>) -> Vec<u8> {
    users.fold(Vec::new(), |mut text, user| {
        text.extend_from_slice(b"user ");
        text.extend_from_slice(&user.describe());
        text.push(b'\n');
        text
    })
}
