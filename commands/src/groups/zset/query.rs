//! What the ZRANGE family asks for, whatever the command spells in its name and what in options.

use std::ops::Range;

use keyspace::zset::{LexBound, ScoreBound, ZsetRef};

use super::bounds;
use crate::args::Args;
use crate::error::{Error, Result};

/// What the ends of a range mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name settles; the rest is up to options.
#[derive(Clone, Copy, Default)]
pub(super) struct Fixed {
    pub(super) by: Option<By>,
    pub(super) reverse: Option<bool>,
    /// The command stores, so that there is no WITHSCORES.
    pub(super) stores: bool,
}

/// A range of members and how they are answered.
pub(super) struct Query<'a> {
    ends: Ends<'a>,
    pub(super) reverse: bool,
    pub(super) with_scores: bool,
    offset: i64,
    /// Negative: without one.
    limit: i64,
}

enum Ends<'a> {
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Query<'a> {
    /// Reads both ends and the options after them.
    pub(super) fn take(args: &mut Args<'a>, fixed: Fixed) -> Result<Self> {
        let (first, second) = (args.word()?, args.word()?);
        let (mut by, mut reverse) = (fixed.by, fixed.reverse);
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        while !args.is_empty() {
            if !fixed.stores && args.take_token("WITHSCORES") {
                with_scores = true;
            } else if args.len() > 2 && args.take_token("LIMIT") {
                (offset, limit) = (integer(args.word()?)?, integer(args.word()?)?);
            } else if reverse.is_none() && args.take_token("REV") {
                reverse = Some(true);
            } else if by.is_none() && args.take_token("BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.take_token("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            let text = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
            return Err(Error::Plain(text));
        }
        if with_scores && by == By::Lex {
            return Err(Error::Plain("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        // The greater end comes first in a range from above.
        let (min, max) = if reverse { (second, first) } else { (first, second) };
        let ends = match by {
            By::Rank => Ends::Rank(integer(first)?, integer(second)?),
            By::Score => Ends::Score(bounds::score(min)?, bounds::score(max)?),
            By::Lex => Ends::Lex(bounds::lex(min)?, bounds::lex(max)?),
        };
        Ok(Self { ends, reverse, with_scores, offset, limit })
    }

    /// The ranks of the members that the query asks for.
    pub(super) fn ranks(&self, set: ZsetRef<'_>) -> Range<usize> {
        let found = match self.ends {
            Ends::Rank(start, stop) => {
                let len = set.len();
                let Range { start, end } = ranks_between(start, stop, len);
                return if self.reverse { len - end..len - start } else { start..end };
            }
            Ends::Score(min, max) => set.ranks_by_score(min, max),
            Ends::Lex(min, max) => set.ranks_by_lex(min, max),
        };
        let from_first = self.offset >= 0;
        if !from_first && set.as_large().is_none() {
            return 0..0;
        }
        // A negative offset is past everything in the small form; in the large one it counts from the far end.
        let skipped = usize::try_from(self.offset.unsigned_abs()).unwrap_or(usize::MAX);
        let skipped = if from_first { skipped } else { found.len().checked_sub(skipped).unwrap_or(usize::MAX) };
        let left = found.len().saturating_sub(skipped);
        let count = usize::try_from(self.limit).map_or(left, |limit| limit.min(left));
        let (start, end) = (found.start + (found.len() - left), found.end - (found.len() - left));
        if self.reverse { end - count..end } else { start..start + count }
    }
}

fn integer(word: &[u8]) -> Result<i64> {
    base::number::parse_i64(word).ok_or(Error::NotAnInteger)
}

/// The places from `start` to `stop`, both inclusive, of `len` places; negative ones count from the end.
pub(super) fn ranks_between(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_end = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len as i64 - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}
