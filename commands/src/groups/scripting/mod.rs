//! Scripts and functions.

mod eval;
mod fcall;
mod function;
mod script;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &eval::EVAL,
    &eval::EVAL_RO,
    &eval::EVALSHA,
    &eval::EVALSHA_RO,
    &fcall::FCALL,
    &fcall::FCALL_RO,
    &function::FUNCTION,
    &script::SCRIPT,
];
