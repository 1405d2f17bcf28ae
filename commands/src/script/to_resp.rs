//! Values of Lua as replies.

use lua::{Kind, Stack};
use resp::{Proto, Writer};

/// Deeper tables end in an error in their innermost place.
const DEPTH_MAX: usize = 1000;

/// Writes the value on top of the stack, and drops it. `proto` is the version that the script chose.
pub(super) fn write(stack: &mut Stack<'_>, out: &mut Writer, proto: Proto) {
    write_at(stack, out, proto, 0);
}

fn write_at(stack: &mut Stack<'_>, out: &mut Writer, proto: Proto, depth: usize) {
    match stack.kind(-1) {
        Kind::String => out.bulk(stack.bytes(-1).unwrap_or_default()),
        Kind::Number => out.int(whole(stack.number(-1).unwrap_or(0.0))),
        Kind::Boolean => match (proto, stack.truth(-1)) {
            (Proto::Resp2, true) => out.int(1),
            (Proto::Resp2, false) => out.null(),
            (Proto::Resp3, value) => out.boolean(value),
        },
        Kind::Table if depth >= DEPTH_MAX || !stack.reserve(8) => out.error("ERR reached lua stack limit"),
        Kind::Table => write_table(stack, out, proto, depth),
        _ => out.null(),
    }
    stack.pop(1);
}

/// Cut to an integer; what does not fit is what x86 makes of it.
fn whole(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

fn write_table(stack: &mut Stack<'_>, out: &mut Writer, proto: Proto, depth: usize) {
    if let Some(text) = text_field(stack, b"err") {
        return out.error_bytes(text);
    }
    if let Some(text) = text_field(stack, b"ok") {
        let text: Vec<u8> = text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect();
        out.raw(b"+");
        out.raw(&text);
        return out.raw(b"\r\n");
    }
    stack.push_field(-1, b"double");
    if let Some(number) = stack.number(-1) {
        stack.pop(1);
        return out.double(number);
    }
    stack.pop(1);
    if push_table_field(stack, b"map") {
        return write_pairs(stack, out, proto, depth, true);
    }
    if push_table_field(stack, b"set") {
        return write_pairs(stack, out, proto, depth, false);
    }
    if let Some(text) = text_field(stack, b"big_number") {
        let text: String = String::from_utf8_lossy(text).replace(['\r', '\n'], " ");
        return out.bignum(&text);
    }
    if push_table_field(stack, b"verbatim_string") {
        let (text, format) = (text_field(stack, b"string"), text_field(stack, b"format"));
        stack.pop(1);
        if let (Some(text), Some(format)) = (text, format) {
            let format: String =
                String::from_utf8_lossy(format).chars().filter(char::is_ascii).chain("   ".chars()).take(3).collect();
            return out.verbatim(&format, text);
        }
    }
    write_items(stack, out, proto, depth);
}

/// A string in a field.
fn text_field<'s>(stack: &mut Stack<'s>, name: &[u8]) -> Option<&'s [u8]> {
    stack.push_field(-1, name);
    let text = stack.bytes(-1);
    stack.pop(1);
    text
}

/// Pushes a field that is a table; else nothing.
fn push_table_field(stack: &mut Stack<'_>, name: &[u8]) -> bool {
    stack.push_field(-1, name);
    let is_table = stack.kind(-1) == Kind::Table;
    if !is_table {
        stack.pop(1);
    }
    is_table
}

/// The keys of the table on top, with their values where it is a map; drops it.
fn write_pairs(stack: &mut Stack<'_>, out: &mut Writer, proto: Proto, depth: usize, is_map: bool) {
    let table = stack.len();
    let header = if is_map { out.map_later() } else { out.set_later() };
    let mut count = 0;
    stack.push_nil();
    while stack.next(table) {
        if !is_map {
            stack.pop(1);
        }
        // The key itself stays below, for the next step.
        stack.push_copy(table + 1);
        write_at(stack, out, proto, depth + 1);
        if is_map {
            write_at(stack, out, proto, depth + 1);
        }
        count += 1;
    }
    out.finish(header, count);
    stack.pop(1);
}

/// The items of the table on top, up to the first that is missing.
fn write_items(stack: &mut Stack<'_>, out: &mut Writer, proto: Proto, depth: usize) {
    let header = out.array_later();
    let mut count = 0;
    loop {
        stack.push_item(-1, count + 1);
        if stack.kind(-1) == Kind::Nil {
            stack.pop(1);
            break;
        }
        write_at(stack, out, proto, depth + 1);
        count += 1;
    }
    out.finish(header, count as usize);
}
