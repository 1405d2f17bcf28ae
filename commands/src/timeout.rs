//! How long a blocking command waits at most.

use base::number::LongDouble;

use crate::args::{Arg, Args};
use crate::error::{Error, Otherwise, Result, Wait};
use crate::spec::{ArgDoc, ArgType};

/// Milliseconds; 0 is for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timeout(i64);

impl<'a> Arg<'a> for Timeout {
    const DOC: ArgDoc = ArgDoc::new("timeout", ArgType::Double);

    /// Seconds, with a fraction; parts of a millisecond count as a whole one.
    fn take(args: &mut Args<'a>) -> Result<Self> {
        let seconds = LongDouble::parse(args.word()?);
        let seconds = seconds.ok_or(Error::Plain("ERR timeout is not a float or out of range"))?;
        let ms = (seconds.to_f64() * 1000.0).ceil();
        if ms >= MS_MAX {
            return Err(Error::Plain("ERR timeout is out of range"));
        }
        if ms < 0.0 { Err(Error::Plain("ERR timeout is negative")) } else { Ok(Self(ms as i64)) }
    }
}

/// From here on, the end would lie past the last millisecond that 63 bits count.
const MS_MAX: f64 = (i64::MAX - (1 << 43)) as f64;

impl Timeout {
    /// What a command that read this timeout answers while there is nothing.
    pub(crate) fn wait(self, now_ms: i64, otherwise: Otherwise) -> Error {
        Error::Wait(Wait { until_ms: (self.0 > 0).then(|| self.0.saturating_add(now_ms)), otherwise })
    }
}
