//! `--check-audit FILE...`: whether audit logs are whole, one after the other.
#![allow(clippy::print_stdout, clippy::print_stderr)] // They talk to whoever started them.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use audit::Fault;

/// Checks the files that the words name, each as what follows the one before.
pub(crate) fn check(program: &str, words: &[Vec<u8>]) -> ExitCode {
    if words.is_empty() {
        eprintln!("Usage: {program} --check-audit <file> [<file> ...] (oldest first)");
        return ExitCode::FAILURE;
    }
    let mut tail = None;
    for path in super::paths(words) {
        let file = File::open(&path).map_err(Fault::Unreadable);
        match file.and_then(|file| audit::check(&mut BufReader::new(file), tail.as_ref())) {
            Ok(checked) => {
                println!("{}: {checked}", path.display());
                tail = Some(checked.tail);
            }
            Err(fault) => {
                eprintln!("{}: {fault}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
