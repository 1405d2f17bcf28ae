//! JSON to values.

use super::{Answer, config};
use crate::number::leading;
use crate::stack::{Kind, Raised, Stack};

/// Deeper nesting would need more of the C stack than a thread has, whatever a script asks for.
const DEPTH_MAX: i32 = 1000;

pub(super) fn decode(stack: &mut Stack<'_>) -> Answer {
    if stack.len() != 1 {
        return Err(stack.bad_argument(1, "expected 1 argument"));
    }
    let text = stack.check_text(1)?;
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(stack.raise_here("JSON parser does not support UTF-16 or UTF-32"));
    }
    let config = config(stack);
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        depth_max: config.decode_depth.min(DEPTH_MAX),
        allows_invalid: config.decode_invalid,
        string: Vec::new(),
    };
    let first = parser.next();
    parser.value(stack, first)?;
    let last = parser.next();
    match last.kind {
        What::End => Ok(1),
        _ => Err(unexpected(stack, "the end", last)),
    }
}

#[derive(Clone, Copy)]
enum What {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

#[derive(Clone, Copy)]
struct Token {
    kind: What,
    at: usize,
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    depth: i32,
    depth_max: i32,
    allows_invalid: bool,
    /// The last string token's content.
    string: Vec<u8>,
}

fn unexpected(stack: &mut Stack<'_>, wanted: &str, token: Token) -> Raised {
    let found = match token.kind {
        What::ObjectBegin => "T_OBJ_BEGIN",
        What::ObjectEnd => "T_OBJ_END",
        What::ArrayBegin => "T_ARR_BEGIN",
        What::ArrayEnd => "T_ARR_END",
        What::String => "T_STRING",
        What::Number(_) => "T_NUMBER",
        What::Boolean(_) => "T_BOOLEAN",
        What::Null => "T_NULL",
        What::Colon => "T_COLON",
        What::Comma => "T_COMMA",
        What::End => "T_END",
        What::Error(what) => what,
    };
    stack.raise_here(format!("Expected {wanted} but found {found} at character {}", token.at + 1))
}

impl Parser<'_> {
    fn next(&mut self) -> Token {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let at = self.at;
        let Some(&byte) = self.text.get(at) else { return Token { kind: What::End, at } };
        let single = match byte {
            b'{' => Some(What::ObjectBegin),
            b'}' => Some(What::ObjectEnd),
            b'[' => Some(What::ArrayBegin),
            b']' => Some(What::ArrayEnd),
            b',' => Some(What::Comma),
            b':' => Some(What::Colon),
            _ => None,
        };
        if let Some(kind) = single {
            self.at += 1;
            return Token { kind, at };
        }
        match byte {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' if !self.allows_invalid && self.is_invalid_number() => {
                Token { kind: What::Error("invalid number"), at }
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    /// `+`, hexadecimal, a leading zero, infinity, NaN: what JSON has not.
    fn is_invalid_number(&self) -> bool {
        let text = &self.text[self.at..];
        if text.first() == Some(&b'+') {
            return true;
        }
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let starts_with = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        match text {
            [b'0', next, ..] => next.is_ascii_digit() || next.eq_ignore_ascii_case(&b'x'),
            [first, ..] if *first <= b'9' => false,
            _ => starts_with(b"inf") || starts_with(b"nan"),
        }
    }

    fn number(&mut self) -> Token {
        let at = self.at;
        let (number, len) = leading(&self.text[at..]);
        if len == 0 {
            return Token { kind: What::Error("invalid number"), at };
        }
        self.at += len;
        Token { kind: What::Number(number), at }
    }

    fn word(&mut self) -> Token {
        let at = self.at;
        let words = [(&b"true"[..], What::Boolean(true)), (b"false", What::Boolean(false)), (b"null", What::Null)];
        for (word, kind) in words {
            if self.text[at..].starts_with(word) {
                self.at += word.len();
                return Token { kind, at };
            }
        }
        if self.allows_invalid && self.is_invalid_number() {
            return self.number();
        }
        Token { kind: What::Error("invalid token"), at }
    }

    fn string(&mut self) -> Token {
        let start = self.at;
        let error = |what, at| Token { kind: What::Error(what), at };
        self.string.clear();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                return error("unexpected end of string", self.text.len());
            };
            self.string.extend_from_slice(&rest[..plain]);
            self.at += plain;
            if rest[plain] == b'"' {
                self.at += 1;
                return Token { kind: What::String, at: start };
            }
            let escaped = match rest.get(plain + 1) {
                Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
                Some(b'b') => 0x08,
                Some(b'f') => 0x0C,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'u') => {
                    let Some(used) = self.unicode() else { return error("invalid unicode escape code", self.at) };
                    self.at += used;
                    continue;
                }
                _ => return error("invalid escape code", self.at),
            };
            self.string.push(escaped);
            self.at += 2;
        }
    }

    /// Takes `\u` with four hexadecimal digits, twice where they are a surrogate pair; the bytes used.
    fn unicode(&mut self) -> Option<usize> {
        let unit = |at: usize| -> Option<u32> {
            let escape = self.text.get(at..at + 6)?;
            let digits = escape.strip_prefix(b"\\u")?;
            digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
        };
        let first = unit(self.at)?;
        let (point, used) = match first {
            0xD800..0xDC00 => {
                let second = unit(self.at + 6).filter(|second| (0xDC00..0xE000).contains(second))?;
                (0x1_0000 + ((first & 0x3FF) << 10) + (second & 0x3FF), 12)
            }
            _ => (first, 6),
        };
        self.string.extend_from_slice(char::from_u32(point)?.encode_utf8(&mut [0; 4]).as_bytes());
        Some(used)
    }

    fn descend(&mut self, stack: &mut Stack<'_>) -> Result<(), Raised> {
        self.depth += 1;
        if self.depth > self.depth_max || !stack.reserve(8) {
            let (depth, at) = (self.depth, self.at);
            return Err(stack.raise_here(format!("Found too many nested data structures ({depth}) at character {at}")));
        }
        Ok(())
    }

    fn value(&mut self, stack: &mut Stack<'_>, token: Token) -> Result<(), Raised> {
        match token.kind {
            What::String => stack.push_bytes(&self.string),
            What::Number(number) => stack.push_number(number),
            What::Boolean(value) => stack.push_bool(value),
            What::Null => stack.push_null_pointer(),
            What::ObjectBegin => {
                self.descend(stack)?;
                self.object(stack)?;
                self.depth -= 1;
            }
            What::ArrayBegin => {
                self.descend(stack)?;
                self.array(stack)?;
                self.depth -= 1;
            }
            _ => return Err(unexpected(stack, "value", token)),
        }
        Ok(())
    }

    fn object(&mut self, stack: &mut Stack<'_>) -> Result<(), Raised> {
        stack.push_table(0, 0);
        let mut token = self.next();
        if matches!(token.kind, What::ObjectEnd) {
            return Ok(());
        }
        loop {
            if !matches!(token.kind, What::String) {
                return Err(unexpected(stack, "object key string", token));
            }
            stack.push_bytes(&self.string);
            token = self.next();
            if !matches!(token.kind, What::Colon) {
                return Err(unexpected(stack, "colon", token));
            }
            token = self.next();
            self.value(stack, token)?;
            debug_assert!(stack.kind(-3) == Kind::Table);
            stack.set_entry(-3);
            token = self.next();
            match token.kind {
                What::ObjectEnd => return Ok(()),
                What::Comma => token = self.next(),
                _ => return Err(unexpected(stack, "comma or object end", token)),
            }
        }
    }

    fn array(&mut self, stack: &mut Stack<'_>) -> Result<(), Raised> {
        stack.push_table(0, 0);
        let mut token = self.next();
        if matches!(token.kind, What::ArrayEnd) {
            return Ok(());
        }
        for at in 1.. {
            self.value(stack, token)?;
            stack.set_item(-2, at);
            token = self.next();
            match token.kind {
                What::ArrayEnd => break,
                What::Comma => token = self.next(),
                _ => return Err(unexpected(stack, "comma or array end", token)),
            }
        }
        Ok(())
    }
}
