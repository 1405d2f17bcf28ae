//! The functions of the table `redis`.

use lua::{Kind, Raised, Reference, Stack, State};
use resp::Proto;
use settings::LogLevel;
use sha1::{Digest, Sha1};

use super::cache::hex;
use super::runner::Runner;
use super::to_lua;
use crate::node::Node;
use crate::node::access::Wanted;
use crate::request::Request;

type Answer = Result<i32, Raised>;
type Function = fn(&mut Runner<'_, '_>, &mut Stack<'_>) -> Answer;

/// By their numbers in the interpreter.
const FUNCTIONS: &[(&str, Function)] = &[
    ("call", |runner, stack| runner.command(stack, true)),
    ("pcall", |runner, stack| runner.command(stack, false)),
    ("log", |runner, stack| log(runner.ctx.node, stack)),
    ("setresp", set_resp),
    ("sha1hex", sha1hex),
    ("error_reply", error_reply),
    ("status_reply", status_reply),
    ("set_repl", set_repl),
    ("replicate_commands", replicate_commands),
    ("breakpoint", breakpoint),
    ("debug", debug),
    ("acl_check_cmd", acl_check_cmd),
    ("register_function", |_, stack| {
        raise(stack, "redis.register_function can only be called on FUNCTION LOAD command")
    }),
];
/// Where `redis.log` stands.
pub(crate) const LOG: usize = 2;
/// Where `redis.register_function` stands, which is there while a library is loaded.
pub(crate) const REGISTER: usize = FUNCTIONS.len() - 1;
/// Those that functions of libraries do not have.
const ONLY_EVAL: &[&str] = &["replicate_commands", "breakpoint", "debug"];

const LEVELS: [(&str, LogLevel); 4] = [
    ("LOG_DEBUG", LogLevel::Debug),
    ("LOG_VERBOSE", LogLevel::Verbose),
    ("LOG_NOTICE", LogLevel::Notice),
    ("LOG_WARNING", LogLevel::Warning),
];
const REPLICATION: [(&str, f64); 5] =
    [("REPL_NONE", 0.0), ("REPL_AOF", 1.0), ("REPL_SLAVE", 2.0), ("REPL_REPLICA", 2.0), ("REPL_ALL", 3.0)];

/// Runs function `number` for a script.
pub(super) fn call(runner: &mut Runner<'_, '_>, number: usize, stack: &mut Stack<'_>) -> Answer {
    match FUNCTIONS.get(number) {
        Some((_, function)) => function(runner, stack),
        None => Err(stack.raise("ERR no such function")),
    }
}

/// Gives an interpreter its table `redis`, and closes it against scripts.
pub(crate) fn open(state: &mut State, node: &Node, for_functions: bool) {
    let mut stack = state.stack();
    stack.push_globals();
    stack.push_table(0, 32);
    for (number, (name, _)) in FUNCTIONS.iter().enumerate().take(REGISTER) {
        if !for_functions || !ONLY_EVAL.contains(name) {
            stack.push_host_function(number);
            stack.set_field(-2, name.as_bytes());
        }
    }
    set_constants(&mut stack, node);
    for (name, number) in REPLICATION {
        set_number(&mut stack, name, number);
    }
    set_names(&mut stack);
    if !for_functions {
        stack.push_native(describe_error);
        stack.set_field(-2, b"__redis__err__handler");
    }
    refuse_missing(&mut stack);
    stack.pop(1);
    stack.protect();
    stack.push_native(describe_error);
    state.set_handler();
}

/// The globals of libraries: an empty table, behind which stands what there is for functions, or, while a library is
/// loaded, the little that there is then.
pub(crate) struct FunctionGlobals {
    /// The metatable of the empty table.
    gate: Reference,
    running: Reference,
    loading: Reference,
}

/// As `open`, for functions.
pub(crate) fn open_for_functions(state: &mut State, node: &Node) -> FunctionGlobals {
    open(state, node, true);
    let mut stack = state.stack();
    stack.push_table(0, 1);
    stack.push_table(0, 8);
    for number in [LOG, REGISTER] {
        stack.push_host_function(number);
        stack.set_field(-2, FUNCTIONS[number].0.as_bytes());
    }
    set_constants(&mut stack, node);
    refuse_missing(&mut stack);
    stack.set_readonly(-1, true);
    set_names(&mut stack);
    refuse_missing(&mut stack);
    stack.set_readonly(-1, true);
    let loading = stack.keep();
    stack.push_globals();
    let running = stack.keep();
    stack.push_table(0, 0);
    stack.push_table(0, 1);
    stack.push_copy(-1);
    let gate = stack.keep();
    stack.set_metatable(-2);
    stack.set_readonly(-1, true);
    stack.set_globals();
    let globals = FunctionGlobals { gate, running, loading };
    globals.expose(state, false);
    globals
}

impl FunctionGlobals {
    /// Puts what there is for a load, or for functions, behind the globals.
    pub(crate) fn expose(&self, state: &mut State, for_load: bool) {
        state.push_kept(&self.gate);
        state.stack().set_readonly(-1, false);
        state.push_kept(if for_load { &self.loading } else { &self.running });
        let mut stack = state.stack();
        stack.set_field(-2, b"__index");
        stack.set_readonly(-1, true);
        stack.pop(1);
    }
}

/// Puts the table on top into the one below it, under Redis's name and Valkey's.
fn set_names(stack: &mut Stack<'_>) {
    stack.push_copy(-1);
    stack.set_field(-3, b"server");
    stack.set_field(-2, b"redis");
}

/// Log levels and the version, into the table on top.
fn set_constants(stack: &mut Stack<'_>, node: &Node) {
    for (level, (name, _)) in LEVELS.iter().enumerate() {
        set_number(stack, name, level as f64);
    }
    let version = node.settings.redis_version_reported().to_string_lossy().into_owned();
    stack.push_bytes(version.as_bytes());
    stack.set_field(-2, b"REDIS_VERSION");
    set_number(stack, "REDIS_VERSION_NUM", version_number(&version));
}

/// What the table on top does not have is an error, no nil.
fn refuse_missing(stack: &mut Stack<'_>) {
    stack.push_table(0, 1);
    stack.push_native(missing_global);
    stack.set_field(-2, b"__index");
    stack.set_readonly(-1, true);
    stack.set_metatable(-2);
}

fn set_number(stack: &mut Stack<'_>, name: &str, number: f64) {
    stack.push_number(number);
    stack.set_field(-2, name.as_bytes());
}

/// 8.0.6 is 0x080006.
fn version_number(version: &str) -> f64 {
    let parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    f64::from(parts.take(3).fold(0, |number, part| number << 8 | part))
}

/// A typing error is no nil.
fn missing_global(stack: &mut Stack<'_>) -> Answer {
    let name = stack.text(2).unwrap_or_default();
    let mut text = b"Script attempted to access nonexistent global variable '".to_vec();
    text.extend_from_slice(name);
    text.push(b'\'');
    Err(stack.raise_here(text))
}

/// Makes a table of an error that nothing in the script caught, with the place where it was raised.
#[allow(clippy::unnecessary_wraps)]
fn describe_error(stack: &mut Stack<'_>) -> Answer {
    let place = stack.place(1).filter(|place| !place.is_native).or_else(|| stack.place(2));
    stack.set_len(1);
    stack.push_table(0, 4);
    if stack.kind(1) == Kind::Table {
        for name in [&b"err"[..], to_lua::COUNTED] {
            stack.push_field(1, name);
            stack.set_field(-2, name);
        }
    } else {
        let kind = stack.kind(1);
        let mut text = b"ERR ".to_vec();
        match kind {
            Kind::Boolean => text.extend_from_slice(if stack.truth(1) { b"true" } else { b"false" }),
            _ => text.extend_from_slice(stack.text(1).unwrap_or(kind.name().as_bytes())),
        }
        stack.push_bytes(&text);
        stack.set_field(-2, b"err");
    }
    if let Some(place) = place {
        stack.push_bytes(&place.source);
        stack.set_field(-2, b"source");
        stack.push_number(f64::from(place.line));
        stack.set_field(-2, b"line");
    }
    Ok(1)
}

/// Raises an error of ours: without a place in its text.
pub(super) fn raise(stack: &mut Stack<'_>, text: &str) -> Answer {
    to_lua::push_error(stack, format!("ERR {text}").as_bytes(), false);
    Err(Raised)
}

/// redis.log
pub(super) fn log(node: &Node, stack: &mut Stack<'_>) -> Answer {
    if stack.len() < 2 {
        return raise(stack, "redis.log() requires two arguments or more.");
    }
    let Some(level) = stack.to_number(1) else {
        return raise(stack, "First argument must be a number (log level).");
    };
    let Some((_, level)) = (level >= 0.0).then(|| LEVELS.get(level as usize)).flatten() else {
        return raise(stack, "Invalid log level.");
    };
    let words: Vec<_> = (2..=stack.len()).filter_map(|index| stack.text(index)).map(String::from_utf8_lossy).collect();
    node.host().log(*level, &words.join(" "));
    Ok(0)
}

fn set_resp(runner: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    if stack.len() != 1 {
        return raise(stack, "redis.setresp() requires one argument.");
    }
    runner.proto = match stack.to_number(1).map_or(0, |number| number as i64) {
        2 => Proto::Resp2,
        3 => Proto::Resp3,
        _ => return raise(stack, "RESP version must be 2 or 3."),
    };
    Ok(0)
}

fn sha1hex(_: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    if stack.len() != 1 {
        return raise(stack, "wrong number of arguments");
    }
    stack.push_bytes(&hex(&Sha1::digest(stack.text(1).unwrap_or_default())));
    Ok(1)
}

/// Only one string will do.
fn one_string<'s>(stack: &mut Stack<'s>) -> Option<&'s [u8]> {
    let text = if stack.len() == 1 { stack.bytes(1) } else { None };
    if text.is_none() {
        to_lua::push_error(stack, b"ERR wrong number or type of arguments", false);
    }
    text
}

fn error_reply(_: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    if let Some(text) = one_string(stack) {
        let text = text.strip_prefix(b"-").unwrap_or(text).trim_ascii_end();
        // A single word is no code.
        let line = if text.contains(&b' ') { text.to_vec() } else { [b"ERR ", text].concat() };
        to_lua::push_error(stack, &line, false);
    }
    Ok(1)
}

fn status_reply(_: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    if let Some(text) = one_string(stack) {
        stack.push_table(0, 1);
        stack.push_bytes(text);
        stack.set_field(-2, b"ok");
    }
    Ok(1)
}

fn set_repl(runner: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    if stack.len() != 1 {
        return raise(stack, "redis.set_repl() requires one argument.");
    }
    match stack.to_number(1).map_or(0, |number| number as i64) {
        flags @ 0..=3 => runner.set_replication(flags as u8),
        _ => {
            return raise(stack, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
        }
    }
    Ok(0)
}

/// What is written to the log are a script's effects anyway.
#[allow(clippy::unnecessary_wraps)]
fn replicate_commands(_: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    stack.push_bool(true);
    Ok(1)
}

/// There is no debugger at the other end.
#[allow(clippy::unnecessary_wraps)]
fn breakpoint(_: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    stack.push_bool(false);
    Ok(1)
}

#[allow(clippy::unnecessary_wraps)]
fn debug(_: &mut Runner<'_, '_>, _: &mut Stack<'_>) -> Answer {
    Ok(0)
}

fn acl_check_cmd(runner: &mut Runner<'_, '_>, stack: &mut Stack<'_>) -> Answer {
    let (node, user) = (runner.ctx.node, runner.ctx.client.user.clone());
    let (words, spans) = match runner.request_words(stack) {
        Ok(request) => request,
        Err(line) => return raise(stack, line.trim_start_matches("ERR ")),
    };
    let word = |at: usize| spans.get(at).map(|span| span.of(words));
    let row = node.table.resolve(word(0).unwrap_or_default(), word(1)).filter(|row| row.command.run.is_some());
    let Some(row) = row else { return raise(stack, "Invalid command passed to redis.acl_check_cmd()") };
    let is_allowed = user.check(&Wanted(&Request { row, buffer: words, spans, hashes: &[] })).is_ok();
    stack.push_bool(is_allowed);
    Ok(1)
}
