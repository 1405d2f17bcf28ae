//! The grammar: Redis's globs with named captures. Each corner of a glob is as in `base::glob`: an unterminated class
//! ends with the pattern, and bytes of a class's range compare as signed.

use std::fmt;

use super::bytes::ByteSet;
use super::{Capture, Item, Pattern};

/// The longest pattern, bytes. Comparing two of this length takes some ten milliseconds; keys are rarely longer.
pub const PATTERN_LEN_MAX: usize = 1024;
const NAME_LEN_MAX: usize = 64;

/// What is wrong with a pattern, and at which byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatternError {
    /// Longer than [`PATTERN_LEN_MAX`]; its length.
    TooLong(usize),
    /// `<` without a name and `>` behind it.
    BadCapture(usize),
    /// The same name twice.
    RepeatedCapture(usize, String),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => write!(f, "pattern of {len} bytes: at most {PATTERN_LEN_MAX} are allowed"),
            Self::BadCapture(at) => write!(
                f,
                "'<' at byte {} begins no capture: write <name> with letters, digits, '_' or '-', or \\< for the byte",
                at + 1
            ),
            Self::RepeatedCapture(at, name) => {
                write!(f, "capture <{name}> at byte {} stands twice in the pattern: give it another name", at + 1)
            }
        }
    }
}

impl std::error::Error for PatternError {}

/// One item of the grammar.
#[derive(Clone, Copy)]
pub(crate) enum Token<'a> {
    /// Any number of any bytes.
    Star,
    /// One byte of a set, as it is spelled.
    Class(ByteSet, &'a [u8]),
    /// A capture's name.
    Capture(&'a str),
    /// A byte that stands for itself.
    Literal(u8),
}

/// The items of a text, each with the byte at which it begins, and the first that is none.
pub(crate) fn tokens(text: &[u8]) -> impl Iterator<Item = Result<(usize, Token<'_>), PatternError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at;
        let (token, len) = match text[begin..] {
            [] => return None,
            [b'*', ..] => (Token::Star, 1),
            [b'?', ..] => (Token::Class(ByteSet::ALL, b"?"), 1),
            [b'[', ref class @ ..] => {
                let (set, len) = class_of(class);
                (Token::Class(set, &text[begin..=begin + len]), len + 1)
            }
            [b'<', ref rest @ ..] => match name_of(rest) {
                Some(name) => (Token::Capture(name), name.len() + 2),
                None => {
                    at = text.len();
                    return Some(Err(PatternError::BadCapture(begin)));
                }
            },
            [b'\\', escaped, ..] => (Token::Literal(escaped), 2),
            [byte, ..] => (Token::Literal(byte), 1),
        };
        at = begin + len;
        Some(Ok((begin, token)))
    })
}

pub(super) fn parse(source: &[u8]) -> Result<Pattern, PatternError> {
    if source.len() > PATTERN_LEN_MAX {
        return Err(PatternError::TooLong(source.len()));
    }
    read(source)
}

/// As `parse`, of any length.
pub(super) fn read(source: &[u8]) -> Result<Pattern, PatternError> {
    let (mut text, mut items, mut captures) = (Vec::new(), Vec::new(), Vec::<Capture>::new());
    for token in tokens(source) {
        match token? {
            // Stars in a row are one.
            (_, Token::Star) if items.last() == Some(&Item::Many(ByteSet::ALL)) => {}
            (_, Token::Star) => {
                items.push(Item::Many(ByteSet::ALL));
                text.push(b'*');
            }
            (_, Token::Class(set, spelled)) => {
                items.push(Item::One(set));
                text.extend_from_slice(spelled);
            }
            (at, Token::Capture(name)) => {
                if captures.iter().any(|capture| *capture.name == *name) {
                    return Err(PatternError::RepeatedCapture(at, name.to_owned()));
                }
                captures.push(Capture { name: name.into(), item: items.len() });
                items.extend([Item::One(ByteSet::IN_SEGMENT), Item::Many(ByteSet::IN_SEGMENT)]);
                spell_capture(name, &mut text);
            }
            (_, Token::Literal(byte)) => {
                items.push(Item::One(ByteSet::one(byte)));
                escape_into(&[byte], &mut text);
            }
        }
    }
    Ok(Pattern::of_items(text, items, captures))
}

/// Spells a capture.
pub(crate) fn spell_capture(name: &str, text: &mut Vec<u8>) {
    text.push(b'<');
    text.extend_from_slice(name.as_bytes());
    text.push(b'>');
}

/// Spells bytes so that they stand for themselves.
pub(crate) fn escape_into(bytes: &[u8], text: &mut Vec<u8>) {
    for &byte in bytes {
        if matches!(byte, b'*' | b'?' | b'[' | b'<' | b'\\') {
            text.push(b'\\');
        }
        text.push(byte);
    }
}

fn name_of(text: &[u8]) -> Option<&str> {
    let end = text.iter().position(|&byte| byte == b'>')?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let name = text.get(..end).filter(|name| (1..=NAME_LEN_MAX).contains(&end) && name.iter().all(is_name))?;
    std::str::from_utf8(name).ok()
}

/// The bytes of a class, and its length behind the `[`, the `]` included where there is one.
fn class_of(class: &[u8]) -> (ByteSet, usize) {
    let negated = class.first() == Some(&b'^');
    let mut rest = if negated { &class[1..] } else { class };
    let mut set = ByteSet::EMPTY;
    loop {
        rest = match *rest {
            [b'\\', escaped, ref after @ ..] => {
                set = set.with(escaped);
                after
            }
            [b']', ref after @ ..] => {
                rest = after;
                break;
            }
            [] => break,
            [first, b'-', last, ref after @ ..] => {
                set = with_range(set, first.cast_signed(), last.cast_signed());
                after
            }
            [literal, ref after @ ..] => {
                set = set.with(literal);
                after
            }
        };
    }
    (if negated { set.not() } else { set }, class.len() - rest.len())
}

fn with_range(set: ByteSet, first: i8, last: i8) -> ByteSet {
    (first.min(last)..=first.max(last)).fold(set, |set, byte| set.with(byte.cast_unsigned()))
}
