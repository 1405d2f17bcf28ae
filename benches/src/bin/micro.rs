//! Nanoseconds for parsing and running one command, and for finding the patterns of one key, in process: `micro
//! [name]`.
#![allow(clippy::print_stdout)]

use benches::micro::{CASES, Instance};
use benches::patterns;

fn main() -> std::io::Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!("{:<14} {:>10} {:>10} {:>10}", "", "parse ns", "find ns", "all ns");
    for case in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        let times = Instance::new()?.measure(case);
        println!("{:<14} {:>10.1} {:>10.1} {:>10.1}", case.name, times.parse_ns, times.find_ns, times.all_ns);
    }
    println!("\n{:<20} {:>10} {:>10} {:>10}", "patterns", "count", "key ns", "matches");
    for case in patterns::CASES.iter().filter(|case| "patterns".contains(&wanted) || case.name.contains(&wanted)) {
        let (ns, matches) = case.measure();
        println!("{:<20} {:>10} {ns:>10.1} {matches:>10}", case.name, case.count);
    }
    Ok(())
}
