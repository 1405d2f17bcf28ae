//! PFSELFTEST.

use commands_macros::command;

use super::object::{self, Encoding, HEADER_LEN, REGISTERS};
use super::{dense, estimate, hash};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

/// How often all registers are written at random.
const ROUNDS: usize = 100;
/// The estimates of so many elements are judged, at each power of ten.
const ELEMENTS: u64 = 1_000_000;
/// Sparse and dense registers are compared up to here.
const COMPARED: u64 = 1000;

/// Checks registers of all values, and that estimates of growing sets are as good as promised.
#[command("PFSELFTEST", since = "2.8.9", complexity = "N/A", flags(ADMIN | SYSTEM))]
pub(crate) fn pfselftest(ctx: &mut Ctx) -> Result<Done> {
    registers_hold(ctx)?;
    let seed = ctx.random_below(u64::MAX);
    estimates_hold(seed, ctx.node.settings.hll_sparse_max_bytes())?;
    Ok(Done)
}

/// Dense registers against an array of bytes.
fn registers_hold(ctx: &Ctx) -> Result<()> {
    let (mut plain, mut unpacked) = ([0u8; REGISTERS], [0u8; REGISTERS]);
    for _ in 0..ROUNDS {
        let mut packed = vec![0; dense::LEN];
        plain.fill(0);
        let mut random = ctx.random_below(u64::MAX);
        for (index, register) in plain.iter_mut().enumerate() {
            random = next_random(random);
            *register = (random >> 58) as u8;
            dense::raise(&mut packed, index, *register);
        }
        dense::unpack(&packed, &mut unpacked);
        if let Some(index) = (0..REGISTERS).find(|&index| plain[index] != unpacked[index]) {
            return Err(Error::text(format!(
                "TESTFAILED Register {index} should be {} but is {}",
                plain[index], unpacked[index]
            )));
        }
        let mut again = vec![0; dense::LEN];
        dense::pack(&plain, &mut again);
        if packed != again {
            return Err(Error::Plain("TESTFAILED Registers packed at once differ from those set one by one"));
        }
    }
    Ok(())
}

fn next_random(random: u64) -> u64 {
    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

fn estimates_hold(seed: u64, sparse_len_max: usize) -> Result<()> {
    let mut sparse = object::empty();
    let mut dense = object::to_dense(&sparse)?;
    let mut checkpoint = 1;
    for count in 1..=ELEMENTS {
        let (index, value) = hash::place(&(count ^ seed).to_le_bytes());
        dense::raise(&mut dense[HEADER_LEN..], index, value);
        if count <= COMPARED {
            object::raise(&mut sparse, index, value, sparse_len_max)?;
        }
        if count != checkpoint {
            continue;
        }
        let estimate = estimate::of(&dense, Encoding::Dense)?;
        if count <= COMPARED && estimate::of(&sparse, object::encoding(&sparse)?)? != estimate {
            return Err(Error::Plain("TESTFAILED dense/sparse disagree"));
        }
        // The standard error is 1.04 / sqrt(registers); six times as much is chance no more.
        let margin = (6.0 * 1.04 / (REGISTERS as f64).sqrt() * count as f64).ceil().max(1.0);
        // A few elements may share registers by chance.
        let margin = if count == 10 { 1.0 } else { margin };
        if estimate.abs_diff(count) as f64 > margin {
            return Err(Error::text(format!(
                "TESTFAILED Too big error. card:{count} abserr:{}",
                estimate.abs_diff(count)
            )));
        }
        checkpoint *= 10;
    }
    Ok(())
}
