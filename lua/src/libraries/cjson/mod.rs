//! `cjson`: values to JSON and back, with the limits, spellings and errors of lua-cjson 2.1.0.
#![allow(unsafe_code)]

mod decode;
mod encode;

use super::set_global;
use crate::stack::{Kind, Raised, Stack};
use crate::state::Native;

type Answer = Result<i32, Raised>;

/// What to do with NaN and the infinities.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
enum Invalid {
    Off,
    On,
    Null,
}

/// What a script can choose; each `cjson.new()` has its own.
#[derive(Clone, Copy)]
struct Config {
    sparse_convert: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_depth: i32,
    decode_depth: i32,
    encode_invalid: Invalid,
    decode_invalid: bool,
    precision: i32,
    keep_buffer: bool,
}

const DEFAULT: Config = Config {
    sparse_convert: false,
    sparse_ratio: 2,
    sparse_safe: 10,
    encode_depth: 1000,
    decode_depth: 1000,
    encode_invalid: Invalid::Off,
    decode_invalid: true,
    precision: 14,
    keep_buffer: true,
};

/// What the interpreter keeps for us is a `Config`, made in `push`, and dropped without further ado.
const FUNCTIONS: [(&str, Native); 10] = [
    ("encode", encode::encode),
    ("decode", decode::decode),
    ("encode_sparse_array", encode_sparse_array),
    ("encode_max_depth", |stack| depth(stack, |config| &mut config.encode_depth)),
    ("decode_max_depth", |stack| depth(stack, |config| &mut config.decode_depth)),
    ("encode_number_precision", encode_number_precision),
    ("encode_keep_buffer", encode_keep_buffer),
    ("encode_invalid_numbers", encode_invalid_numbers),
    ("decode_invalid_numbers", decode_invalid_numbers),
    ("new", new),
];

pub(super) fn open(stack: &mut Stack<'_>) {
    push(stack);
    set_global(stack, "cjson");
}

fn push(stack: &mut Stack<'_>) {
    stack.push_table(0, 16);
    let place = stack.push_userdata(size_of::<Config>()).cast::<Config>();
    // SAFETY: the interpreter gave so many bytes, aligned for any type, and nobody else knows of them yet.
    unsafe { place.write(DEFAULT) };
    for (name, native) in FUNCTIONS {
        stack.push_copy(-1);
        stack.push_native_with(native);
        stack.set_field(-3, name.as_bytes());
    }
    stack.pop(1);
    stack.push_null_pointer();
    stack.set_field(-2, b"null");
    for (name, text) in [("_NAME", "cjson"), ("_VERSION", "2.1.0")] {
        stack.push_bytes(text.as_bytes());
        stack.set_field(-2, name.as_bytes());
    }
}

/// The settings of the running function's module.
fn config(stack: &Stack<'_>) -> Config {
    let place = stack.userdata(Stack::UPVALUE).cast::<Config>();
    // SAFETY: the value of each of our functions is what `push` made.
    unsafe { *place }
}

fn store(stack: &Stack<'_>, config: Config) {
    let place = stack.userdata(Stack::UPVALUE).cast::<Config>();
    // SAFETY: as above.
    unsafe { *place = config }
}

#[allow(clippy::unnecessary_wraps)]
fn new(stack: &mut Stack<'_>) -> Answer {
    push(stack);
    Ok(1)
}

/// At most so many arguments; missing ones are nil.
fn expect(stack: &mut Stack<'_>, count: i32) -> Result<(), Raised> {
    if stack.len() > count {
        return Err(stack.bad_argument(count + 1, "found too many arguments"));
    }
    stack.set_len(count);
    Ok(())
}

/// Reads an integer setting when there is an argument for it, and pushes what holds now.
fn integer(stack: &mut Stack<'_>, number: i32, place: &mut i32, min: i32, max: i32) -> Result<(), Raised> {
    if !stack.is_absent(number) {
        let value = stack.check_int(number)?;
        if value < i64::from(min) || value > i64::from(max) {
            return Err(stack.bad_argument(1, &format!("expected integer between {min} and {max}")));
        }
        *place = value as i32;
    }
    stack.push_number(f64::from(*place));
    Ok(())
}

/// Reads a switch, true and false or one of some words, when there is an argument for it.
fn choice(stack: &mut Stack<'_>, number: i32, words: &[&str]) -> Result<Option<usize>, Raised> {
    if stack.is_absent(number) {
        return Ok(None);
    }
    if stack.kind(number) == Kind::Boolean {
        return Ok(Some(usize::from(stack.truth(number))));
    }
    let text = stack.check_text(number)?;
    match words.iter().position(|word| word.as_bytes() == text) {
        Some(place) => Ok(Some(place)),
        None => Err(stack.bad_argument(number, &format!("invalid option '{}'", String::from_utf8_lossy(text)))),
    }
}

fn encode_sparse_array(stack: &mut Stack<'_>) -> Answer {
    expect(stack, 3)?;
    let mut config = config(stack);
    if let Some(choice) = choice(stack, 1, &[])? {
        config.sparse_convert = choice == 1;
    }
    stack.push_bool(config.sparse_convert);
    integer(stack, 2, &mut config.sparse_ratio, 0, i32::MAX)?;
    integer(stack, 3, &mut config.sparse_safe, 0, i32::MAX)?;
    store(stack, config);
    Ok(3)
}

fn depth(stack: &mut Stack<'_>, place: fn(&mut Config) -> &mut i32) -> Answer {
    expect(stack, 1)?;
    let mut config = config(stack);
    integer(stack, 1, place(&mut config), 1, i32::MAX)?;
    store(stack, config);
    Ok(1)
}

fn encode_number_precision(stack: &mut Stack<'_>) -> Answer {
    expect(stack, 1)?;
    let mut config = config(stack);
    integer(stack, 1, &mut config.precision, 1, 14)?;
    store(stack, config);
    Ok(1)
}

fn encode_keep_buffer(stack: &mut Stack<'_>) -> Answer {
    expect(stack, 1)?;
    let mut config = config(stack);
    if let Some(choice) = choice(stack, 1, &[])? {
        config.keep_buffer = choice == 1;
    }
    stack.push_bool(config.keep_buffer);
    store(stack, config);
    Ok(1)
}

fn encode_invalid_numbers(stack: &mut Stack<'_>) -> Answer {
    expect(stack, 1)?;
    let mut config = config(stack);
    if let Some(choice) = choice(stack, 1, &["off", "on", "null"])? {
        config.encode_invalid = [Invalid::Off, Invalid::On, Invalid::Null][choice];
    }
    match config.encode_invalid {
        Invalid::Off => stack.push_bool(false),
        Invalid::On => stack.push_bool(true),
        Invalid::Null => stack.push_bytes(b"null"),
    }
    store(stack, config);
    Ok(1)
}

fn decode_invalid_numbers(stack: &mut Stack<'_>) -> Answer {
    expect(stack, 1)?;
    let mut config = config(stack);
    if let Some(choice) = choice(stack, 1, &["off", "on"])? {
        config.decode_invalid = choice == 1;
    }
    stack.push_bool(config.decode_invalid);
    store(stack, config);
    Ok(1)
}
