//! Random commands built from the table, on this server and on a real one, which is right unless
//! `differential/explained.txt` says why not. `STEPS` commands in each protocol; `SEED` chooses others.

use compat_tests::differential::{self, Plan};
use compat_tests::target::Tcp;
use compat_tests::transcript::parse::Proto;

fn check(proto: Proto) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let ours = Tcp::ours().unwrap_or_else(|fault| panic!("{fault}"));
    let reference = Tcp::redis().unwrap_or_else(|fault| panic!("{fault}"));
    let commands = number("STEPS").unwrap_or(6000) as usize;
    let plan = Plan { proto, seed: number("SEED").unwrap_or(1), commands, differences_max: 10 };
    let report = differential::compare(&plan, &ours, &reference).unwrap_or_else(|fault| panic!("{fault}"));
    let differences: Vec<&str> = report.differences.values().map(|(_, text)| text.as_str()).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(report.commands >= commands);
}

#[test]
fn resp2() {
    check(Proto::Resp2);
}

#[test]
fn resp3() {
    check(Proto::Resp3);
}
