//! What handlers return, and how it is written; aggregates that need no tree are written straight to `ctx.out`.

use keyspace::packed::{Element, IntText};
use keyspace::string::Text;
use resp::Writer;

/// Anything that a handler may return.
pub trait Reply {
    /// Writes it in the client's protocol.
    fn write(self, out: &mut Writer);
}

/// `+OK`
#[derive(Debug)]
pub struct Ok;

/// The handler wrote its reply itself.
impl Reply for () {
    fn write(self, _: &mut Writer) {}
}

impl Reply for Ok {
    fn write(self, out: &mut Writer) {
        out.ok();
    }
}

impl Reply for i64 {
    #[inline]
    fn write(self, out: &mut Writer) {
        out.int(self);
    }
}

impl Reply for usize {
    #[inline]
    fn write(self, out: &mut Writer) {
        out.int(self as i64);
    }
}

/// 1 or 0: the booleans of commands that are older than RESP3.
impl Reply for bool {
    #[inline]
    fn write(self, out: &mut Writer) {
        out.int(i64::from(self));
    }
}

impl Reply for f64 {
    fn write(self, out: &mut Writer) {
        out.double(self);
    }
}

impl Reply for Vec<u8> {
    fn write(self, out: &mut Writer) {
        out.bulk(&self);
    }
}

impl Reply for String {
    fn write(self, out: &mut Writer) {
        out.bulk(self.as_bytes());
    }
}

impl<T: Reply> Reply for Option<T> {
    #[inline]
    fn write(self, out: &mut Writer) {
        match self {
            Some(reply) => reply.write(out),
            None => out.null(),
        }
    }
}

/// A simple string.
#[derive(Debug)]
pub struct Simple(pub &'static str);

impl Reply for Simple {
    fn write(self, out: &mut Writer) {
        out.simple(self.0);
    }
}

/// Writes a stored string as a bulk; a large one is sent from where it is.
#[inline]
pub fn text(out: &mut Writer, text: Text<'_>) {
    match text {
        Text::Bytes(bytes) => out.bulk(bytes),
        Text::Int(number) => out.bulk_int(number),
        Text::Shared(shared) => out.bulk_shared(bytes::Bytes::from_owner(SharedText(shared))),
    }
}

/// Writes a part of a stored string as a bulk.
pub fn text_range(out: &mut Writer, text: Text<'_>, range: std::ops::Range<usize>) {
    match text {
        Text::Bytes(bytes) => out.bulk(&bytes[range]),
        Text::Int(number) => out.bulk(&IntText::default().spell(number)[range]),
        Text::Shared(shared) => out.bulk_shared(bytes::Bytes::from_owner(SharedText(shared)).slice(range)),
    }
}

/// Writes an element of a collection as a bulk.
#[inline]
pub fn element(out: &mut Writer, element: Element<'_>) {
    match element {
        Element::Bytes(bytes) => out.bulk(bytes),
        Element::Int(number) => out.bulk_int(number),
    }
}

struct SharedText(std::sync::Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedText {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What a container's HELP answers: `lines` about its subcommands, between the usual first and last ones.
pub fn help(out: &mut Writer, container: &str, lines: &[&str]) {
    out.array(lines.len() + 3);
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        out.simple(line);
    }
    out.simple("HELP");
    out.simple("    Print this help.");
}
