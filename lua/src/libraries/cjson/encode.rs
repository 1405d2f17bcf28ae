//! Values to JSON.

use super::{Answer, Config, Invalid, config};
use crate::number::general;
use crate::stack::{Kind, Raised, Stack};

/// Deeper nesting would need more of the C stack than a thread has, whatever a script asks for.
const DEPTH_MAX: i32 = 1000;

pub(super) fn encode(stack: &mut Stack<'_>) -> Answer {
    if stack.len() != 1 {
        return Err(stack.bad_argument(1, "expected 1 argument"));
    }
    let mut encoder = Encoder { config: config(stack), out: Vec::new() };
    encoder.value(stack, 0)?;
    stack.push_bytes(&encoder.out);
    Ok(1)
}

struct Encoder {
    config: Config,
    out: Vec<u8>,
}

impl Encoder {
    /// Writes the value on top, which stays.
    fn value(&mut self, stack: &mut Stack<'_>, depth: i32) -> Result<(), Raised> {
        match stack.kind(-1) {
            Kind::String => self.string(stack.bytes(-1).unwrap_or_default()),
            Kind::Number => self.number(stack)?,
            Kind::Boolean => self.out.extend_from_slice(if stack.truth(-1) { b"true" } else { b"false" }),
            Kind::Table => return self.table(stack, depth + 1),
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::Pointer if stack.is_null_pointer(-1) => self.out.extend_from_slice(b"null"),
            kind => return Err(unfit(stack, kind, "type not supported")),
        }
        Ok(())
    }

    fn table(&mut self, stack: &mut Stack<'_>, depth: i32) -> Result<(), Raised> {
        if depth > self.config.encode_depth.min(DEPTH_MAX) || !stack.reserve(8) {
            return Err(stack.raise_here(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_len(stack)? {
            Some(len) => self.array(stack, len, depth),
            None => self.object(stack, depth),
        }
    }

    /// The length of a table all of whose keys are places of an array, not too few of which are taken.
    fn array_len(&self, stack: &mut Stack<'_>) -> Result<Option<i32>, Raised> {
        let table = stack.len();
        let (mut max, mut items) = (0.0f64, 0.0f64);
        stack.push_nil();
        while stack.next(table) {
            match stack.number(-2) {
                Some(key) if key >= 1.0 && key.floor() == key => {
                    max = max.max(key);
                    items += 1.0;
                    stack.pop(1);
                }
                _ => {
                    stack.pop(2);
                    return Ok(None);
                }
            }
        }
        let (ratio, safe) = (f64::from(self.config.sparse_ratio), f64::from(self.config.sparse_safe));
        if ratio > 0.0 && max > items * ratio && max > safe {
            if !self.config.sparse_convert {
                return Err(unfit(stack, Kind::Table, "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok((max > 0.0).then_some(max.min(f64::from(i32::MAX)) as i32))
    }

    fn array(&mut self, stack: &mut Stack<'_>, len: i32, depth: i32) -> Result<(), Raised> {
        self.out.push(b'[');
        for at in 1..=len {
            if at > 1 {
                self.out.push(b',');
            }
            stack.push_item(-1, at);
            self.value(stack, depth)?;
            stack.pop(1);
            self.bound(stack)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, stack: &mut Stack<'_>, depth: i32) -> Result<(), Raised> {
        let table = stack.len();
        self.out.push(b'{');
        let mut is_first = true;
        stack.push_nil();
        while stack.next(table) {
            if !std::mem::replace(&mut is_first, false) {
                self.out.push(b',');
            }
            match stack.kind(-2) {
                Kind::Number => {
                    self.out.push(b'"');
                    stack.push_copy(-2);
                    self.number(stack)?;
                    stack.pop(1);
                    self.out.push(b'"');
                }
                Kind::String => self.string(stack.bytes(-2).unwrap_or_default()),
                _ => return Err(unfit(stack, Kind::Table, "table key must be a number or string")),
            }
            self.out.push(b':');
            self.value(stack, depth)?;
            stack.pop(1);
            self.bound(stack)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// A table that is in itself many times grows beyond all bounds.
    fn bound(&self, stack: &mut Stack<'_>) -> Result<(), Raised> {
        const LEN_MAX: usize = 128 << 20;
        if self.out.len() > LEN_MAX { Err(stack.raise_here("not enough memory")) } else { Ok(()) }
    }

    fn number(&mut self, stack: &mut Stack<'_>) -> Result<(), Raised> {
        let number = stack.number(-1).unwrap_or_default();
        if !number.is_finite() {
            match self.config.encode_invalid {
                Invalid::Off => return Err(unfit(stack, Kind::Number, "must not be NaN or Inf")),
                Invalid::Null => self.out.extend_from_slice(b"null"),
                Invalid::On if number.is_nan() => self.out.extend_from_slice(b"nan"),
                Invalid::On => self.out.extend_from_slice(if number > 0.0 { b"inf" } else { b"-inf" }),
            }
            return Ok(());
        }
        general(number, self.config.precision, &mut self.out);
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        let mut plain = 0;
        for (at, &byte) in text.iter().enumerate() {
            if byte >= b' ' && !matches!(byte, b'"' | b'\\' | b'/' | 0x7F) {
                continue;
            }
            self.out.extend_from_slice(&text[plain..at]);
            plain = at + 1;
            match byte {
                b'"' | b'\\' | b'/' => self.out.extend_from_slice(&[b'\\', byte]),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0C => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                _ => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            }
        }
        self.out.extend_from_slice(&text[plain..]);
        self.out.push(b'"');
    }
}

fn unfit(stack: &mut Stack<'_>, kind: Kind, why: &str) -> Raised {
    stack.raise_here(format!("Cannot serialise {}: {why}", kind.name()))
}
