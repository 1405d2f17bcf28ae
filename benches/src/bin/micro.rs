//! Nanoseconds for parsing and running one command, in process: `micro [name]`.
#![allow(clippy::print_stdout)]

use benches::micro::{CASES, Instance};

fn main() -> std::io::Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!("{:<14} {:>10} {:>10} {:>10}", "", "parse ns", "find ns", "all ns");
    for case in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        let times = Instance::new()?.measure(case);
        println!("{:<14} {:>10.1} {:>10.1} {:>10.1}", case.name, times.parse_ns, times.find_ns, times.all_ns);
    }
    Ok(())
}
