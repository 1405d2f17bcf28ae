//! Ids as clients write them.

use keyspace::stream::Id;

use crate::args::{Arg, Args};
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

pub(super) const INVALID: Error = Error::Plain("ERR Invalid stream ID specified as stream command argument");
/// Longer words are no ids, whatever zeros they begin with.
const WORD_LEN_MAX: usize = 127;

/// Digits, with zeros, blanks and a plus before them, as C reads them.
fn parse_number(word: &[u8]) -> Option<u64> {
    let word = word.trim_ascii_start();
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// An id of which the part after the dash may be left open (`5-*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Partial {
    Whole(Id),
    Ms(u64),
}

/// `ms-seq`, `ms-*` or `ms`, which has `seq` then.
pub(super) fn parse_partial(word: &[u8], seq: u64) -> Option<Partial> {
    if word.len() > WORD_LEN_MAX {
        return None;
    }
    let Some(dash) = word.iter().position(|byte| *byte == b'-') else {
        return parse_number(word).map(|ms| Partial::Whole(Id { ms, seq }));
    };
    let ms = parse_number(&word[..dash])?;
    match &word[dash + 1..] {
        b"*" => Some(Partial::Ms(ms)),
        number => parse_number(number).map(|seq| Partial::Whole(Id { ms, seq })),
    }
}

/// `ms-seq`, or `ms`, which has `seq` then.
pub(super) fn parse(word: &[u8], seq: u64) -> Option<Id> {
    match parse_partial(word, seq)? {
        Partial::Whole(id) => Some(id),
        Partial::Ms(_) => None,
    }
}

/// As `parse`, or `-` for the first and `+` for the last id there is.
pub(super) fn parse_open(word: &[u8], seq: u64) -> Option<Id> {
    match word {
        b"-" => Some(Id::ZERO),
        b"+" => Some(Id::MAX),
        word => parse(word, seq),
    }
}

/// Where a range begins: an id, or behind one.
pub(super) fn parse_start(word: &[u8]) -> Result<Id> {
    match word {
        [b'(', word @ ..] if !word.is_empty() => {
            let id = parse(word, 0).ok_or(INVALID)?;
            id.next().ok_or(Error::Plain("ERR invalid start ID for the interval"))
        }
        word => parse_open(word, 0).ok_or(INVALID),
    }
}

/// Where a range ends: at an id, or before one.
pub(super) fn parse_end(word: &[u8]) -> Result<Id> {
    match word {
        [b'(', word @ ..] if !word.is_empty() => {
            let id = parse(word, u64::MAX).ok_or(INVALID)?;
            id.previous().ok_or(Error::Plain("ERR invalid end ID for the interval"))
        }
        word => parse_open(word, u64::MAX).ok_or(INVALID),
    }
}

/// An id, written out.
#[derive(Clone, Copy)]
pub(super) struct IdArg(pub(super) Id);

impl<'a> Arg<'a> for IdArg {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::String);

    #[inline]
    fn take(args: &mut Args<'a>) -> Result<Self> {
        parse(args.word()?, 0).map(Self).ok_or(INVALID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_ids_or_not() {
        let id = |ms, seq| Some(Id { ms, seq });
        assert_eq!(parse(b"5", 7), id(5, 7));
        assert_eq!(parse(b"5-1", 7), id(5, 1));
        assert_eq!(parse(b"05- +01", 7), id(5, 1));
        assert_eq!(parse(b"18446744073709551615-18446744073709551615", 0), Some(Id::MAX));
        for word in [&b""[..], b"-", b"+", b"*", b"5-", b"-5", b"5-*", b"5--1", b"18446744073709551616", b"5-1 ", b"x"]
        {
            assert_eq!(parse(word, 0), None, "{}", String::from_utf8_lossy(word));
        }
        assert_eq!(parse(&[b'0'; 128], 0), None);
        assert_eq!(parse_partial(b"5-*", 0), Some(Partial::Ms(5)));
        assert_eq!(parse_open(b"+", 0), Some(Id::MAX));
        assert_eq!(parse_start(b"(5"), Ok(Id { ms: 5, seq: 1 }));
        assert_eq!(parse_end(b"(5"), Ok(Id { ms: 5, seq: u64::MAX - 1 }));
        assert!(parse_start(b"(").is_err() && parse_start(b"(-").is_err());
    }
}
