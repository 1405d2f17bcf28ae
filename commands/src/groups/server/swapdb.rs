//! SWAPDB.

use commands_macros::command;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::{ArgDoc, ArgType};
use crate::wake;

/// Exchanges two databases; clients that selected one see the other's keys from now on.
#[command(
    "SWAPDB",
    since = "4.0.0",
    complexity = "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    flags(WRITE | FAST),
    locks(All),
    categories(KEYSPACE | DANGEROUS),
    args(ArgDoc::new("index1", ArgType::Integer), ArgDoc::new("index2", ArgType::Integer))
)]
pub(crate) fn swapdb(ctx: &mut Ctx, first: &[u8], second: &[u8]) -> Result<Done> {
    let index = |word, error| {
        base::number::parse_i64(word).and_then(|index| i32::try_from(index).ok()).ok_or(Error::Plain(error))
    };
    let first = index(first, "ERR invalid first DB index")?;
    let second = index(second, "ERR invalid second DB index")?;
    let known = |index: i32| {
        usize::try_from(index).ok().filter(|&index| index < ctx.node.space.databases()).ok_or(Error::DbIndex)
    };
    let (first, second) = (known(first)?, known(second)?);
    if first != second {
        ctx.keys.swap_dbs(first, second);
        ctx.node.ownership.swap_dbs(first, second);
        ctx.node.feed_changes(&[], true);
        for db in [first, second] {
            wake::note_database(ctx, db);
        }
    }
    ctx.keys.tally.dirty += 1;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn exchanges() {
        check(
            "
            > SET k v
            OK
            > SWAPDB a b
            (error) ERR invalid first DB index
            > SWAPDB 0 b
            (error) ERR invalid second DB index
            > SWAPDB 0 16
            (error) ERR DB index is out of range
            > SWAPDB 0 1
            OK
            > DBSIZE
            (integer) 0
            > SWAPDB 1 0
            OK
            > DBSIZE
            (integer) 1
            ",
        );
    }
}
