//! Connections.

mod ping;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[&ping::PING];
