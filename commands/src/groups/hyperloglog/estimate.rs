//! From registers to a number of elements: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
//! sketches" (2017), the improved raw estimator. It needs no correction for small or large numbers.

use super::hash::COUNTED_BITS;
use super::object::{Encoding, HEADER_LEN, REGISTERS};
use super::{dense, sparse};
use crate::error::Result;

/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The estimate of a string.
pub(super) fn of(hll: &[u8], encoding: Encoding) -> Result<u64> {
    let registers = &hll[HEADER_LEN..];
    Ok(of_histogram(&match encoding {
        Encoding::Dense => dense::histogram(registers),
        Encoding::Sparse => {
            let mut counts = [0; 64];
            sparse::walk(registers, |run, value| counts[usize::from(value)] += run.len() as u32)?;
            counts
        }
    }))
}

/// The estimate of registers of a byte each.
pub(super) fn of_registers(registers: &[u8; REGISTERS]) -> u64 {
    let mut counts = [0; 64];
    for register in registers {
        counts[usize::from(register & 63)] += 1;
    }
    of_histogram(&counts)
}

/// `counts[value]`: how many registers have it.
fn of_histogram(counts: &[u32; 64]) -> u64 {
    let m = REGISTERS as f64;
    let highest = COUNTED_BITS as usize + 1;
    let mut z = m * tau((m - f64::from(counts[highest])) / m);
    for count in counts[1..highest].iter().rev() {
        z = (z + f64::from(*count)) * 0.5;
    }
    z += m * sigma(f64::from(counts[0]) / m);
    (ALPHA * m * m / z).round() as u64
}

/// x + the sum of 2^(k - 1) x^(2^k): what registers of zero weigh.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// What registers of the highest value weigh.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
