//! Random commands of users with random rules, compared with a real redis-server: `SETS` sets of rules, `COMMANDS` for
//! each; `SEED` chooses others.

use compat_tests::rules::{self, Plan};
use compat_tests::target::Tcp;

#[test]
fn what_users_may_do_is_what_they_were_granted() {
    let number =
        |name: &str, default: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let ours = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
    let reference = Tcp::redis().unwrap_or_else(|fault| panic!("{fault}"));
    let plan = Plan { seed: number("SEED", 1) as u64, sets: number("SETS", 40), commands: number("COMMANDS", 200) };
    let report = rules::compare(&plan, &ours, &reference).unwrap_or_else(|fault| panic!("{fault}"));
    eprintln!("{report:?}");
    let differences: Vec<&str> = report.differences.values().map(String::as_str).collect();
    assert!(differences.is_empty(), "SEED={}\n{}", plan.seed, differences.join("\n"));
    // Rules that grant nothing, or everything, would show nothing.
    let share = report.granted as f64 / report.verdicts as f64;
    assert!((0.05..0.95).contains(&share) && report.touched > 0, "{report:?}");
}
