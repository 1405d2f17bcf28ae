//! ZRANDMEMBER.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::zset::ZsetRef;
use resp::Writer;

use super::{write_entry, write_header, write_member};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const OPTIONS: &[ArgDoc] =
    &[ArgDoc::new("count", ArgType::Integer), ArgDoc::token_only("withscores").token("WITHSCORES").optional()];

/// Answers members of a sorted set chosen by chance; a negative count allows repetitions.
#[command(
    "ZRANDMEMBER",
    since = "6.2.0",
    complexity = "O(N) where N is the number of members returned",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output"),
    args(<Key as Arg>::DOC.named("key"), ArgDoc::block("options", OPTIONS).optional())
)]
pub(crate) fn zrandmember(ctx: &mut Ctx, key: Key, options: Rest) -> Result<()> {
    let Rest(mut options) = options;
    if !options.is_empty() {
        let count = i64::take(&mut options)?;
        if count == i64::MIN {
            let text = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
            return Err(Error::Plain(text));
        }
        let with_scores = options.take_token("WITHSCORES");
        options.end()?;
        if with_scores && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
            return Err(Error::OutOfRange);
        }
        return many(ctx, &key, count, with_scores);
    }
    let random = ctx.core.random;
    match ctx.keys.zset(&key)? {
        Some(set) => {
            let below = |limit| random.borrow_mut().below(limit);
            set.random_many(1, below, |member, _| write_member(ctx.out, member));
        }
        None => ctx.out.null(),
    }
    Ok(())
}

fn many(ctx: &mut Ctx, key: &Key, count: i64, with_scores: bool) -> Result<()> {
    let random = ctx.core.random;
    let Some(set) = ctx.keys.zset(key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    let below = |limit| random.borrow_mut().below(limit);
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return repeated(ctx.out, set, wanted, with_scores, below);
    }
    let wanted = wanted.min(set.len());
    write_header(ctx.out, wanted, with_scores);
    set.sample(wanted, below, |member, score| write_entry(ctx.out, member, score, with_scores));
    Ok(())
}

/// Bytes that the choices of one command may take at most: a few words may not ask for more than memory holds.
const REPLY_LEN_MAX: usize = 512 << 20;
/// Bytes that each of them takes at least: an empty member.
const BULK_LEN_MIN: usize = 6;
/// Choices between two looks at the reply's length.
const STEP: usize = 1024;

fn repeated(
    out: &mut Writer,
    set: ZsetRef<'_>,
    count: usize,
    with_scores: bool,
    mut below: impl FnMut(u64) -> u64,
) -> Result<()> {
    let too_long = || Error::Plain("ERR the reply would be longer than 512 MB: ask for fewer members at a time");
    if count > REPLY_LEN_MAX / BULK_LEN_MIN {
        return Err(too_long());
    }
    let start = out.len();
    write_header(out, count, with_scores);
    let mut left = count;
    while left > 0 {
        let step = left.min(STEP);
        set.random_many(step, &mut below, |member, score| write_entry(out, member, score, with_scores));
        left -= step;
        if out.len() - start > REPLY_LEN_MAX {
            return Err(too_long());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts_of_both_signs() {
        check(
            r#"
            > ZADD z 1.5 a
            (integer) 1
            > ZRANDMEMBER z
            "a"
            > ZRANDMEMBER z 5 WITHSCORES
            1) "a"
            2) "1.5"
            > ZRANDMEMBER z -2
            1) "a"
            2) "a"
            > ZRANDMEMBER z 0
            (empty array)
            > ZRANDMEMBER none
            (nil)
            > ZRANDMEMBER none 1
            (empty array)
            > ZRANDMEMBER z x
            (error) ERR value is not an integer or out of range
            > ZRANDMEMBER z 1 FOO
            (error) ERR syntax error
            > ZRANDMEMBER z -9223372036854775808
            (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > ZRANDMEMBER z -9223372036854775807 WITHSCORES
            (error) ERR value is out of range
            > ZRANDMEMBER z -4611686018427387903 WITHSCORES
            (error) ERR the reply would be longer than 512 MB: ask for fewer members at a time
            "#,
        );
    }
}
