//! SRANDMEMBER.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::set::SetRef;

use super::write_member;
use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// So many different members, or, when negative, so many choices that may repeat. It is the last word, which
/// counts more than its own value.
pub(crate) struct Count(i64);

impl<'a> Arg<'a> for Count {
    const DOC: ArgDoc = ArgDoc::new("count", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        let text = args.word()?;
        args.end()?;
        match base::number::parse_i64(text).ok_or(Error::NotAnInteger)? {
            i64::MIN => Err(Error::Plain(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            )),
            count => Ok(Self(count)),
        }
    }
}

/// Answers random members of a set, which stay in it.
#[command(
    "SRANDMEMBER",
    since = "1.0.0",
    complexity = "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output")
)]
pub(crate) fn srandmember(ctx: &mut Ctx, key: Key, #[arg(since = "2.6.0")] count: Option<Count>) -> Result<()> {
    let random = ctx.core.random;
    let below = |limit| random.borrow_mut().below(limit);
    let set = ctx.keys.set(&key)?;
    match (set, count) {
        (None, None) => ctx.out.null(),
        (None, Some(_)) => ctx.out.empty_array(),
        (Some(set), None) => {
            if let Some(member) = set.random(below) {
                write_member(ctx.out, member);
            }
        }
        (Some(set), Some(Count(count @ 0..))) => {
            let count = set.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            ctx.out.array(count);
            set.sample(count, below, |member| write_member(ctx.out, member));
        }
        (Some(set), Some(Count(count))) => return repeated(ctx.out, set, count.unsigned_abs(), below),
    }
    Ok(())
}

/// Bytes that the choices of one command may take at most: a few words may not ask for more than memory holds.
const REPLY_LEN_MAX: usize = 512 << 20;
/// Bytes that each of them takes at least: an empty member.
const BULK_LEN_MIN: u64 = 6;
/// Choices between two looks at the reply's length.
const STEP: u64 = 1024;

fn repeated(out: &mut resp::Writer, set: SetRef<'_>, count: u64, mut below: impl FnMut(u64) -> u64) -> Result<()> {
    let too_long = || Error::Plain("ERR the reply would be longer than 512 MB: ask for fewer members at a time");
    if count > REPLY_LEN_MAX as u64 / BULK_LEN_MIN {
        return Err(too_long());
    }
    let start = out.len();
    out.array(count as usize);
    let mut left = count;
    while left > 0 {
        let step = left.min(STEP);
        set.random_many(step as usize, &mut below, |member| write_member(out, member));
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
            > SADD s a
            (integer) 1
            > SRANDMEMBER s
            "a"
            > SRANDMEMBER s 5
            1) "a"
            > SRANDMEMBER s -2
            1) "a"
            2) "a"
            > SRANDMEMBER s 0
            (empty array)
            > SRANDMEMBER none
            (nil)
            > SRANDMEMBER none -3
            (empty array)
            > SRANDMEMBER s -9223372036854775808
            (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > SRANDMEMBER s -9223372036854775807
            (error) ERR the reply would be longer than 512 MB: ask for fewer members at a time
            > SRANDMEMBER s x
            (error) ERR value is not an integer or out of range
            > SRANDMEMBER s x 1
            (error) ERR syntax error
            "#,
        );
    }
}
