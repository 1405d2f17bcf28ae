//! ZRANGE, its older names for each kind of range, and ZRANGESTORE.

use commands_macros::{Args as Options, command};
use keyspace::keys::Key;
use keyspace::packed::IntText;
use keyspace::zset::SortedSet;

use super::algebra::{WITH_SCORES, store};
use super::query::{By, Fixed, Query};
use super::{write_entry, write_header};
use crate::args::{Arg, OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType};

#[derive(Options)]
enum SortBy {
    ByScore,
    ByLex,
}

const KEY: ArgDoc = <Key as Arg>::DOC.named("key");
const SORT_BY: ArgDoc = ArgDoc::one_of("sortby", SortBy::DOCS).optional();
const REV: ArgDoc = ArgDoc::token_only("rev").token("REV").optional();
const LIMIT: ArgDoc =
    ArgDoc::block("limit", &[ArgDoc::new("offset", ArgType::Integer), ArgDoc::new("count", ArgType::Integer)])
        .token("LIMIT")
        .optional();

const fn end(name: &'static str, kind: ArgType) -> ArgDoc {
    ArgDoc::new(name, kind)
}

/// Answers the members of a range of ranks, of scores, or of names where all scores are equal.
#[command(
    "ZRANGE",
    since = "1.2.0",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(
        KEY,
        end("start", ArgType::String),
        end("stop", ArgType::String),
        SORT_BY.since("6.2.0"),
        REV.since("6.2.0"),
        LIMIT.since("6.2.0"),
        WITH_SCORES
    )
)]
pub(crate) fn zrange(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    answer(ctx, &key, words, Fixed::default())
}

/// Answers the members with scores between two ends.
#[command(
    "ZRANGEBYSCORE",
    since = "1.0.5",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    args(KEY, end("min", ArgType::Double), end("max", ArgType::Double), WITH_SCORES.since("2.0.0"), LIMIT)
)]
pub(crate) fn zrangebyscore(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    answer(ctx, &key, words, Fixed { by: Some(By::Score), reverse: Some(false), stores: false })
}

/// Answers the members between two ends of a sorted set whose scores are all equal.
#[command(
    "ZRANGEBYLEX",
    since = "2.8.9",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    args(KEY, end("min", ArgType::String), end("max", ArgType::String), LIMIT)
)]
pub(crate) fn zrangebylex(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    answer(ctx, &key, words, Fixed { by: Some(By::Lex), reverse: Some(false), stores: false })
}

/// Answers the members of a range of ranks counted from the highest score.
#[command(
    "ZREVRANGE",
    since = "1.2.0",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    args(KEY, end("start", ArgType::Integer), end("stop", ArgType::Integer), WITH_SCORES)
)]
pub(crate) fn zrevrange(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    answer(ctx, &key, words, Fixed { by: Some(By::Rank), reverse: Some(true), stores: false })
}

/// Answers the members with scores between two ends, the highest first.
#[command(
    "ZREVRANGEBYSCORE",
    since = "2.2.0",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    args(KEY, end("max", ArgType::Double), end("min", ArgType::Double), WITH_SCORES, LIMIT)
)]
pub(crate) fn zrevrangebyscore(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    answer(ctx, &key, words, Fixed { by: Some(By::Score), reverse: Some(true), stores: false })
}

/// Answers the members between two ends of a sorted set whose scores are all equal, the greatest first.
#[command(
    "ZREVRANGEBYLEX",
    since = "2.8.9",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    args(KEY, end("max", ArgType::String), end("min", ArgType::String), LIMIT)
)]
pub(crate) fn zrevrangebylex(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    answer(ctx, &key, words, Fixed { by: Some(By::Lex), reverse: Some(true), stores: false })
}

fn answer(ctx: &mut Ctx, key: &Key, mut words: Rest, fixed: Fixed) -> Result<()> {
    let query = Query::take(&mut words.0, fixed)?;
    let Some(set) = ctx.keys.zset(key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    let ranks = query.ranks(set);
    write_header(ctx.out, ranks.len(), query.with_scores);
    set.for_each_in(ranks, query.reverse, |member, score| write_entry(ctx.out, member, score, query.with_scores));
    Ok(())
}

/// Stores the members that ZRANGE answers.
#[command(
    "ZRANGESTORE",
    since = "6.2.0",
    complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::one(2, RO | ACCESS)),
    args(
        KEY.named("dst"),
        KEY.named("src").key_spec(1),
        end("min", ArgType::String),
        end("max", ArgType::String),
        SORT_BY,
        REV,
        LIMIT
    )
)]
pub(crate) fn zrangestore(ctx: &mut Ctx, destination: Key, source: Key, mut words: Rest) -> Result<usize> {
    let query = Query::take(&mut words.0, Fixed { stores: true, ..Fixed::default() })?;
    let mut found = SortedSet::new(destination.hash);
    if let Some(set) = ctx.keys.zset(&source)? {
        set.for_each_in(query.ranks(set), false, |member, score| {
            found.put(member.as_bytes(&mut IntText::default()), score);
        });
    }
    Ok(store(ctx, &destination, found, "zrangestore"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn ranges_of_each_kind() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c 4 d
            (integer) 4
            > ZRANGE z 1 -2
            1) "b"
            2) "c"
            > ZRANGE z 0 0 REV WITHSCORES
            1) "d"
            2) "4"
            > ZRANGE z (1 +inf BYSCORE LIMIT 1 1
            1) "c"
            > ZRANGE z 4 1 BYSCORE REV LIMIT 1 2
            1) "c"
            2) "b"
            > ZRANGE z - (c BYLEX
            1) "a"
            2) "b"
            > ZRANGE z [c - BYLEX REV
            1) "c"
            2) "b"
            3) "a"
            > ZRANGEBYSCORE z 2 3 WITHSCORES LIMIT 0 -1
            1) "b"
            2) "2"
            3) "c"
            4) "3"
            > ZREVRANGEBYSCORE z +inf -inf LIMIT -1 2
            (empty array)
            > ZREVRANGEBYLEX z + [c
            1) "d"
            2) "c"
            > ZRANGEBYLEX z [b + LIMIT 1 1
            1) "c"
            > ZREVRANGE z 2 9
            1) "b"
            2) "a"
            > ZRANGE none 0 -1
            (empty array)
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > ZRANGE z a b
            (error) ERR value is not an integer or out of range
            > ZRANGE z 0 1 LIMIT 0 1
            (error) ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
            > ZRANGE z - + BYLEX WITHSCORES
            (error) ERR syntax error, WITHSCORES not supported in combination with BYLEX
            > ZRANGE z - + BYLEX BYSCORE
            (error) ERR syntax error
            > ZRANGE z ( x BYSCORE
            (error) ERR min or max is not a float
            > ZRANGE z a + BYLEX
            (error) ERR min or max not valid string range item
            > ZRANGE z 0 1 LIMIT 0
            (error) ERR syntax error
            > ZRANGEBYSCORE z 0 1 LIMIT a 1
            (error) ERR value is not an integer or out of range
            > ZRANGEBYSCORE z 0 1 REV
            (error) ERR syntax error
            > ZRANGESTORE d z 0 1 WITHSCORES
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn stored_ranges_overwrite() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c 4 d
            (integer) 4
            > SET d v
            OK
            > ZRANGESTORE d z 1 4 BYSCORE REV LIMIT 0 2
            (integer) 0
            > EXISTS d
            (integer) 0
            > ZRANGESTORE d z 4 1 BYSCORE REV LIMIT 0 2
            (integer) 2
            > ZRANGE d 0 -1 WITHSCORES
            1) "c"
            2) "3"
            3) "d"
            4) "4"
            > ZRANGESTORE z z 0 0
            (integer) 1
            > ZRANGE z 0 -1
            1) "a"
            > ZRANGESTORE d none 0 -1
            (integer) 0
            > EXISTS d
            (integer) 0
            "#,
        );
    }

    #[test]
    fn pairs_under_resp3() {
        check3(
            r#"
            > ZADD z 1 a 2.5 b
            (integer) 2
            > ZRANGE z 0 -1 WITHSCORES
            1) 1) "a"
               2) (double) 1
            2) 1) "b"
               2) (double) 2.5
            "#,
        );
    }
}
