//! The server itself.

mod dbsize;
mod flush;
mod swapdb;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[&dbsize::DBSIZE, &flush::FLUSHALL, &flush::FLUSHDB, &swapdb::SWAPDB];
