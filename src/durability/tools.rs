//! `--check-wal DIR` and `--repair-wal DIR`: a log judged, or cut where it is damaged, without serving anybody.
#![allow(clippy::print_stdout, clippy::print_stderr)] // They talk to whoever started them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use persistence::disk::RealDisk;
use persistence::wal::{self, Damage};

/// Does what the words ask for, if it is one of the two.
pub(crate) fn act(program: &str, words: &[Vec<u8>]) -> Option<ExitCode> {
    let (first, rest) = words.split_first()?;
    let run = match first.as_slice() {
        b"--check-wal" => check,
        b"--repair-wal" => repair,
        _ => return None,
    };
    let [dir] = rest else {
        eprintln!("Usage: {program} {} <directory of the log>", String::from_utf8_lossy(first));
        return Some(ExitCode::FAILURE);
    };
    let dir = Path::new(OsStr::from_bytes(dir));
    Some(run(dir).unwrap_or_else(|damage| {
        eprintln!("{damage}");
        ExitCode::FAILURE
    }))
}

fn check(dir: &Path) -> Result<ExitCode, Damage> {
    let Some(checked) = wal::check(Arc::new(RealDisk), dir)? else { return Ok(no_log(dir)) };
    print!("{}", checked.report());
    Ok(if checked.result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn repair(dir: &Path) -> Result<ExitCode, Damage> {
    if wal::check(Arc::new(RealDisk), dir)?.is_none() {
        return Ok(no_log(dir));
    }
    match wal::repair(Arc::new(RealDisk), dir)? {
        Some(lines) => print!("{lines}"),
        None => println!("Nothing in the log needs repair."),
    }
    Ok(ExitCode::SUCCESS)
}

fn no_log(dir: &Path) -> ExitCode {
    eprintln!("There is no log in {}: it would have a file '{}'", dir.display(), wal::MANIFEST);
    ExitCode::FAILURE
}
