//! Random choices that a printed seed repeats.

/// Deterministic for a seed, on every machine.
pub struct Rng(base::id::Rng);

impl Rng {
    /// The generator of one seed.
    pub fn new(seed: u64) -> Rng {
        Rng(base::id::Rng::from_seed(seed))
    }

    /// A number in `0..bound`; `bound` must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
