//! PFMERGE, and the union of HyperLogLogs.

use commands_macros::command;
use keyspace::keys::Key;

use super::object::{self, Encoding, HEADER_LEN, REGISTERS};
use super::{PFADD_EVENT, dense, sparse};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply::Ok as Done;

/// The highest of each register at some keys, a byte each, and whether one of them is dense.
pub(super) fn merge_all<'a>(
    ctx: &mut Ctx,
    keys: impl Iterator<Item = Key<'a>>,
) -> Result<(Box<[u8; REGISTERS]>, bool)> {
    let mut highest = Box::new([0; REGISTERS]);
    let mut has_dense = false;
    for key in keys {
        let Some(hll) = ctx.keys.string_bytes(&key)? else { continue };
        let registers = hll.get(HEADER_LEN..).unwrap_or_default();
        match object::encoding(&hll)? {
            Encoding::Dense => {
                has_dense = true;
                dense::merge(registers, &mut highest);
            }
            Encoding::Sparse => sparse::walk(registers, |run, value| {
                highest[run].iter_mut().for_each(|register| *register = value.max(*register));
            })?,
        }
    }
    Ok((highest, has_dense))
}

/// Adds the HyperLogLogs at some keys to another one, which is made when there is none.
#[command(
    "PFMERGE",
    since = "2.8.9",
    complexity = "O(N) to merge N HyperLogLogs, but with high constant times.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | ACCESS | INSERT), KeySpec::range(2, -1, 1, RO | ACCESS))
)]
pub(crate) fn pfmerge(ctx: &mut Ctx, destkey: Key, #[arg(key_spec = 1)] sourcekey: Option<Many<Key>>) -> Result<Done> {
    let sources = sourcekey.iter().flat_map(|keys| keys.words().keys());
    let (highest, has_dense) = merge_all(ctx, std::iter::once(destkey).chain(sources))?;
    let found = ctx.keys.find_string(&destkey)?;
    let stored = found.map(|found| ctx.keys.string_at(&destkey, found.slot)).transpose()?;
    let mut hll = stored.map_or_else(object::empty, |hll| hll.to_vec());
    if has_dense {
        if object::encoding(&hll)? == Encoding::Sparse {
            hll = object::to_dense(&hll)?;
        }
        dense::pack(&highest, &mut hll[HEADER_LEN..]);
    } else {
        let len_max = ctx.node.settings.hll_sparse_max_bytes();
        for (index, value) in highest.iter().enumerate().filter(|(_, value)| **value != 0) {
            object::raise(&mut hll, index, *value, len_max)?;
        }
    }
    object::forget_estimate(&mut hll);
    ctx.keys.replace_string(&destkey, found, &hll);
    ctx.keys.changed(&destkey, PFADD_EVENT);
    Ok(Done)
}
