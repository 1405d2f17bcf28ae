//! BITCOUNT.

use std::ops::Range;

use commands_macros::command;
use keyspace::keys::Key;

use super::KEY;
use super::popcount::count_ones;
use super::range::{Places, UNIT, Unit, place};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const RANGE: ArgDoc =
    ArgDoc::block("range", &[ArgDoc::new("start", ArgType::Integer), ArgDoc::new("end", ArgType::Integer), UNIT])
        .optional();

/// Answers how many bits are set in the string at a key, or in a part of it.
#[command(
    "BITCOUNT",
    since = "2.6.0",
    complexity = "O(N)",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(KEY, RANGE)
)]
pub(crate) fn bitcount(ctx: &mut Ctx, key: Key, range: Rest) -> Result<usize> {
    let mut words = range.0;
    let places = match words.len() {
        0 => Places::ALL,
        2 | 3 => {
            let (first, last) = (place(&mut words)?, place(&mut words)?);
            Places { first, last, unit: Unit::take(&mut words)? }
        }
        _ => return Err(Error::Syntax),
    };
    let Some(bytes) = ctx.keys.string_bytes(&key)? else { return Ok(0) };
    // Two places before the beginning would both mean the beginning.
    if places.first < 0 && places.last < 0 && places.first > places.last {
        return Ok(0);
    }
    Ok(count(&bytes, places.bits(bytes.len())))
}

/// How many of some bits are set.
fn count(bytes: &[u8], bits: Range<usize>) -> usize {
    if bits.is_empty() {
        return 0;
    }
    let (first, last) = (bits.start / 8, (bits.end - 1) / 8);
    let before = bytes[first] & !(0xFF >> (bits.start % 8));
    let after = bytes[last] & (0xFF >> ((bits.end - 1) % 8 + 1).min(8)) as u8;
    count_ones(&bytes[first..=last]) - before.count_ones() as usize - after.count_ones() as usize
}

#[cfg(test)]
mod tests {
    use super::count;
    use crate::testing::check;

    #[test]
    fn every_range() {
        let bytes: Vec<u8> = (0..40).map(|i: u8| i.wrapping_mul(89) ^ i >> 1).collect();
        let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1 == 1;
        for start in 0..bytes.len() * 8 {
            for end in start..=bytes.len() * 8 {
                assert_eq!(count(&bytes, start..end), (start..end).filter(|&at| bit(at)).count(), "{start}..{end}");
            }
        }
    }

    #[test]
    fn ranges_and_units() {
        check(
            r#"
            > SET k foobar
            OK
            > BITCOUNT k
            (integer) 26
            > BITCOUNT k 0 0
            (integer) 4
            > BITCOUNT k 5 30 BIT
            (integer) 17
            > BITCOUNT k -6 -7
            (integer) 0
            > BITCOUNT nokey 0
            (error) ERR syntax error
            > BITCOUNT nokey a b what
            (error) ERR value is not an integer or out of range
            > BITCOUNT nokey 0 1 what
            (error) ERR syntax error
            > BITCOUNT nokey
            (integer) 0
            "#,
        );
    }
}
