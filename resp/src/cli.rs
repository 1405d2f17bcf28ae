//! Replies as redis-cli prints them on a terminal.

use std::fmt::Write as _;

use crate::reply::Reply;

/// The reply as text, without the last line break.
pub(crate) fn format(reply: &Reply) -> String {
    let mut out = String::new();
    print(&mut out, reply, 0);
    out.pop();
    out
}

/// Appends the reply and a line break; `indent` blanks precede every line but the first.
fn print(out: &mut String, reply: &Reply, indent: usize) {
    match reply {
        Reply::Array(elements) => return print_elements(out, elements, ')', "array", indent),
        Reply::Set(elements) => return print_elements(out, elements, '~', "set", indent),
        Reply::Push(elements) => return print_elements(out, elements, ')', "push", indent),
        Reply::Map(pairs) => return print_pairs(out, pairs, '#', indent),
        Reply::Attributed(attributes, reply) => {
            print_pairs(out, attributes, '|', indent);
            push_blanks(out, indent);
            return print(out, reply, indent);
        }
        Reply::Simple(text) | Reply::BigNumber(text) | Reply::Verbatim(_, text) => {
            push_bytes(out, text);
        }
        Reply::Error(text) => {
            out.push_str("(error) ");
            push_bytes(out, text);
        }
        Reply::Int(value) => {
            let _ = write!(out, "(integer) {value}");
        }
        Reply::Bulk(value) => out.push_str(&base::quote::quote(value)),
        Reply::Null | Reply::NullBulk | Reply::NullArray => out.push_str("(nil)"),
        Reply::Double(text) => {
            out.push_str("(double) ");
            push_bytes(out, text);
        }
        Reply::Bool(value) => {
            let _ = write!(out, "({value})");
        }
        Reply::Malformed(bytes) => {
            out.push_str("(malformed) ");
            out.push_str(&base::quote::quote(bytes));
        }
    }
    out.push('\n');
}

fn print_elements(out: &mut String, elements: &[Reply], mark: char, name: &str, indent: usize) {
    if elements.is_empty() {
        let _ = writeln!(out, "(empty {name})");
        return;
    }
    let width = base::number::digits(elements.len() as i64);
    for (index, element) in elements.iter().enumerate() {
        push_index(out, index, width, mark, indent);
        print(out, element, indent + width + 2);
    }
}

fn print_pairs(out: &mut String, pairs: &[(Reply, Reply)], mark: char, indent: usize) {
    if pairs.is_empty() {
        out.push_str("(empty hash)\n");
        return;
    }
    let width = base::number::digits(pairs.len() as i64);
    let inner = indent + width + 2;
    for (index, (key, value)) in pairs.iter().enumerate() {
        push_index(out, index, width, mark, indent);
        print(out, key, inner);
        out.pop();
        out.push_str(" => ");
        if is_printed_below(value) {
            out.push('\n');
            push_blanks(out, inner);
        }
        print(out, value, inner);
    }
}

/// Whether a value begins on the line after its key.
fn is_printed_below(value: &Reply) -> bool {
    match value {
        Reply::Array(elements) | Reply::Set(elements) | Reply::Push(elements) => !elements.is_empty(),
        Reply::Map(pairs) => !pairs.is_empty(),
        _ => false,
    }
}

fn push_index(out: &mut String, index: usize, width: usize, mark: char, indent: usize) {
    if index > 0 {
        push_blanks(out, indent);
    }
    let _ = write!(out, "{:>width$}{mark} ", index + 1);
}

fn push_blanks(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// Bytes that need not be text: a terminal shows them as they are, a `String` cannot hold them all.
fn push_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str(&String::from_utf8_lossy(bytes));
}
