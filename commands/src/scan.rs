//! What SCAN, HSCAN, SSCAN and ZSCAN have in common: the cursor, the options and the shape of the reply.

use base::number::{parse_i64, parse_u64};
use commands_macros::Args;
use resp::Writer;

use crate::args::{Arg, Args};
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// Where a scan goes on; 0 begins one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cursor(pub(crate) u64);

impl<'a> Arg<'a> for Cursor {
    const DOC: ArgDoc = ArgDoc::new("cursor", ArgType::Integer);

    /// As lenient as Redis, which refuses numbers below 0, and reads what is none in its own spelling with the C
    /// library: blanks and a sign before the digits pass then, and less than 0 counts from the end.
    fn take(args: &mut Args<'a>) -> Result<Self> {
        let text = args.word()?;
        if parse_i64(text).is_some_and(|cursor| cursor < 0) {
            return Err(Error::Plain("ERR invalid cursor"));
        }
        let blanks = text.iter().take_while(|&&byte| byte == b' ' || (b'\t'..=b'\r').contains(&byte)).count();
        let unsigned = &text[blanks..];
        let (is_negative, digits) = match unsigned {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
        let cursor = match &digits[zeros..] {
            [] if zeros > 0 => Some(0),
            significant => parse_u64(significant),
        };
        let cursor = cursor.map(|cursor| if is_negative { cursor.wrapping_neg() } else { cursor });
        cursor.map(Self).ok_or(Error::Plain("ERR invalid cursor"))
    }
}

/// How many a call visits when the client does not say.
pub(crate) const COUNT_DEFAULT: usize = 10;

/// How many elements a call visits, about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count(pub(crate) usize);

impl<'a> Arg<'a> for Count {
    const DOC: ArgDoc = ArgDoc::new("count", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        match usize::try_from(i64::take(args)?) {
            Ok(count @ 1..) => Ok(Self(count)),
            _ => Err(Error::Syntax),
        }
    }
}

/// The options of a scan over the elements of one key.
#[derive(Args, Default)]
pub(crate) struct ScanOptions<'a> {
    #[arg(token = "MATCH", pattern)]
    pattern: Option<&'a [u8]>,
    #[arg(token = "COUNT")]
    count: Option<Count>,
}

impl ScanOptions<'_> {
    /// How many elements to visit, about.
    pub(crate) fn count(&self) -> usize {
        self.count.map_or(COUNT_DEFAULT, |Count(count)| count)
    }

    /// Whether an element is to be answered.
    pub(crate) fn admits(&self, element: &[u8]) -> bool {
        admits(self.pattern, element)
    }
}

/// Whether an element is to be answered; `*` leaves out nothing, not even the empty one.
pub(crate) fn admits(pattern: Option<&[u8]>, element: &[u8]) -> bool {
    pattern.is_none_or(|pattern| pattern == b"*" || base::glob::matches(pattern, element, false))
}

/// Writes the head of the reply: the next cursor, and that `elements` follow.
pub(crate) fn write_head(out: &mut Writer, next: u64, elements: usize) {
    out.array(2);
    out.bulk(next.to_string().as_bytes());
    out.array(elements);
}

/// The reply for a key that is not there.
pub(crate) fn write_empty(out: &mut Writer) {
    write_head(out, 0, 0);
}
