//! How long it takes to find the patterns that a key matches, of many.

use std::time::Instant;

use ownership::{Found, Index, Pattern};

/// Keys of one timed run.
const KEYS: usize = 4096;
/// Timed runs, of which the best counts.
const RUNS: usize = 50;

/// A set of patterns, by how many there are.
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// How many patterns.
    pub count: usize,
    pattern: fn(usize) -> String,
    key: fn(usize) -> String,
}

/// All benchmarks.
pub const CASES: &[Case] = &[
    Case {
        name: "depth 4",
        count: 10_000,
        pattern: |n| format!("app{}:kind{}:<id>:*", n % 100, n / 100),
        key: |n| format!("app{}:kind{}:{n}:name", n % 100, n / 100 % 100),
    },
    Case {
        name: "depth 4, no match",
        count: 10_000,
        pattern: |n| format!("app{}:kind{}:<id>:*", n % 100, n / 100),
        key: |n| format!("other{}:{n}", n % 100),
    },
    Case {
        name: "depth 4",
        count: 100_000,
        pattern: |n| format!("app{}:kind{}:<id>:*", n % 1000, n / 1000),
        key: |n| format!("app{}:kind{}:{n}:name", n % 1000, n / 1000 % 100),
    },
    Case {
        name: "globs in segments",
        count: 100_000,
        pattern: |n| format!("app{}:k{}-?*", n % 1000, n / 1000),
        key: |n| format!("app{}:k{}-{n}", n % 1000, n / 1000 % 100),
    },
    Case {
        name: "stars at both ends",
        count: 100_000,
        pattern: |n| format!("*:word{n}:*"),
        key: |n| format!("text:word{n}:{n}"),
    },
];

impl Case {
    /// Nanoseconds for one key, and how many patterns the keys matched.
    pub fn measure(&self) -> (f64, usize) {
        let patterns: Vec<Pattern> =
            (0..self.count).filter_map(|n| Pattern::parse((self.pattern)(n).as_bytes()).ok()).collect();
        let index = Index::new(&patterns);
        // Keys in an order that no cache knows ahead.
        let keys: Vec<String> = (0..KEYS).map(|n| (self.key)(n * 7919 % self.count)).collect();
        let (mut best, mut matched, mut found) = (f64::MAX, 0, Found::new());
        for _ in 0..RUNS {
            let start = Instant::now();
            matched = 0;
            for key in &keys {
                found.clear();
                index.matches(key.as_bytes(), &mut found);
                matched += found.len();
            }
            best = best.min(start.elapsed().as_nanos() as f64 / KEYS as f64);
        }
        (best, matched)
    }
}
