//! Random identifiers, and random numbers that need not be secret.

use std::fs::File;
use std::io::{self, Read as _};

/// Characters of a run id, a replication id or a node id.
pub const RUN_ID_LEN: usize = 40;

/// Fills `bytes` from the operating system's generator; fit for secrets.
pub fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    const SOURCE: &str = "/dev/urandom";
    let explain = |error: io::Error| {
        let text = format!("cannot read random bytes from {SOURCE}: {error}; make that device available to the server");
        io::Error::new(error.kind(), text)
    };
    File::open(SOURCE).and_then(|mut source| source.read_exact(bytes)).map_err(explain)
}

/// A new id of 40 lower-case hexadecimal characters.
pub fn new_run_id() -> io::Result<String> {
    let mut bytes = [0; RUN_ID_LEN / 2];
    fill_random(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}

/// A small, fast generator (xoshiro256++, Blackman and Vigna) for sampling and jitter. The same seed gives the same
/// numbers; never for secrets.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// A generator whose numbers follow from the seed.
    pub fn from_seed(mut seed: u64) -> Rng {
        // splitmix64 spreads any seed, zero included, over the state.
        Rng(std::array::from_fn(|_| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        }))
    }

    /// A generator seeded by the operating system.
    pub fn from_os() -> io::Result<Rng> {
        let mut seed = [0; 8];
        fill_random(&mut seed)?;
        Ok(Rng::from_seed(u64::from_ne_bytes(seed)))
    }

    /// Any number.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `bound`, each as likely as any other; 0 if the bound is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            let low = product as u64;
            // The first `2^64 mod bound` remainders would be met once too often (Lemire, 2019).
            if low >= bound || low >= bound.wrapping_neg() % bound.max(1) {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from 0 up to but not including 1.
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_differ_and_have_their_form() {
        let (a, b) = (new_run_id().unwrap(), new_run_id().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), RUN_ID_LEN);
        assert!(a.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_eq!(hex(&[0x00, 0x7f, 0xff]), "007fff");
    }

    /// The published generator's first numbers from the state 1, 2, 3, 4.
    #[test]
    fn is_xoshiro256plusplus() {
        let mut rng = Rng([1, 2, 3, 4]);
        assert_eq!([(); 4].map(|()| rng.next_u64()), [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }

    #[test]
    fn a_seed_repeats_its_numbers() {
        let numbers = |seed| {
            let mut rng = Rng::from_seed(seed);
            [(); 8].map(|()| rng.next_u64())
        };
        assert_eq!(numbers(0), numbers(0));
        assert_ne!(numbers(0), numbers(1));
        assert!(Rng::from_os().is_ok());
    }

    #[test]
    fn bounds_hold_and_all_numbers_come() {
        let mut rng = Rng::from_seed(1);
        assert_eq!(rng.below(0), 0);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
            assert!((0.0..1.0).contains(&rng.next_f64()));
        }
        assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
        let huge = (1 << 63) + 1;
        assert!((0..100).all(|_| rng.below(huge) < huge));
    }
}
