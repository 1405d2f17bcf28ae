//! The grammar of deadlines that several commands share: EX, PX, EXAT, PXAT and one token of the command's own.
//!
//! Invariant: a number is judged only when the handler asks for the deadline, so that words that fit nowhere are
//! found first, and each command looks at its key before or after, as Redis does.

use crate::args::{Args, OneOf};
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// One of the alternatives.
#[derive(Clone, Copy)]
pub(crate) enum Expiration<'a, T> {
    /// In so many seconds.
    Ex(&'a [u8]),
    /// In so many milliseconds.
    Px(&'a [u8]),
    /// At this unix time in seconds.
    ExAt(&'a [u8]),
    /// At this unix time in milliseconds.
    PxAt(&'a [u8]),
    /// The command's own token.
    Own(T),
}

/// A command's own token, and its documentation of all alternatives.
pub(crate) trait OwnToken: Copy {
    /// What is parsed.
    const TOKEN: &'static str;
    /// Its only value.
    const VALUE: Self;
    /// The nodes of COMMAND DOCS.
    const DOCS: &'static [ArgDoc];
}

/// KEEPTTL of SET.
#[derive(Clone, Copy)]
pub(crate) struct KeepTtl;

/// PERSIST.
#[derive(Clone, Copy)]
pub(crate) struct Persist;

const SECONDS: ArgDoc = ArgDoc::new("seconds", ArgType::Integer).token("EX");
const MILLISECONDS: ArgDoc = ArgDoc::new("milliseconds", ArgType::Integer).token("PX");
const UNIX_SECONDS: ArgDoc = ArgDoc::new("unix-time-seconds", ArgType::UnixTime).token("EXAT");
const UNIX_MILLISECONDS: ArgDoc = ArgDoc::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT");

impl OwnToken for KeepTtl {
    const TOKEN: &'static str = "KEEPTTL";
    const VALUE: Self = Self;
    const DOCS: &'static [ArgDoc] = &[
        SECONDS.since("2.6.12"),
        MILLISECONDS.since("2.6.12"),
        UNIX_SECONDS.since("6.2.0"),
        UNIX_MILLISECONDS.since("6.2.0"),
        ArgDoc::token_only("keepttl").token("KEEPTTL").since("6.0.0"),
    ];
}

/// The alternatives of HSETEX, which came all at once.
pub(crate) const KEEP_TTL_DOCS: &[ArgDoc] =
    &[SECONDS, MILLISECONDS, UNIX_SECONDS, UNIX_MILLISECONDS, ArgDoc::token_only("keepttl").token("KEEPTTL")];

impl OwnToken for Persist {
    const TOKEN: &'static str = "PERSIST";
    const VALUE: Self = Self;
    const DOCS: &'static [ArgDoc] =
        &[SECONDS, MILLISECONDS, UNIX_SECONDS, UNIX_MILLISECONDS, ArgDoc::token_only("persist").token("PERSIST")];
}

impl<'a, T: OwnToken> OneOf<'a> for Expiration<'a, T> {
    const DOCS: &'static [ArgDoc] = T::DOCS;

    fn take_if(args: &mut Args<'a>) -> Result<Option<Self>> {
        let of: fn(&'a [u8]) -> Self = match () {
            () if args.take_token("EX") => Self::Ex,
            () if args.take_token("PX") => Self::Px,
            () if args.take_token("EXAT") => Self::ExAt,
            () if args.take_token("PXAT") => Self::PxAt,
            () => return Ok(args.take_token(T::TOKEN).then_some(Self::Own(T::VALUE))),
        };
        args.word().map(|word| Some(of(word))).map_err(|_| Error::Syntax)
    }
}

impl<T> Expiration<'_, T> {
    /// The deadline in unix milliseconds, which may be past; None for the command's own token.
    pub(crate) fn deadline_ms(&self, now_ms: i64, command: &'static str) -> Result<Option<i64>> {
        let (word, unit_ms, from_ms) = match self {
            Self::Ex(word) => (word, 1000, now_ms),
            Self::Px(word) => (word, 1, now_ms),
            Self::ExAt(word) => (word, 1000, 0),
            Self::PxAt(word) => (word, 1, 0),
            Self::Own(_) => return Ok(None),
        };
        deadline_ms(word, unit_ms, from_ms, command).map(Some)
    }
}

/// The deadline so many units after a time, in unix milliseconds.
pub(crate) fn deadline_ms(word: &[u8], unit_ms: i64, from_ms: i64, command: &'static str) -> Result<i64> {
    let amount = base::number::parse_i64(word).ok_or(Error::NotAnInteger)?;
    let after_ms = amount.checked_mul(unit_ms).filter(|_| amount > 0);
    after_ms.and_then(|ms| ms.checked_add(from_ms)).ok_or(Error::InvalidExpire(command))
}
