//! BITPOS.

use std::ops::Range;

use commands_macros::command;
use keyspace::keys::Key;

use super::KEY;
use super::range::{Places, UNIT, Unit, place};
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const RANGE: ArgDoc = ArgDoc::block(
    "range",
    &[
        ArgDoc::new("start", ArgType::Integer),
        ArgDoc::block("end-unit-block", &[ArgDoc::new("end", ArgType::Integer), UNIT]).optional(),
    ],
)
.optional();

/// Answers where the first bit of a value stands in the string at a key, or in a part of it.
#[command(
    "BITPOS",
    since = "2.8.7",
    complexity = "O(N)",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(KEY, ArgDoc::new("bit", ArgType::Integer), RANGE)
)]
pub(crate) fn bitpos(ctx: &mut Ctx, key: Key, bit: i64, range: Rest) -> Result<i64> {
    let bit = match bit {
        0 => false,
        1 => true,
        _ => return Err(Error::Plain("ERR The bit argument must be 1 or 0.")),
    };
    let (places, has_end) = places(range)?;
    let Some(bytes) = ctx.keys.string_bytes(&key)? else { return Ok(if bit { -1 } else { 0 }) };
    let bits = places.bits(bytes.len());
    if bits.is_empty() {
        return Ok(-1);
    }
    Ok(match find(&bytes, bit, bits) {
        Some(at) => at as i64,
        // A string without an end given goes on with zeros.
        None if !bit && !has_end => bytes.len() as i64 * 8,
        None => -1,
    })
}

/// The range, and whether its end was given. The unit is read before the end.
fn places(range: Rest) -> Result<(Places, bool)> {
    let mut words = range.0;
    let count = words.len();
    if count == 0 {
        return Ok((Places::ALL, false));
    }
    if count > 3 {
        return Err(Error::Syntax);
    }
    let first = place(&mut words)?;
    if count == 1 {
        return Ok((Places { first, ..Places::ALL }, false));
    }
    let mut end = words.take_first(1)?;
    let unit = Unit::take(&mut words)?;
    Ok((Places { first, last: place(&mut end)?, unit }, true))
}

/// The first bit of a value among some bits.
fn find(bytes: &[u8], bit: bool, bits: Range<usize>) -> Option<usize> {
    // A byte with the bits that are looked for set.
    let wanted = |byte: u8| if bit { byte } else { !byte };
    let (first, last) = (bits.start / 8, (bits.end - 1) / 8);
    let head = wanted(bytes[first]) & 0xFF >> (bits.start % 8);
    let at = if head != 0 {
        first * 8 + head.leading_zeros() as usize
    } else {
        let from = first + 1;
        let skipped = skip(bytes.get(from..=last)?, if bit { 0 } else { u64::MAX })?;
        (from + skipped) * 8 + wanted(bytes[from + skipped]).leading_zeros() as usize
    };
    (at < bits.end).then_some(at)
}

/// The first byte that is not as those of `same`.
fn skip(bytes: &[u8], same: u64) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    if let Some(at) = words.iter().position(|word| u64::from_ne_bytes(*word) != same) {
        let differs = u64::from_le_bytes(words[at]) ^ same;
        return Some(at * 8 + differs.trailing_zeros() as usize / 8);
    }
    rest.iter().position(|byte| *byte != same as u8).map(|at| words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::testing::check;

    #[test]
    fn every_range() {
        for fill in [0u8, 0xFF] {
            for place in (0..27 * 8).step_by(5) {
                let mut bytes = vec![fill; 27];
                bytes[place / 8] ^= 0x80 >> (place % 8);
                for start in 0..bytes.len() * 8 {
                    for end in (start + 1..=bytes.len() * 8).step_by(3) {
                        let expected = (start..end).contains(&place).then_some(place);
                        assert_eq!(find(&bytes, fill == 0, start..end), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn ends_and_errors() {
        check(
            r#"
            > SET k "\xff\xff"
            OK
            > BITPOS k 0
            (integer) 16
            > BITPOS k 0 1
            (integer) 16
            > BITPOS k 0 0 -1
            (integer) -1
            > BITPOS k 0 5
            (integer) -1
            > BITPOS nokey 0 5 6
            (integer) 0
            > BITPOS nokey 1
            (integer) -1
            > BITPOS k 2 a
            (error) ERR The bit argument must be 1 or 0.
            > BITPOS k 1 0 a what
            (error) ERR syntax error
            > BITPOS k 1 a 0 what
            (error) ERR value is not an integer or out of range
            > BITPOS k 1 a 0 BYTE x
            (error) ERR syntax error
            "#,
        );
    }
}
