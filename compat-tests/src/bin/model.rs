//! Random sequences on two servers: `model OURS REFERENCE [KIND]`, each `ours`, `redis` or `HOST:PORT`.
//! `STEPS` commands per kind and protocol from `SEED`; every difference is printed, shortened.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use compat_tests::model::{self, Plan, templates};
use compat_tests::target::Tcp;
use compat_tests::transcript::parse::Proto;
use std::process::ExitCode;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |i: usize, default: &str| words.get(i).cloned().unwrap_or_else(|| default.into());
    let (ours, reference) = match (Tcp::named(&word(0, "ours")), Tcp::named(&word(1, "redis"))) {
        (Ok(ours), Ok(reference)) => (ours, reference),
        (Err(fault), _) | (_, Err(fault)) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    let mut differ = false;
    for (kind, _) in templates::kinds().into_iter().filter(|(kind, _)| words.get(2).is_none_or(|only| only == kind)) {
        for proto in [Proto::Resp2, Proto::Resp3] {
            let plan = Plan { kind, proto, seed: number("SEED", 1), steps: number("STEPS", 20_000) as usize };
            match model::compare(&plan, &ours, &reference) {
                Ok(played) => println!("{kind} {proto:?}: {played} commands agree"),
                Err(difference) => {
                    println!("{difference}");
                    differ = true;
                }
            }
        }
    }
    if differ { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
