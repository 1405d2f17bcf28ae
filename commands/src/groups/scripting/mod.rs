//! Scripts and functions.

mod eval;
mod function;
mod script;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] =
    &[&eval::EVAL, &eval::EVAL_RO, &eval::EVALSHA, &eval::EVALSHA_RO, &function::FUNCTION, &script::SCRIPT];
