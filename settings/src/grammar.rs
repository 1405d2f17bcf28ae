//! The lines of redis.conf.
//!
//! A comment is a line whose first visible character is `#`; anywhere else `#` is an ordinary character. Lines may
//! end in CRLF and need not be UTF-8. The words of a directive are split as in inline commands.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1};
use nom::combinator::{eof, map, opt, rest, value, verify};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::kind::Word;

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing, or a comment.
    Nothing,
    Directive {
        /// In lower case.
        name: Word,
        args: Vec<Word>,
    },
    /// A quote is left open, or closed in the middle of a word.
    Unbalanced,
}

/// A line with blanks around it removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) content: Content,
}

/// The lines of a text; a text that ends in a newline has no further, empty line.
pub(crate) fn lines(mut text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    std::iter::from_fn(move || {
        let (after, line) = line(text).ok()?;
        text = after;
        Some(line)
    })
}

fn line(text: &[u8]) -> IResult<&[u8], Line<'_>> {
    let end = |byte| byte == b'\n';
    let empty = terminated(tag(&b""[..]), tag(&b"\n"[..]));
    let full = terminated(take_till1(end), opt(tag(&b"\n"[..])));
    let (after, raw) = alt((full, empty)).parse(text)?;
    let text = raw.trim_ascii();
    let (_, content) = content(text)?;
    Ok((after, Line { text, content }))
}

fn content(text: &[u8]) -> IResult<&[u8], Content> {
    let comment = (alt((tag(&b"#"[..]), tag(&b"\0"[..]))), rest);
    alt((value(Content::Nothing, eof), value(Content::Nothing, comment), map(rest, directive))).parse(text)
}

fn directive(text: &[u8]) -> Content {
    let Some(words) = base::quote::split_args(text) else {
        return Content::Unbalanced;
    };
    let mut words = words.into_iter();
    match words.next() {
        Some(mut name) => {
            name.make_ascii_lowercase();
            Content::Directive { name, args: words.collect() }
        }
        None => Content::Nothing,
    }
}

/// Splits an option of the command line, as it is after its two hyphens, into a name and whatever follows a blank.
pub(crate) fn option_name(option: &[u8]) -> (&[u8], &[u8]) {
    let mut name = verify(take_till(|byte: u8| byte.is_ascii_whitespace()), |name: &[u8]| !name.is_empty());
    let parsed: IResult<&[u8], &[u8]> = name.parse(option);
    match parsed {
        Ok((after, name)) => (name, after.trim_ascii()),
        Err(_) => (b"", option),
    }
}
