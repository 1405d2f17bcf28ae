//! Sets.

use keyspace::db::Value;
use keyspace::packed::Element;
use keyspace::set::NewSet;

use super::super::format::kind;
use super::super::input::{Input, Malformed, Result, Text};
use super::listpack::Listpack;
use super::{Context, TWICE};

pub(super) fn decode(kind: u8, input: &mut Input<'_>, context: Context<'_>) -> Result<Option<Value>> {
    let (seed, limits) = (context.seed, context.limits.set);
    let set = match kind {
        kind::SET => {
            let count = input.count(1)?;
            let mut set = NewSet::with_expected(count, seed, limits);
            for _ in 0..count {
                let is_new = match input.text()? {
                    Text::Bytes(bytes) => set.insert(Element::Bytes(&bytes)),
                    Text::Int(number) => set.insert(Element::Int(number)),
                };
                if !is_new {
                    return Err(TWICE);
                }
            }
            set
        }
        kind::SET_INTSET => NewSet::of_ints(intset(&input.string()?)?, seed, limits),
        _ => {
            let bytes = input.string()?;
            let row = Listpack::new(&bytes)?;
            let mut set = NewSet::packed(row.len, seed, limits);
            for member in row.iter() {
                if !set.insert(member) {
                    return Err(TWICE);
                }
            }
            set
        }
    };
    Ok(set.into_value())
}

/// Integers of 2, 4 or 8 bytes behind their width and number, ascending; as the keyspace keeps them.
fn intset(bytes: &[u8]) -> Result<Vec<u8>> {
    const BAD: Malformed = Malformed("Intset integrity check failed.");
    let (head, values) = bytes.split_first_chunk::<8>().ok_or(BAD)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    let (width, len) = (word(0), word(4));
    if !matches!(width, 2 | 4 | 8) || len.checked_mul(width) != Some(values.len()) || len == 0 {
        return Err(BAD);
    }
    let mut blob = Vec::with_capacity(1 + values.len());
    blob.push(width as u8);
    blob.extend_from_slice(values);
    let mut ints = keyspace::intset::iter(&blob);
    let first = ints.next();
    let is_ascending = ints.try_fold(first, |before, int| (before < Some(int)).then_some(Some(int))).is_some();
    drop(ints);
    if is_ascending { Ok(blob) } else { Err(BAD) }
}
