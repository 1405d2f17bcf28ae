//! Random commands from the table on two servers: `differential OURS REFERENCE`, each `ours`, `redis` or `HOST:PORT`.
//! `STEPS` commands in each protocol from `SEED`; every difference without a reason is printed, shortened.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use compat_tests::differential::{self, Plan};
use compat_tests::target::Tcp;
use compat_tests::transcript::parse::Proto;
use std::process::ExitCode;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |i: usize, default: &str| words.get(i).cloned().unwrap_or_else(|| default.into());
    match run(&word(0, "ours"), &word(1, "redis")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}

fn run(ours: &str, reference: &str) -> Result<bool, String> {
    let (ours, reference) = (Tcp::named(ours)?, Tcp::named(reference)?);
    let mut agree = true;
    for proto in [Proto::Resp2, Proto::Resp3] {
        let commands = number("STEPS", 100_000) as usize;
        let differences_max = number("DIFFERENCES", 40) as usize;
        let plan = Plan { proto, seed: number("SEED", 1), commands, differences_max };
        let report = differential::compare(&plan, &ours, &reference)?;
        report.differences.values().for_each(|(_, text)| println!("{text}"));
        report.explained.iter().for_each(|(why, times)| println!("explained, {times} times: {why}"));
        report.differences.iter().for_each(|(name, (times, _))| println!("DIFFERS, {times} times: {name}"));
        println!(
            "{proto:?}: {} commands, {} commands differ without a reason",
            report.commands,
            report.differences.len()
        );
        agree &= report.differences.is_empty();
    }
    Ok(agree)
}
