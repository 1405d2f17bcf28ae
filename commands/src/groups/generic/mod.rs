//! Keys of any type.

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[];
