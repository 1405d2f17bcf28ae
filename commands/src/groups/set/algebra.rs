//! SDIFF, SINTER, SINTERCARD and SUNION: what several sets have together.

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::set::{diff, inter, inter_card, union};
use smallvec::SmallVec;

use super::{limits, write_member};
use crate::args::{Arg, Args, Counted, Many};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// Answers the members of the first set that no other has.
#[command(
    "SDIFF",
    since = "1.0.0",
    complexity = "O(N) where N is the total number of elements in all given sets.",
    flags(READONLY),
    keys(KeySpec::range(1, -1, 1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn sdiff(ctx: &mut Ctx, key: Many<Key>) -> Result<()> {
    let sets = ctx.keys.sets(&keys(key))?;
    let (later, mut count) = (ctx.out.set_later(), 0);
    diff(&sets, limits(ctx.node), |member| {
        write_member(ctx.out, member);
        count += 1;
    });
    ctx.out.finish(later, count);
    Ok(())
}

/// Answers the members that all sets have.
#[command(
    "SINTER",
    since = "1.0.0",
    complexity = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
    flags(READONLY),
    keys(KeySpec::range(1, -1, 1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn sinter(ctx: &mut Ctx, key: Many<Key>) -> Result<()> {
    let sets = ctx.keys.sets(&keys(key))?;
    let (later, mut count) = (ctx.out.set_later(), 0);
    inter(&sets, |member| {
        write_member(ctx.out, member);
        count += 1;
    });
    ctx.out.finish(later, count);
    Ok(())
}

/// Answers the members that any set has.
#[command(
    "SUNION",
    since = "1.0.0",
    complexity = "O(N) where N is the total number of elements in all given sets.",
    flags(READONLY),
    keys(KeySpec::range(1, -1, 1, RO | ACCESS)),
    tips("nondeterministic_output_order")
)]
pub(crate) fn sunion(ctx: &mut Ctx, key: Many<Key>) -> Result<()> {
    let sets = ctx.keys.sets(&keys(key))?;
    let (later, mut count) = (ctx.out.set_later(), 0);
    union(&sets, limits(ctx.node), |member| {
        write_member(ctx.out, member);
        count += 1;
    });
    ctx.out.finish(later, count);
    Ok(())
}

#[derive(Args, Default)]
pub(crate) struct CardOptions {
    #[arg(token = "LIMIT")]
    limit: Option<Limit>,
}

/// Where counting ends; 0 is no limit.
pub(crate) struct Limit(usize);

impl<'a> Arg<'a> for Limit {
    const DOC: ArgDoc = ArgDoc::new("limit", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let limit = base::number::parse_i64(args.word()?).and_then(|limit| usize::try_from(limit).ok());
        limit.map(Self).ok_or(Error::Plain("ERR LIMIT can't be negative"))
    }
}

/// Counts the members that all sets have.
#[command(
    "SINTERCARD",
    since = "7.0.0",
    complexity = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
    flags(READONLY | MOVABLEKEYS),
    keys(KeySpec::counted(1, RO | ACCESS))
)]
pub(crate) fn sintercard(ctx: &mut Ctx, numkeys: Counted, #[options] how: CardOptions) -> Result<usize> {
    let keys: SmallVec<[Key; 8]> = numkeys.0.keys().collect();
    let sets = ctx.keys.sets(&keys)?;
    Ok(inter_card(&sets, how.limit.map_or(0, |Limit(limit)| limit)))
}

/// The keys of a request, hashed once.
pub(super) fn keys<'a>(words: Many<'a, Key<'a>>) -> SmallVec<[Key<'a>; 8]> {
    words.words().keys().collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn answers_of_three_sets() {
        check(
            r#"
            > SADD a 1 2 3 4
            (integer) 4
            > SADD b 2 3 4
            (integer) 3
            > SADD c 4 5
            (integer) 2
            > SINTER a b c
            1) "4"
            > SUNION a b c none
            1) "1"
            2) "2"
            3) "3"
            4) "4"
            5) "5"
            > SDIFF a none c
            1) "1"
            2) "2"
            3) "3"
            > SDIFF none a
            (empty array)
            > SINTER a none
            (empty array)
            > SINTERCARD 2 a b LIMIT 2
            (integer) 2
            > SINTERCARD 2 a b LIMIT 0
            (integer) 3
            > SET string x
            OK
            > SINTER none string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SUNION a string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SDIFF none string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
        check3("> SADD a 1\n(integer) 1\n> SINTER a none\n(empty set)\n> SUNION a a\n1~ \"1\"");
    }

    #[test]
    fn sintercard_reads_its_words_in_order() {
        check(
            r#"
            > SET string x
            OK
            > SINTERCARD x string
            (error) ERR numkeys should be greater than 0
            > SINTERCARD 2 string
            (error) ERR Number of keys can't be greater than number of args
            > SINTERCARD 1 string other
            (error) ERR syntax error
            > SINTERCARD 1 string LIMIT
            (error) ERR syntax error
            > SINTERCARD 1 string LIMIT x
            (error) ERR LIMIT can't be negative
            > SINTERCARD 1 string LIMIT -1
            (error) ERR LIMIT can't be negative
            > SINTERCARD 1 string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SINTERCARD 1 none
            (integer) 0
            "#,
        );
    }
}
