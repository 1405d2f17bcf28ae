//! The string as a whole: a header of 16 bytes and the registers behind it.
//!
//! Header: `HYLL`, the encoding, three bytes unused, and the latest estimate (64 bits, little-endian; its highest bit
//! is set when the registers changed since).

use super::{CORRUPTED, dense, sparse};
use crate::error::{Error, Result};

/// How many registers there are.
pub(super) const REGISTERS: usize = 1 << 14;
/// Where they begin.
pub(super) const HEADER_LEN: usize = 16;

const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const ESTIMATE_AT: usize = 8;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const STALE_BIT: u8 = 0x80;

/// No string of sparse registers is longer: each of its codes has at most two bytes, and one register at least.
const SPARSE_LEN_MAX: usize = HEADER_LEN + 2 * REGISTERS;

const NO_HYPERLOGLOG: Error = Error::Plain("WRONGTYPE Key is not a valid HyperLogLog string value.");

/// How registers are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Dense,
    Sparse,
}

/// The encoding of a string, which is then at least as long as a header; dense registers are all there.
pub(super) fn encoding(hll: &[u8]) -> Result<Encoding> {
    if hll.len() < HEADER_LEN || !hll.starts_with(MAGIC) {
        return Err(NO_HYPERLOGLOG);
    }
    match hll[ENCODING_AT] {
        DENSE if hll.len() == HEADER_LEN + dense::LEN => Ok(Encoding::Dense),
        SPARSE if hll.len() > SPARSE_LEN_MAX => Err(CORRUPTED),
        SPARSE => Ok(Encoding::Sparse),
        _ => Err(NO_HYPERLOGLOG),
    }
}

/// A string without elements.
pub(super) fn empty() -> Vec<u8> {
    let mut hll = vec![0; HEADER_LEN];
    hll[..MAGIC.len()].copy_from_slice(MAGIC);
    hll[ENCODING_AT] = SPARSE;
    hll.extend_from_slice(&sparse::EMPTY);
    hll
}

/// The latest estimate, when it still holds.
pub(super) fn cached_estimate(hll: &[u8]) -> Option<u64> {
    let bytes = *hll[ESTIMATE_AT..].first_chunk()?;
    (bytes[7] & STALE_BIT == 0).then(|| u64::from_le_bytes(bytes))
}

/// Keeps an estimate.
pub(super) fn cache_estimate(hll: &mut [u8], estimate: u64) {
    hll[ESTIMATE_AT..HEADER_LEN].copy_from_slice(&estimate.to_le_bytes());
}

/// The latest estimate holds no more.
pub(super) fn forget_estimate(hll: &mut [u8]) {
    hll[HEADER_LEN - 1] |= STALE_BIT;
}

/// The string with dense registers in place of sparse ones.
pub(super) fn to_dense(hll: &[u8]) -> Result<Vec<u8>> {
    let mut dense = vec![0; HEADER_LEN + dense::LEN];
    dense[..HEADER_LEN].copy_from_slice(&hll[..HEADER_LEN]);
    dense[ENCODING_AT] = DENSE;
    let registers = &mut dense[HEADER_LEN..];
    sparse::walk(&hll[HEADER_LEN..], |run, value| {
        if value != 0 {
            for index in run {
                dense::raise(registers, index, value);
            }
        }
    })?;
    Ok(dense)
}

/// Raises a register to a value; whether it was lower. Sparse registers become dense ones where they must.
pub(super) fn raise(hll: &mut Vec<u8>, index: usize, value: u8, sparse_len_max: usize) -> Result<bool> {
    if hll[ENCODING_AT] == DENSE {
        return Ok(dense::raise(&mut hll[HEADER_LEN..], index, value));
    }
    match sparse::raise(hll, index, value, sparse_len_max)? {
        sparse::Raised::No => Ok(false),
        sparse::Raised::Yes => Ok(true),
        sparse::Raised::NeedsDense => {
            *hll = to_dense(hll)?;
            Ok(dense::raise(&mut hll[HEADER_LEN..], index, value))
        }
    }
}
