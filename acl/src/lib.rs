//! Users, rules, categories, key and channel patterns: who may do what. Pure: no clock, no I/O, no command's name.

pub mod category;
mod commands;
mod file;
mod log;
mod password;
mod rule;
mod selector;
pub mod token;
mod user;
mod users;

pub use commands::{CommandFacts, Commands};
pub use file::FileError;
pub use log::{Context, Entry, Log, Reason};
pub use password::Hash;
pub use rule::{Access, RuleError, has_blanks, join_selectors};
pub use selector::{Denied, Request, Selector};
pub use user::{DEFAULT_USER, User};
pub use users::Users;
