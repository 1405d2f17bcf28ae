//! ZPOPMIN, ZPOPMAX and ZMPOP; what pops for their blocking twins too.

use commands_macros::{Args as Options, command};
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::packed::Element;
use resp::Writer;

use super::{limits, modified, write_entry, write_member, zset_event};
use crate::args::{Arg, Args, Choice};
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};
use crate::waiting::{CountedKeys, PopCount};

/// How many members to pop; it is the last word, which counts more than its own value.
pub(crate) struct Count(usize);

impl<'a> Arg<'a> for Count {
    const DOC: ArgDoc = ArgDoc::new("count", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let word = args.word()?;
        args.end()?;
        let count = base::number::parse_i64(word).and_then(|count| usize::try_from(count).ok());
        count.map(Self).ok_or(Error::Plain("ERR value is out of range, must be positive"))
    }
}

/// Which end members are popped from.
#[derive(Options, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Min,
    Max,
}

impl Where {
    /// The command that pops from this end.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Min => "ZPOPMIN",
            Self::Max => "ZPOPMAX",
        }
    }

    fn event(self) -> Event {
        match self {
            Self::Min => zset_event("zpopmin"),
            Self::Max => zset_event("zpopmax"),
        }
    }
}

/// How popped members are answered.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    /// Member, score, member, score.
    Flat,
    /// Member and score, once each or in pairs, as the protocol has it.
    List,
    /// The key, then a pair for each.
    Keyed(&'a [u8]),
    /// Key, member and score.
    Triple(&'a [u8]),
}

impl Shape<'_> {
    fn begin(self, out: &mut Writer, count: usize) {
        match self {
            Self::Flat => out.array(count * 2),
            Self::List => super::write_header(out, count, true),
            Self::Keyed(key) => {
                out.array(2);
                out.bulk(key);
                out.array(count);
            }
            Self::Triple(key) => {
                out.array(3);
                out.bulk(key);
            }
        }
    }

    fn write(self, out: &mut Writer, member: Element<'_>, score: f64) {
        match self {
            Self::List => return write_entry(out, member, score, true),
            Self::Keyed(_) => out.array(2),
            Self::Flat | Self::Triple(_) => {}
        }
        write_member(out, member);
        out.double(score);
    }
}

/// Removes the members with the lowest scores from a sorted set, and answers them.
#[command(
    "ZPOPMIN",
    since = "5.0.0",
    complexity = "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE))
)]
pub(crate) fn zpopmin(ctx: &mut Ctx, key: Key, count: Option<Count>) -> Result<()> {
    pop_list(ctx, &key, Where::Min, count)
}

/// Removes the members with the highest scores from a sorted set, and answers them.
#[command(
    "ZPOPMAX",
    since = "5.0.0",
    complexity = "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE))
)]
pub(crate) fn zpopmax(ctx: &mut Ctx, key: Key, count: Option<Count>) -> Result<()> {
    pop_list(ctx, &key, Where::Max, count)
}

fn pop_list(ctx: &mut Ctx, key: &Key, side: Where, count: Option<Count>) -> Result<()> {
    let (count, shape) = count.map_or((1, Shape::Flat), |Count(count)| (count, Shape::List));
    if pop(ctx, key, side, count, shape)? == 0 {
        ctx.out.empty_array();
    }
    Ok(())
}

/// Removes members from the first of some sorted sets that is there, and answers them.
#[command(
    "ZMPOP",
    since = "7.0.0",
    complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
    flags(WRITE | MOVABLEKEYS),
    keys(KeySpec::counted(1, RW | ACCESS | DELETE))
)]
pub(crate) fn zmpop(
    ctx: &mut Ctx,
    keys: CountedKeys,
    r#where: Choice<Where>,
    #[arg(token = "COUNT")] count: Option<PopCount>,
) -> Result<()> {
    if !pop_first_of(ctx, keys, r#where.0, count)? {
        ctx.out.null_array();
    }
    Ok(())
}

/// Pops from the first key that has members; whether there was one.
pub(super) fn pop_first_of(ctx: &mut Ctx, keys: CountedKeys, side: Where, count: Option<PopCount>) -> Result<bool> {
    let count = count.map_or(1, |count| count.0);
    for key in keys.0.keys() {
        let popped = pop(ctx, &key, side, count, Shape::Keyed(key.bytes))?;
        if popped > 0 {
            effect!(ctx, side.command(), key.bytes, popped);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Pops up to `count` members and answers them; 0, and no answer, when there is nothing to pop.
pub(super) fn pop(ctx: &mut Ctx, key: &Key, side: Where, count: usize, shape: Shape) -> Result<usize> {
    let limits = limits(ctx.node);
    let mut set = ctx.keys.zset_for_write(key, limits)?;
    let len = set.len();
    let count = count.min(len);
    if count == 0 {
        return Ok(0);
    }
    let (out, reverse) = (&mut *ctx.out, side == Where::Max);
    shape.begin(out, count);
    if count == 1 {
        set.pop(reverse, |member, score| shape.write(out, member, score));
    } else {
        let ranks = if reverse { len - count..len } else { 0..count };
        if let Some(set) = set.as_ref() {
            set.for_each_in(ranks.clone(), reverse, |member, score| shape.write(out, member, score));
        }
        set.remove_range(ranks);
    }
    let is_gone = set.is_empty();
    modified(ctx, key, side.event(), count, is_gone);
    Ok(count)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn pops_from_both_ends() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c 4 d 5 e
            (integer) 5
            > ZPOPMIN z
            1) "a"
            2) "1"
            > ZPOPMAX z 2
            1) "e"
            2) "5"
            3) "d"
            4) "4"
            > ZPOPMIN z 0
            (empty array)
            > ZPOPMIN z -1
            (error) ERR value is out of range, must be positive
            > ZPOPMIN z x 1
            (error) ERR syntax error
            > ZMPOP 2 none z MAX COUNT 9
            1) "z"
            2) 1) 1) "c"
                  2) "3"
               2) 1) "b"
                  2) "2"
            > EXISTS z
            (integer) 0
            > ZMPOP 1 z MIN
            (nil)
            > ZPOPMAX z
            (empty array)
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > SET s v
            OK
            > ZPOPMIN s 0
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZMPOP 2 none s MIN
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZMPOP 0 z MIN
            (error) ERR numkeys should be greater than 0
            > ZMPOP 2 z MIN
            (error) ERR syntax error
            > ZMPOP 1 z FOO
            (error) ERR syntax error
            > ZMPOP 1 z MIN COUNT 0
            (error) ERR count should be greater than 0
            > ZMPOP 1 z MIN COUNT 1 COUNT 1
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn pairs_under_resp3() {
        check3(
            r#"
            > ZADD z 1 a 2 b 3 c
            (integer) 3
            > ZPOPMIN z
            1) "a"
            2) (double) 1
            > ZPOPMIN z 1
            1) 1) "b"
               2) (double) 2
            > ZMPOP 1 z MIN
            1) "z"
            2) 1) 1) "c"
                  2) (double) 3
            "#,
        );
    }
}
