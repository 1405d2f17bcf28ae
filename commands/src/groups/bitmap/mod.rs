//! Bitmaps.

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[];
