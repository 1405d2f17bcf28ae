//! The libraries that scripts have beside Lua's own.

mod bit;
mod cjson;
mod cmsgpack;
mod structs;

use crate::stack::{Raised, Stack};
use crate::state::Native;

/// Makes all of them globals.
pub(crate) fn open(stack: &mut Stack<'_>) {
    os(stack);
    bit::open(stack);
    cjson::open(stack);
    cmsgpack::open(stack);
    structs::open(stack);
}

/// Makes the table on top a global.
fn set_global(stack: &mut Stack<'_>, name: &str) {
    stack.push_globals();
    stack.insert(-2);
    stack.set_field(-2, name.as_bytes());
    stack.pop(1);
}

/// Puts functions into the table on top.
fn register(stack: &mut Stack<'_>, functions: &[(&str, Native)]) {
    for (name, native) in functions {
        stack.push_native(*native);
        stack.set_field(-2, name.as_bytes());
    }
}

/// Of `os`, only the clock: the rest reaches out of the interpreter.
fn os(stack: &mut Stack<'_>) {
    stack.push_table(0, 1);
    register(stack, &[("clock", clock)]);
    set_global(stack, "os");
}

#[allow(clippy::unnecessary_wraps)]
fn clock(stack: &mut Stack<'_>) -> Result<i32, Raised> {
    stack.push_number(crate::ffi::cpu_seconds());
    Ok(1)
}
