//! Calling a script or a function with keys and arguments, and answering what it returns.

use lua::{Kind, Stack};
use smallvec::SmallVec;

use super::functions::vm::{Callable, Functions};
use super::interpreter::{Compiled, Interpreter};
use super::machine::Machine;
use super::runner::{Program, Runner, Stop, killed};
use super::shebang::may;
use super::{to_lua, to_resp};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::execute;

/// Longer tables than this cannot be.
const WORDS_MAX: usize = 1 << 24;

/// What a script is called with.
pub(crate) struct Call<'a> {
    keys: Args<'a>,
    args: Args<'a>,
    is_readonly: bool,
}

impl<'a> Call<'a> {
    /// Reads the number of keys, the keys and the arguments.
    pub(crate) fn new(mut words: Args<'a>, is_readonly: bool, no_number: Error) -> Result<Self> {
        let count = base::number::parse_i64(words.word()?).ok_or(no_number)?;
        if words.len() > WORDS_MAX {
            return Err(Error::Plain("ERR too many keys and arguments for a script"));
        }
        if count > words.len() as i64 {
            return Err(Error::Plain("ERR Number of keys can't be greater than number of args"));
        }
        let count = usize::try_from(count).map_err(|_| Error::Plain("ERR Number of keys can't be negative"))?;
        Ok(Self { keys: words.take_first(count)?, args: words, is_readonly })
    }
}

/// Takes the core's interpreter for scripts out for as long as one runs.
pub(crate) fn with_scripts(
    ctx: &mut Ctx<'_>,
    run: impl FnOnce(&mut Ctx<'_>, &mut Interpreter) -> Result<()>,
) -> Result<()> {
    let place = &ctx.core.interpreters.scripts;
    let mut interpreter = place.take().unwrap_or_else(|| Box::new(Interpreter::new(ctx.node, seed(ctx))));
    interpreter.follow(ctx.node);
    let result = run(ctx, &mut interpreter);
    interpreter.machine.settle();
    ctx.core.stats.script_bytes.set(interpreter.machine.bytes() as u64);
    place.replace(Some(interpreter));
    result
}

/// As `with_scripts`, for functions.
pub(crate) fn with_functions<T>(
    ctx: &mut Ctx<'_>,
    run: impl FnOnce(&mut Ctx<'_>, &mut Functions) -> Result<T>,
) -> Result<T> {
    let place = &ctx.core.interpreters.functions;
    let mut functions = place.take().unwrap_or_else(|| Box::new(Functions::new(ctx.node, seed(ctx))));
    functions.follow(ctx.node);
    let result = run(ctx, &mut functions);
    functions.machine.settle();
    ctx.core.stats.function_bytes.set(functions.machine.bytes() as u64);
    place.replace(Some(functions));
    result
}

/// Where an interpreter's random numbers begin.
fn seed(ctx: &Ctx<'_>) -> i32 {
    ctx.random_below(1 << 31) as i32
}

/// Runs a compiled script.
pub(crate) fn run_script(ctx: &mut Ctx<'_>, script: (&Compiled, &mut Machine), call: &Call<'_>) -> Result<()> {
    let (Compiled { script, function }, machine) = script;
    let program =
        Program { name: &script.sha, is_function: false, flags: script.flags, is_readonly_call: call.is_readonly };
    run(ctx, machine, &program, |machine| {
        machine.state.push_kept(function);
        let mut stack = machine.state.stack();
        for (name, words) in [(&b"KEYS"[..], &call.keys), (b"ARGV", &call.args)] {
            push_list(&mut stack, words);
            stack.set_global(name);
        }
        0
    })
}

/// Runs a function of a library.
pub(crate) fn run_function(ctx: &mut Ctx<'_>, function: (&Callable, &mut Machine), call: &Call<'_>) -> Result<()> {
    let (Callable { found, callback }, machine) = function;
    let function = found.function();
    let program = Program {
        name: function.name.as_bytes(),
        is_function: true,
        flags: function.flags,
        is_readonly_call: call.is_readonly,
    };
    run(ctx, machine, &program, |machine| {
        machine.state.push_kept(callback);
        let mut stack = machine.state.stack();
        push_list(&mut stack, &call.keys);
        push_list(&mut stack, &call.args);
        2
    })
}

fn push_list(stack: &mut Stack<'_>, words: &Args<'_>) {
    let (buffer, spans) = words.parts();
    let places: SmallVec<[[u32; 2]; 16]> = spans.iter().map(|span| [span.start, span.len]).collect();
    stack.push_list(buffer, &places);
}

/// Whether memory is full, after all evicting.
fn is_full(ctx: &Ctx<'_>) -> bool {
    let limit = ctx.node.settings.maxmemory();
    limit > 0 && ctx.node.memory_in_use() > limit
}

/// What must hold before a script with a first line may begin.
fn admit(program: &Program<'_>, is_full: bool) -> Result<()> {
    if program.flags & may::UNDECLARED != 0 || program.flags & may::NO_WRITES != 0 {
        return Ok(());
    }
    if program.is_readonly_call {
        return Err(Error::Plain("ERR Can not execute a script with write flag using *_ro command."));
    }
    if is_full && program.flags & may::ALLOW_OOM == 0 { Err(Error::OutOfMemory) } else { Ok(()) }
}

/// Runs what `push` puts on the stack with so many arguments, and answers its result.
fn run(
    ctx: &mut Ctx<'_>,
    machine: &mut Machine,
    program: &Program<'_>,
    push: impl Fn(&mut Machine) -> i32,
) -> Result<()> {
    let is_full = is_full(ctx);
    admit(program, is_full)?;
    let db = ctx.client.db;
    loop {
        machine.state.reset();
        let args = push(machine);
        let Machine { state, scratch, .. } = &mut *machine;
        let mut runner = Runner::new(ctx, program, scratch, is_full);
        let result = state.call(&mut runner, args, 1);
        let proto = runner.proto;
        let stop = runner.end();
        if ctx.client.db != db {
            ctx.client.select(db);
            ctx.keys.select(db);
        }
        match stop {
            Some(Stop::Again) => {
                state.stack().set_len(0);
                ctx.keys.relock_all().map_err(|_| ctx.node.scripts.jobs.busy_error())?;
            }
            Some(Stop::Fetch) => {
                state.stack().set_len(0);
                return Err(Error::Fetch);
            }
            Some(Stop::Busy) => return Err(ctx.node.scripts.jobs.busy_error()),
            _ => {
                let mut stack = state.stack();
                match result {
                    Ok(()) => answer(ctx, &mut stack, proto),
                    Err(lua::Raised) => fail(ctx, &mut stack, program, stop),
                }
                return Ok(());
            }
        }
    }
}

/// Answers the value on top.
fn answer(ctx: &mut Ctx<'_>, stack: &mut Stack<'_>, proto: resp::Proto) {
    if stack.kind(-1) == Kind::Table {
        stack.push_field(-1, b"err");
        let line = stack.bytes(-1);
        stack.pop(1);
        if let Some(line) = line {
            count(ctx, stack, line);
        }
    }
    to_resp::write(stack, ctx.out, proto);
}

/// Counts the error that is on top, unless the command that brought it was counted.
fn count(ctx: &mut Ctx<'_>, stack: &mut Stack<'_>, line: &[u8]) {
    stack.push_field(-1, to_lua::COUNTED);
    let is_counted = stack.truth(-1);
    stack.pop(1);
    if !is_counted {
        execute::count_error(ctx.node, ctx.core.stats, &String::from_utf8_lossy(line));
    }
    ctx.core.stats.by_command[ctx.request.row.index].failed.add(1);
}

/// Answers the error on top.
fn fail(ctx: &mut Ctx<'_>, stack: &mut Stack<'_>, program: &Program<'_>, stop: Option<Stop>) {
    let mut line = Vec::new();
    let top = stack.len();
    if stack.kind(top) == Kind::Table {
        stack.push_field(top, b"err");
        line.extend_from_slice(stack.bytes(-1).unwrap_or(b"ERR unknown error"));
        stack.set_len(top);
        count(ctx, stack, &line);
        line.extend_from_slice(b" script: ");
        line.extend_from_slice(program.name);
        stack.push_field(top, b"source");
        stack.push_field(top, b"line");
        if let (Some(source), Some(at)) = (stack.text(-2), stack.text(-1)) {
            line.extend_from_slice(b", on ");
            line.extend_from_slice(source);
            line.push(b':');
            line.extend_from_slice(at);
        }
    } else {
        line.extend_from_slice(b"ERR ");
        // A kill within pcall leaves no error but that the error could not be handled.
        let killed = (stop == Some(Stop::Killed)).then(|| [killed(program).to_bytes(), b"."].concat());
        line.extend_from_slice(killed.as_deref().or(stack.text(top)).unwrap_or(b"unknown error"));
        execute::count_error(ctx.node, ctx.core.stats, "ERR");
        line.extend_from_slice(b" script: ");
        line.extend_from_slice(program.name);
    }
    line.push(b'.');
    ctx.out.error_bytes(&line);
}
