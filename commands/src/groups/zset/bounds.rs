//! The ends of ranges as clients spell them: `5`, `(5`, `-inf`; `[a`, `(a`, `-`, `+`.

use keyspace::zset::{LexBound, ScoreBound};

use crate::args::{Arg, Args};
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// An end of a range of scores.
#[derive(Clone, Copy)]
pub(super) struct ScoreEnd(pub(super) ScoreBound);

/// An end of a range of members.
#[derive(Clone, Copy)]
pub(super) struct LexEnd<'a>(pub(super) LexBound<'a>);

impl<'a> Arg<'a> for ScoreEnd {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Double);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        score(args.word()?).map(Self)
    }
}

impl<'a> Arg<'a> for LexEnd<'a> {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::String);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        lex(args.word()?).map(Self)
    }
}

pub(super) fn score(word: &[u8]) -> Result<ScoreBound> {
    let (text, exclusive) = word.strip_prefix(b"(").map_or((word, false), |text| (text, true));
    let value = base::number::parse_f64_bound(text).ok_or(Error::Plain("ERR min or max is not a float"))?;
    Ok(ScoreBound { value, exclusive })
}

pub(super) fn lex(word: &[u8]) -> Result<LexBound<'_>> {
    match word {
        b"-" => Ok(LexBound::Min),
        b"+" => Ok(LexBound::Max),
        [b'[', member @ ..] => Ok(LexBound::Inclusive(member)),
        [b'(', member @ ..] => Ok(LexBound::Exclusive(member)),
        _ => Err(Error::Plain("ERR min or max not valid string range item")),
    }
}
