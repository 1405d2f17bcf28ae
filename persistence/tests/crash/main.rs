//! The log on a disk that forgets, tears, fails and fills up, at thousands of points: nothing that was promised is
//! lost, nothing that never was appears. Short by default; `make crash` sets `CRASH_POINTS` for long runs, `SEED`
//! for other ones. A failure names its seed.

mod damage;
mod faults;
mod power;
mod script;
mod world;

/// How many points to try: `CRASH_POINTS`, or this many.
fn points(default: u64) -> u64 {
    std::env::var("CRASH_POINTS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The first seed.
fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
