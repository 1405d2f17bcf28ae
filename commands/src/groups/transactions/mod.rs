//! Transactions.

mod exec;
mod multi;
mod watch;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[&multi::DISCARD, &exec::EXEC, &multi::MULTI, &watch::UNWATCH, &watch::WATCH];
