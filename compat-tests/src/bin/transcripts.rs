//! Plays the transcripts on a server: `transcripts [ours | redis | HOST:PORT] [part of a path]`.
//! `UPDATE=1` writes missing expected replies from that server into the files.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use compat_tests::target::{Target, Tcp};
use compat_tests::transcript;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let target = match Tcp::named(&words.next().unwrap_or_else(|| "redis".into())) {
        Ok(target) => target,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    let update = std::env::var_os("UPDATE").is_some();
    if update && target.name() == "stateless" {
        eprintln!("UPDATE=1 takes the replies of a real redis-server, not of the server under test");
        return ExitCode::from(2);
    }
    let report = transcript::play(&target, &words.next().unwrap_or_default(), update);
    for failure in &report.failures {
        println!("{failure}");
    }
    println!("{}: {} replies compared, {} cases differ", target.name(), report.compared, report.failures.len());
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
