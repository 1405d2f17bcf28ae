//! LPOS.

use commands_macros::{Args, command};
use keyspace::keys::Key;

use super::SignedInt;
use crate::args::{Arg, Args};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

#[derive(Args, Default)]
pub(crate) struct LposOptions {
    #[arg(token = "RANK")]
    rank: Option<Rank>,
    #[arg(token = "COUNT", name = "num-matches")]
    count: Option<Matches>,
    #[arg(token = "MAXLEN", name = "len")]
    maxlen: Option<MaxLen>,
}

/// Which match is the first that counts, and from which end.
#[derive(Clone, Copy)]
struct Rank(i64);

impl<'a> Arg<'a> for Rank {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        match SignedInt::take(args)?.0 {
            0 => Err(Error::Plain(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative \
                 to start from the end of the list",
            )),
            rank => Ok(Self(rank)),
        }
    }
}

/// How many matches; 0: all.
#[derive(Clone, Copy)]
struct Matches(usize);

impl<'a> Arg<'a> for Matches {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        not_negative(args, "ERR COUNT can't be negative").map(Self)
    }
}

/// How many elements are compared; 0: all.
#[derive(Clone, Copy)]
struct MaxLen(usize);

impl<'a> Arg<'a> for MaxLen {
    const DOC: ArgDoc = ArgDoc::new("", ArgType::Integer);

    fn take(args: &mut Args<'a>) -> Result<Self> {
        not_negative(args, "ERR MAXLEN can't be negative").map(Self)
    }
}

fn not_negative(args: &mut Args, error: &'static str) -> Result<usize> {
    let value = base::number::parse_i64(args.word()?).and_then(|value| usize::try_from(value).ok());
    value.ok_or(Error::Plain(error))
}

/// Answers the indexes at which an element stands in a list.
#[command(
    "LPOS",
    since = "6.0.6",
    complexity = "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn lpos(ctx: &mut Ctx, key: Key, element: &[u8], #[options] options: LposOptions) -> Result<()> {
    let rank = options.rank.map_or(1, |rank| rank.0);
    let maxlen = options.maxlen.map_or(0, |maxlen| maxlen.0);
    let list = ctx.keys.list(&key)?;
    let out = &mut *ctx.out;
    match (options.count, list) {
        (None, list) => {
            let found = list.map_or(0, |list| list.position(element, rank, 1, maxlen, |index| out.int(index as i64)));
            if found == 0 {
                out.null();
            }
        }
        (Some(_), None) => out.empty_array(),
        (Some(Matches(count)), Some(list)) => {
            let later = out.array_later();
            let found = list.position(element, rank, count, maxlen, |index| out.int(index as i64));
            out.finish(later, found);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn lpos() {
        check(
            r#"
            > RPUSH l a b c 1 2 3 c c
            (integer) 8
            > LPOS l c RANK -2
            (integer) 6
            > LPOS l c COUNT 0 RANK 2
            1) (integer) 6
            2) (integer) 7
            > LPOS l c MAXLEN 2
            (nil)
            > LPOS nothing c COUNT 2
            (empty array)
            > LPOS l c RANK 0
            (error) ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
            > LPOS l c RANK x
            (error) ERR value is not an integer or out of range
            > LPOS l c COUNT x
            (error) ERR COUNT can't be negative
            > LPOS l c MAXLEN -1
            (error) ERR MAXLEN can't be negative
            > LPOS l c RANK
            (error) ERR syntax error
            "#,
        );
    }
}
