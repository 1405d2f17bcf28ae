//! The words that the popping and waiting commands of lists and sorted sets share.

use base::number::{LongDouble, parse_f64};
use keyspace::keys::Key;

use crate::args::{Arg, Args, Counted};
use crate::error::{Error, Otherwise, Result, Wait};
use crate::spec::{ArgDoc, ArgType};

/// Seconds with fractions; read when the command's other words are known to be sound.
#[derive(Clone, Copy)]
pub(crate) struct Timeout<'a>(&'a [u8]);

impl<'a> Arg<'a> for Timeout<'a> {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Double);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        args.word().map(Self)
    }
}

impl Timeout<'_> {
    /// The moment when it is over, rounded up to a millisecond; None: never.
    pub(crate) fn until_ms(self, now_ms: i64) -> Result<Option<i64>> {
        const OUT_OF_RANGE: Error = Error::Plain("ERR timeout is out of range");
        let seconds = seconds(self.0).ok_or(Error::Plain("ERR timeout is not a float or out of range"))?;
        let ms = (seconds * 1000.0).ceil();
        if ms >= i64::MAX as f64 {
            return Err(OUT_OF_RANGE);
        }
        match ms as i64 {
            ..0 => Err(Error::Plain("ERR timeout is negative")),
            0 => Ok(None),
            ms => now_ms.checked_add(ms).map(Some).ok_or(OUT_OF_RANGE),
        }
    }

    /// The answer of a command that found nothing.
    pub(crate) fn wait(self, now_ms: i64, otherwise: Otherwise) -> Result<Error> {
        Ok(Error::Wait(Wait { until_ms: self.until_ms(now_ms)?, otherwise }))
    }
}

/// Redis reads them as a long double, whose range is wider: what is beyond ours is far out of any range.
fn seconds(text: &[u8]) -> Option<f64> {
    let is_extended = || LongDouble::parse(text).is_some_and(LongDouble::is_finite);
    let beyond = || if text.starts_with(b"-") { f64::NEG_INFINITY } else { f64::INFINITY };
    parse_f64(text).or_else(|| is_extended().then(beyond))
}

/// The end of a wait of so many milliseconds; None: never.
pub(crate) fn until_ms(word: &[u8], now_ms: i64) -> Result<Option<i64>> {
    let ms = base::number::parse_i64(word);
    match ms.ok_or(Error::Plain("ERR timeout is not an integer or out of range"))? {
        ..0 => Err(Error::Plain("ERR timeout is negative")),
        0 => Ok(None),
        ms => now_ms.checked_add(ms).map(Some).ok_or(Error::Plain("ERR timeout is out of range")),
    }
}

/// All words but the last one, as keys.
#[derive(Clone, Copy)]
pub(crate) struct LeadingKeys<'a>(pub(crate) Args<'a>);

impl<'a> Arg<'a> for LeadingKeys<'a> {
    const DOC: ArgDoc = Key::DOC.multiple();

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let count = args.len().checked_sub(1).ok_or(Error::Arity)?;
        args.take_first(count).map(Self)
    }
}

/// `numkeys` and as many keys, with more words after them.
#[derive(Clone, Copy)]
pub(crate) struct CountedKeys<'a>(pub(crate) Args<'a>);

impl<'a> Arg<'a> for CountedKeys<'a> {
    const DOC: ArgDoc = Counted::DOC;

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let count = base::number::parse_i64(args.word()?).filter(|&count| count > 0);
        let count = count.ok_or(Error::Plain("ERR numkeys should be greater than 0"))?;
        args.take_first(usize::try_from(count).unwrap_or(usize::MAX)).map(Self)
    }
}

/// How many elements, at least one.
#[derive(Clone, Copy)]
pub(crate) struct PopCount(pub(crate) usize);

impl<'a> Arg<'a> for PopCount {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let count = base::number::parse_i64(args.word()?).and_then(|count| usize::try_from(count).ok());
        count.filter(|&count| count > 0).map(Self).ok_or(Error::Plain("ERR count should be greater than 0"))
    }
}
