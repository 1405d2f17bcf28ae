//! PFADD.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::string::FoundString;

use super::object::{self, Encoding, HEADER_LEN};
use super::{PFADD_EVENT, dense, hash};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Adds elements to a HyperLogLog, which is made when there is none; answers whether its estimate may be another now.
#[command(
    "PFADD",
    since = "2.8.9",
    complexity = "O(1) to add every element.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | INSERT))
)]
pub(crate) fn pfadd(ctx: &mut Ctx, key: Key, element: Option<Many<&[u8]>>) -> Result<bool> {
    let places = element.iter().flat_map(|elements| elements.words().iter()).map(hash::place);
    let found = ctx.keys.find_string(&key)?;
    let encoding = match found {
        Some(found) => Some(object::encoding(&ctx.keys.string_at(&key, found.slot)?)?),
        None => None,
    };
    let raised = if encoding == Some(Encoding::Dense) {
        add_dense(ctx, &key, found, places)
    } else {
        add_sparse(ctx, &key, found, places)?
    };
    if raised > 0 {
        ctx.keys.changed_by(&key, PFADD_EVENT, raised);
    }
    Ok(raised > 0)
}

/// Raises registers where they are; how many were lower.
fn add_dense(ctx: &mut Ctx, key: &Key, found: Option<FoundString>, places: impl Iterator<Item = (usize, u8)>) -> usize {
    let hll = ctx.keys.string_mut(key, found, 0);
    let raised = places.filter(|(index, value)| dense::raise(&mut hll[HEADER_LEN..], *index, *value)).count();
    if raised > 0 {
        object::forget_estimate(hll);
    }
    raised
}

/// As `add_dense`, on a copy, which may grow and become dense: a corrupted string stays what it was. That the string is
/// made counts as a change.
fn add_sparse(
    ctx: &mut Ctx,
    key: &Key,
    found: Option<FoundString>,
    places: impl Iterator<Item = (usize, u8)>,
) -> Result<usize> {
    let len_max = ctx.node.settings.hll_sparse_max_bytes();
    let mut raised = usize::from(found.is_none());
    let mut hll = match found {
        Some(found) => ctx.keys.string_at(key, found.slot)?.to_vec(),
        None => object::empty(),
    };
    for (index, value) in places {
        raised += usize::from(object::raise(&mut hll, index, value, len_max)?);
    }
    if raised > 0 {
        object::forget_estimate(&mut hll);
        ctx.keys.replace_string(key, found, &hll);
    }
    Ok(raised)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn small_sets_are_counted_exactly() {
        check(
            r#"
            > PFADD h
            (integer) 1
            > PFDEBUG DECODE h
            "Z:16384"
            > PFADD h a b c
            (integer) 1
            > PFADD h a b c
            (integer) 0
            > PFCOUNT h
            (integer) 3
            > PFADD g c d e
            (integer) 1
            > PFCOUNT g h nokey
            (integer) 5
            > PFMERGE all g h
            OK
            > PFCOUNT all
            (integer) 5
            > PFDEBUG TODENSE g
            (integer) 1
            > PFMERGE all g
            OK
            > PFDEBUG ENCODING all
            dense
            > PFCOUNT all
            (integer) 5
            > PFSELFTEST
            OK
            "#,
        );
    }

    #[test]
    fn other_strings_are_refused() {
        check(
            r#"
            > SET k "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x7f\xff"
            OK
            > PFCOUNT k
            (error) INVALIDOBJ Corrupted HLL object detected
            > PFMERGE d k
            (error) INVALIDOBJ Corrupted HLL object detected
            > PFDEBUG TODENSE k
            (error) INVALIDOBJ Corrupted HLL object detected
            > SET k "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x41"
            OK
            > PFADD k a b c d
            (error) INVALIDOBJ Corrupted HLL object detected
            > SETRANGE k 4 "\x02"
            (integer) 18
            > PFADD k a
            (error) WRONGTYPE Key is not a valid HyperLogLog string value.
            > SET k 12345678901234567
            OK
            > PFCOUNT k k
            (error) WRONGTYPE Key is not a valid HyperLogLog string value.
            "#,
        );
    }
}
