//! The words and the answers that ZUNION, ZINTER and ZDIFF share with their storing twins.

use commands_macros::Args as Options;
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::packed::Element;
use keyspace::zset::SortedSet;
use keyspace::zset::algebra::{Aggregate, Sources};
use smallvec::SmallVec;

use super::{limits, write_entry, write_header, zset_event};
use crate::args::{Arg, Args, OneOf};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

#[derive(Options, Clone, Copy)]
enum AggregateWord {
    Sum,
    Min,
    Max,
}

pub(super) const NUMKEYS: ArgDoc = ArgDoc::new("numkeys", ArgType::Integer);
pub(super) const KEYS: ArgDoc = <Key as Arg>::DOC.named("key").multiple();
pub(super) const DESTINATION: ArgDoc = <Key as Arg>::DOC.named("destination");
pub(super) const WEIGHTS: ArgDoc = ArgDoc::new("weight", ArgType::Integer).token("WEIGHTS").optional().multiple();
pub(super) const AGGREGATE: ArgDoc = ArgDoc::one_of("aggregate", AggregateWord::DOCS).token("AGGREGATE").optional();
pub(super) const WITH_SCORES: ArgDoc = ArgDoc::token_only("withscores").token("WITHSCORES").optional();

/// What a command takes after its keys.
#[derive(Clone, Copy)]
pub(super) struct Grammar {
    /// The name that errors say.
    pub(super) name: &'static str,
    pub(super) weighs: bool,
    pub(super) shows_scores: bool,
    pub(super) limits: bool,
}

/// The options of one request.
#[derive(Default)]
pub(super) struct How {
    pub(super) weights: SmallVec<[f64; 8]>,
    pub(super) aggregate: Aggregate,
    pub(super) with_scores: bool,
    /// 0: without one.
    pub(super) limit: usize,
}

/// Reads `numkeys`, the keys and the options, finds the sets and makes one of them. As in Redis, a key of another type
/// is an error that comes before those of the options.
pub(super) fn combine<T>(
    ctx: &mut Ctx,
    mut args: Args,
    grammar: Grammar,
    make: impl FnOnce(&Sources, &How) -> T,
) -> Result<(T, How)> {
    let count = base::number::parse_i64(args.word()?).ok_or(Error::NotAnInteger)?;
    if count < 1 {
        return Err(Error::text(format!("ERR at least 1 input key is needed for '{}' command", grammar.name)));
    }
    let keys = args.take_first(usize::try_from(count).unwrap_or(usize::MAX))?;
    let sources = ctx.keys.zset_sources(keys.keys())?;
    let how = How::take(args, keys.len(), grammar)?;
    Ok((make(&sources, &how), how))
}

impl How {
    fn take(mut args: Args, keys: usize, grammar: Grammar) -> Result<Self> {
        let mut how = Self::default();
        while !args.is_empty() {
            if grammar.weighs && args.len() > keys && args.take_token("WEIGHTS") {
                let weights = args.take_first(keys)?;
                how.weights = weights.iter().map(weight).collect::<Result<_>>()?;
            } else if grammar.weighs && args.len() > 1 && args.take_token("AGGREGATE") {
                how.aggregate = match AggregateWord::take_if(&mut args)?.ok_or(Error::Syntax)? {
                    AggregateWord::Sum => Aggregate::Sum,
                    AggregateWord::Min => Aggregate::Min,
                    AggregateWord::Max => Aggregate::Max,
                };
            } else if grammar.shows_scores && args.take_token("WITHSCORES") {
                how.with_scores = true;
            } else if grammar.limits && args.len() > 1 && args.take_token("LIMIT") {
                let limit = base::number::parse_i64(args.word()?).and_then(|limit| usize::try_from(limit).ok());
                how.limit = limit.ok_or(Error::Plain("ERR LIMIT can't be negative"))?;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(how)
    }
}

fn weight(word: &[u8]) -> Result<f64> {
    base::number::parse_f64(word).ok_or(Error::Plain("ERR weight value is not a float"))
}

/// Answers the members of a set that a command made.
pub(super) fn answer(ctx: &mut Ctx, set: &SortedSet, with_scores: bool) {
    write_header(ctx.out, set.len(), with_scores);
    for (member, score) in set.iter() {
        write_entry(ctx.out, Element::Bytes(member), score, with_scores);
    }
}

/// Puts a set that a command made at a key, or removes the key when the set is empty; answers the number of members.
pub(in crate::groups) fn store(ctx: &mut Ctx, destination: &Key, set: SortedSet, event: &'static str) -> usize {
    let (len, limits) = (set.len(), limits(ctx.node));
    let removed = ctx.keys.store_zset(destination, set, limits);
    if len > 0 {
        ctx.keys.changed(destination, zset_event(event));
    } else if removed {
        ctx.keys.changed(destination, Event::DEL);
    }
    len
}
