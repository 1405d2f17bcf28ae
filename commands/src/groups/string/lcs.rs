//! LCS.

mod table;

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::string::StringBytes;

use self::table::Table;
use crate::args::{Options, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::usage::system_bytes;
use crate::spec::{ArgDoc, ArgType};

#[derive(Args, Default)]
struct LcsOptions {
    len: bool,
    idx: bool,
    #[arg(token = "MINMATCHLEN", name = "min-match-len")]
    min_match_len: Option<i64>,
    withmatchlen: bool,
}

/// Answers the longest common subsequence of two strings, its length, or where it stands in them.
#[command(
    "LCS",
    since = "7.0.0",
    complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    flags(READONLY),
    keys(KeySpec::range(1, 1, 1, RO | ACCESS)),
    args(
        ArgDoc::new("key1", ArgType::Key).key_spec(0),
        ArgDoc::new("key2", ArgType::Key).key_spec(0),
        ArgDoc::flatten(<LcsOptions as Options>::DOCS)
    )
)]
pub(crate) fn lcs(ctx: &mut Ctx, key1: Key, key2: Key, how: Rest) -> Result<()> {
    const NO_STRINGS: Error = Error::Plain("ERR The specified keys must contain string values");
    // Both are looked up before either is judged, and the options come last.
    let (first, second) = (ctx.keys.string_bytes(&key1).is_ok(), ctx.keys.string_bytes(&key2).is_ok());
    if !first || !second {
        return Err(NO_STRINGS);
    }
    let mut words = how.0;
    let how = LcsOptions::take(&mut words)?;
    if how.len && how.idx {
        return Err(Error::Plain("ERR If you want both the length and indexes, please just use IDX."));
    }
    let bytes = |key| ctx.keys.peek_string_bytes(key).map(|found| found.unwrap_or(StringBytes::Stored(b"")));
    let (a, b) = (bytes(&key1)?, bytes(&key2)?);
    check_size(&a, &b, ctx.node.settings.proto_max_bulk_len())?;
    if how.len {
        ctx.out.int(table::len(&a, &b) as i64);
        return Ok(());
    }
    let table = Table::new(&a, &b);
    if how.idx {
        write_matches(ctx.out, &table, &how);
        return Ok(());
    }
    let mut common = Vec::with_capacity(table.len());
    for run in table.runs() {
        common.extend(a[run.a..run.a + run.len].iter().rev());
    }
    common.reverse();
    ctx.out.bulk(&common);
    Ok(())
}

/// Tables up to this size are never too large for the machine.
const MODEST_BYTES: u128 = 512 << 20;

/// The limit is a table of 4 bytes for each pair of places, as Redis has it; here it bounds the time alone. Who raises
/// the setting meets the machine's memory, as in Redis.
fn check_size(a: &[u8], b: &[u8], limit: u64) -> Result<()> {
    let cells = (a.len() as u128 + 1) * (b.len() as u128 + 1);
    if cells * 4 > u128::from(limit) {
        return Err(Error::Plain("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"));
    }
    if cells * 4 > MODEST_BYTES && cells * 4 > u128::from(system_bytes()) {
        return Err(Error::Plain("ERR Insufficient memory, failed allocating transient memory for LCS"));
    }
    Ok(())
}

fn write_matches(out: &mut resp::Writer, table: &Table, how: &LcsOptions) {
    let len_min = how.min_match_len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
    out.map(2);
    out.bulk(b"matches");
    let (list, mut count) = (out.array_later(), 0);
    for run in table.runs().filter(|run| run.len >= len_min) {
        count += 1;
        out.array(if how.withmatchlen { 3 } else { 2 });
        for start in [run.a, run.b] {
            out.array(2);
            out.int(start as i64);
            out.int((start + run.len - 1) as i64);
        }
        if how.withmatchlen {
            out.int(run.len as i64);
        }
    }
    out.finish(list, count);
    out.bulk(b"len");
    out.int(table.len() as i64);
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn all_forms() {
        check(
            r#"
            > MSET a ohmytext b mynewtext n 1234 m 1204
            OK
            > LCS a b
            "mytext"
            > LCS n m
            "124"
            > LCS a b LEN
            (integer) 6
            > LCS a nokey
            ""
            > LCS a b IDX LEN
            (error) ERR If you want both the length and indexes, please just use IDX.
            > LCS a b MINMATCHLEN
            (error) ERR syntax error
            > LCS a nokey IDX
            1) "matches"
            2) (empty array)
            3) "len"
            4) (integer) 0
            "#,
        );
        check(
            r#"
            > MSET a ohmytext b mynewtext
            OK
            > LCS a b IDX WITHMATCHLEN MINMATCHLEN 3
            1) "matches"
            2) 1) 1) 1) (integer) 4
                     2) (integer) 7
                  2) 1) (integer) 5
                     2) (integer) 8
                  3) (integer) 4
            3) "len"
            4) (integer) 6
            "#,
        );
    }

    #[test]
    fn too_long_for_each_other() {
        check(
            "
            > SETRANGE a 11583 x
            (integer) 11584
            > SETRANGE b 11583 x
            (integer) 11584
            > LCS a b LEN
            (integer) 11584
            > SETRANGE a 11584 x
            (integer) 11585
            > LCS a b LEN
            (error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len
            ",
        );
    }
}
