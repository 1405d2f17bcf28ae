//! Strings.

mod get;
mod mset;
mod set;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[&get::GET, &mset::MSET, &set::SET];

/// The event of each write.
pub(crate) const SET_EVENT: keyspace::change::Event = string_event("set");

/// An event of the string class.
pub(crate) const fn string_event(name: &'static str) -> keyspace::change::Event {
    keyspace::change::Event::new(keyspace::change::Classes::STRING, name)
}
