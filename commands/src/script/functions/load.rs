//! FUNCTION LOAD: runs a library's code, in which nothing is there but `redis.register_function`, `redis.log` and
//! constants, and hears what it registers.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lua::{Host, Kind, Raised, Reference, Stack};

use super::super::api::{self, raise};
use super::super::machine::Machine;
use super::super::shebang;
use super::library::{Function, Heading, Library, bad_name, checked_name};
use crate::error::{Error, Result};
use crate::node::Node;

/// A library may take so long.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(500);
/// One that was loaded before on this machine, or comes from a file.
pub(crate) const TIMEOUT_KNOWN: Duration = Duration::from_secs(10);

const LATE: &CStr = c"FUNCTION LOAD timeout";

/// A library and the values to call, in the order of its functions.
pub(crate) struct Loaded {
    pub(crate) library: Arc<Library>,
    pub(crate) callbacks: Vec<Reference>,
}

/// Who runs the code.
pub(super) struct Loader<'n> {
    node: &'n Node,
    until: Instant,
    is_late: bool,
    functions: Vec<Function>,
    callbacks: Vec<Reference>,
    /// Kept for what was refused.
    stray: Vec<Reference>,
}

/// Runs a library's code on a machine whose globals are those of a load.
pub(super) fn run(machine: &mut Machine, node: &Node, source: &[u8], timeout: Duration) -> Result<Loaded> {
    let heading = Heading::read(source)?;
    let state = &mut machine.state;
    if state.load(&source[heading.code_at..], c"@user_function").is_err() {
        let text = String::from_utf8_lossy(state.stack().text(-1).unwrap_or(b"out of memory")).into_owned();
        state.stack().set_len(0);
        return Err(Error::text(format!("ERR Error compiling function: {text}")));
    }
    let until = Instant::now() + timeout;
    let (functions, callbacks, stray) = (Vec::new(), Vec::new(), Vec::new());
    let mut loader = Loader { node, until, is_late: false, functions, callbacks, stray };
    let result = state.call(&mut loader, 0, 0).map_err(|Raised| refusal(&mut state.stack(), loader.is_late));
    state.stack().set_len(0);
    let Loader { functions, callbacks, stray, .. } = loader;
    stray.into_iter().for_each(|callback| state.forget(callback));
    let result = match result {
        Ok(()) if functions.is_empty() => Err(Error::Plain("ERR No functions registered")),
        result => result,
    };
    if let Err(error) = result {
        callbacks.into_iter().for_each(|callback| state.forget(callback));
        return Err(error);
    }
    let library = Arc::new(Library { name: heading.name, source: source.into(), functions: functions.into() });
    Ok(Loaded { library, callbacks })
}

fn refusal(stack: &mut Stack<'_>, is_late: bool) -> Error {
    let mut text = b"ERR FUNCTION LOAD timeout".to_vec();
    if !is_late {
        if stack.kind(-1) == Kind::Table {
            stack.push_field(-1, b"err");
        }
        text = stack.text(-1).unwrap_or(b"ERR unknown error").to_vec();
    }
    Error::text(format!("ERR Error registering functions: {}", String::from_utf8_lossy(&text)))
}

impl Host for Loader<'_> {
    fn call(&mut self, function: usize, stack: &mut Stack<'_>) -> std::result::Result<i32, Raised> {
        match function {
            api::REGISTER => self.register(stack).or_else(|text| raise(stack, text)),
            api::LOG => api::log(self.node, stack),
            _ => raise(stack, "redis.call/pcall can only be called inside a script invocation"),
        }
    }

    fn check(&mut self) -> Option<&'static CStr> {
        self.is_late |= Instant::now() > self.until;
        self.is_late.then_some(LATE)
    }
}

/// The arguments of `redis.register_function`.
#[derive(Default)]
struct Arguments {
    name: Option<Vec<u8>>,
    description: Option<Box<[u8]>>,
    flags: u8,
    /// The last one counts.
    callbacks: Vec<Reference>,
}

type Taken<T> = std::result::Result<T, &'static str>;

impl Loader<'_> {
    fn register(&mut self, stack: &mut Stack<'_>) -> Taken<i32> {
        let mut arguments = Arguments::default();
        let read = match stack.len() {
            1 => named(stack, &mut arguments),
            2 => positional(stack, &mut arguments),
            _ => Err("wrong number of arguments to redis.register_function"),
        };
        let result = read.and_then(|()| self.add(&mut arguments));
        self.stray.append(&mut arguments.callbacks);
        result.map(|()| 0)
    }

    fn add(&mut self, arguments: &mut Arguments) -> Taken<()> {
        let name = arguments.name.as_ref().ok_or("redis.register_function must get a function name argument")?;
        if arguments.callbacks.is_empty() {
            return Err("redis.register_function must get a callback argument");
        }
        let name = checked_name(name).ok_or_else(bad_name)?;
        if self.functions.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
            return Err("Function already exists in the library");
        }
        let description = arguments.description.take();
        self.functions.push(Function { name: name.into(), flags: arguments.flags, description });
        self.callbacks.extend(arguments.callbacks.pop());
        Ok(())
    }
}

fn positional(stack: &mut Stack<'_>, arguments: &mut Arguments) -> Taken<()> {
    let name = stack.text(1).ok_or("first argument to redis.register_function must be a string")?;
    if stack.kind(2) != Kind::Function {
        return Err("second argument to redis.register_function must be a function");
    }
    arguments.name = Some(name.to_vec());
    arguments.callbacks.push(stack.keep());
    Ok(())
}

fn named(stack: &mut Stack<'_>, arguments: &mut Arguments) -> Taken<()> {
    if stack.kind(1) != Kind::Table {
        return Err("calling redis.register_function with a single argument is only applicable to Lua table \
                    (representing named arguments).");
    }
    stack.push_nil();
    while stack.next(1) {
        // Keys that are numbers must stay numbers for the next step: a copy is read.
        stack.push_copy(-2);
        let key = stack.text(-1).ok_or("named argument key given to redis.register_function is not a string")?;
        stack.pop(1);
        argument(stack, key, arguments)?;
        stack.pop(1);
    }
    Ok(())
}

/// Takes the value on top, which stays.
fn argument(stack: &mut Stack<'_>, key: &[u8], arguments: &mut Arguments) -> Taken<()> {
    let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
    let value = stack.len();
    if is("function_name") {
        let name = stack.text(value);
        let name = name.ok_or("function_name argument given to redis.register_function must be a string")?;
        arguments.name = Some(name.to_vec());
    } else if is("description") {
        let text = stack.text(value);
        let text = text.ok_or("description argument given to redis.register_function must be a string")?;
        arguments.description = Some(text.into());
    } else if is("callback") {
        if stack.kind(value) != Kind::Function {
            return Err("callback argument given to redis.register_function must be a function");
        }
        stack.push_copy(value);
        arguments.callbacks.push(stack.keep());
    } else if is("flags") {
        if stack.kind(value) != Kind::Table {
            return Err("flags argument to redis.register_function must be a table representing function flags");
        }
        arguments.flags = flags(stack, value)?;
    } else {
        return Err("unknown argument given to redis.register_function");
    }
    Ok(())
}

fn flags(stack: &mut Stack<'_>, table: i32) -> Taken<u8> {
    let mut flags = 0;
    for at in 1.. {
        stack.push_item(table, at);
        let word = stack.text(-1);
        let is_end = stack.kind(-1) == Kind::Nil;
        stack.pop(1);
        if is_end {
            break;
        }
        let word = word.unwrap_or_default().to_ascii_lowercase();
        flags |= shebang::flag_named(&word).ok_or("unknown flag given")?;
    }
    Ok(flags)
}
