//! `redis-check-aof` (by that name, or as `--check-aof`): append-only files of Redis judged, and cut where asked for.
//!
//! What it says and how it ends is Redis's, so that scripts around it go on working.
#![allow(clippy::print_stderr)] // It talks to whoever started it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use persistence::aof::{Judge, Manifest, TooLate};
use persistence::rdb::file::Map;
use settings::Settings;

use super::theirs::{is_manifest, tell_flaw};
use crate::cli::VERSION;
use crate::{log, rdb_tools};

/// Whether a program of this name is to check append-only files.
pub(crate) fn is_checker(program: &[u8]) -> bool {
    program.rsplit(|byte| *byte == b'/').next() == Some(b"redis-check-aof")
}

/// Ends the tool: everything is said.
struct Stop;

type Result<T> = std::result::Result<T, Stop>;

/// What is asked for.
struct Task {
    fixes: bool,
    judge: Judge,
}

/// What became of one file.
enum Outcome {
    Valid,
    Empty,
    Cut,
    CutAtTime(i64),
}

/// Says something; whoever does not listen any more has had enough.
macro_rules! say {
    ($($arg:tt)*) => {
        writeln!(io::stdout(), $($arg)*).map_err(|_| Stop)?
    };
}

/// Judges a file: `words` are those of redis-check-aof.
pub(crate) fn check_aof(program: &str, words: &[Vec<u8>]) -> ExitCode {
    let (path, fixes, until) = match words {
        [word] if word == b"-v" || word == b"--version" => {
            let reported = Settings::new().redis_version_reported().to_string_lossy().into_owned();
            let said = writeln!(io::stdout(), "redis-check-aof {reported} (build {VERSION})");
            return if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        [path] => (path, false, None),
        [word, path] if word == b"--fix" => (path, true, None),
        [word, time, path] if word == b"--truncate-to-timestamp" => match base::number::parse_i64(time) {
            Some(time) => (path, false, Some(time)),
            None => {
                let _ = writeln!(io::stdout(), "Invalid timestamp, aborting...");
                return ExitCode::FAILURE;
            }
        },
        _ => {
            let _ = writeln!(
                io::stdout(),
                "Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>"
            );
            return ExitCode::FAILURE;
        }
    };
    // Redis does not look at the time 0 either.
    let mut task = Task { fixes, judge: Judge::new(until.filter(|until| *until != 0)) };
    match task.check(Path::new(OsStr::from_bytes(path))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop) => ExitCode::FAILURE,
    }
}

impl Task {
    fn check(&mut self, path: &Path) -> Result<()> {
        let bytes = open(path)?;
        if is_manifest(&bytes) {
            return self.check_parts(path, &bytes);
        }
        drop(bytes);
        say!("Start checking Old-Style AOF");
        let name = path.display().to_string();
        let outcome = self.check_file(path, &name, true, None)?;
        tell("AOF", &name, &outcome)
    }

    fn check_parts(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        say!("Start checking Multi Part AOF");
        let manifest = Manifest::parse(bytes).map_err(|flaw| {
            log::open(&Settings::new());
            tell_flaw(&flaw);
            Stop
        })?;
        let dir = path.parent().unwrap_or(Path::new(""));
        if let Some(base) = &manifest.base {
            let format = if has_snapshot(&open(&dir.join(&base.name))?) { "RDB" } else { "RESP" };
            say!("Start to check BASE AOF ({format} format).");
            let name = base.name.to_string_lossy();
            let outcome = self.check_file(&dir.join(&base.name), &name, manifest.increments.is_empty(), None)?;
            tell("BASE AOF", &name, &outcome)?;
        }
        if !manifest.increments.is_empty() {
            say!("Start to check INCR files.");
        }
        for (index, part) in manifest.increments.iter().enumerate() {
            let is_last = index + 1 == manifest.increments.len();
            let name = part.name.to_string_lossy();
            let outcome = self.check_file(&dir.join(&part.name), &name, is_last, Some(false))?;
            tell("INCR AOF", &name, &outcome)?;
        }
        say!("All AOF files and manifest are valid");
        Ok(())
    }

    /// Judges one file, and cuts it where that is asked for. `snapshot` says whether one is in front; none: look.
    fn check_file(&mut self, path: &Path, name: &str, is_last: bool, snapshot: Option<bool>) -> Result<Outcome> {
        let bytes = open(path)?;
        if bytes.is_empty() {
            return Ok(Outcome::Empty);
        }
        let start = if snapshot.unwrap_or_else(|| has_snapshot(&bytes)) { check_snapshot(path, &bytes)? } else { 0 };
        let size = bytes.len();
        let verdict = self.judge.file(&bytes, start, name, &path.display().to_string());
        drop(bytes);
        if let (Some(until), Some(too_late)) = (self.judge.until, verdict.too_late) {
            return cut_at_time(path, until, too_late, is_last);
        }
        write!(io::stdout(), "{}", verdict.lines).map_err(|_| Stop)?;
        let (valid_to, diff) = (verdict.valid_to, size - verdict.valid_to);
        if let (0, Some(until)) = (diff, self.judge.until) {
            say!("Truncate nothing in AOF {name} to timestamp {until}");
            return Ok(Outcome::Valid);
        }
        let line = self.judge.line;
        say!("AOF analyzed: filename={name}, size={size}, ok_up_to={valid_to}, ok_up_to_line={line}, diff={diff}");
        if diff == 0 {
            return Ok(Outcome::Valid);
        }
        if !self.fixes {
            say!("AOF {name} is not valid. Use the --fix option to try fixing it.");
            return Err(Stop);
        }
        if !is_last {
            say!("Failed to truncate AOF {name} because it is not the last file");
            return Err(Stop);
        }
        say!("This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {valid_to} bytes");
        confirm()?;
        if cut(path, valid_to).is_err() {
            say!("Failed to truncate AOF {name}");
            return Err(Stop);
        }
        Ok(Outcome::Cut)
    }
}

fn tell(kind: &str, name: &str, outcome: &Outcome) -> Result<()> {
    match outcome {
        Outcome::Valid => say!("{kind} {name} is valid"),
        Outcome::Empty => say!("{kind} {name} is empty"),
        Outcome::Cut => say!("Successfully truncated AOF {name}"),
        Outcome::CutAtTime(until) => say!("Successfully truncated AOF {name} to timestamp {until}"),
    }
    Ok(())
}

fn cut_at_time(path: &Path, until: i64, too_late: TooLate, is_last: bool) -> Result<Outcome> {
    let path_shown = path.display();
    let offset = match too_late {
        TooLate::Invalid => {
            say!("Invalid timestamp annotation");
            return Err(Stop);
        }
        TooLate::AtTheStart => {
            say!("AOF {path_shown} has nothing before timestamp {until}, aborting...");
            return Err(Stop);
        }
        TooLate::After(offset) => offset,
    };
    if !is_last {
        say!(
            "Failed to truncate AOF {path_shown} to timestamp {until} to offset {offset} because it is not the last file."
        );
        say!(
            "If you insist, please delete all files after this file according to the manifest file and delete the \
             corresponding records in manifest file manually. Then re-run redis-check-aof."
        );
        return Err(Stop);
    }
    if cut(path, offset).is_err() {
        say!("Failed to truncate AOF {path_shown} to timestamp {until}");
        return Err(Stop);
    }
    Ok(Outcome::CutAtTime(until))
}

/// Whether a snapshot's head is there.
fn has_snapshot(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && persistence::aof::begins_with_snapshot(bytes)
}

/// Judges the snapshot in front: where it ends.
fn check_snapshot(path: &Path, bytes: &Map) -> Result<usize> {
    match rdb_tools::judge_preamble(path, bytes) {
        Ok(Some(end)) => {
            say!("RDB preamble is OK, proceeding with AOF tail...");
            Ok(end)
        }
        Ok(None) => {
            say!("RDB preamble of AOF file is not sane, aborting.");
            Err(Stop)
        }
        Err(_) => Err(Stop),
    }
}

fn open(path: &Path) -> Result<Map> {
    match File::open(path).and_then(|file| Map::of(&file)) {
        Ok(map) => Ok(map),
        Err(error) => {
            say!("Cannot open file {}: {}", path.display(), base::system::reason(&error));
            Err(Stop)
        }
    }
}

fn confirm() -> Result<()> {
    let mut out = io::stdout();
    write!(out, "Continue? [y/N]: ").and_then(|()| out.flush()).map_err(|_| Stop)?;
    let mut answer = String::new();
    let is_read = io::stdin().lock().read_line(&mut answer).is_ok();
    if is_read && answer.starts_with(['y', 'Y']) {
        return Ok(());
    }
    say!("Aborting...");
    Err(Stop)
}

fn cut(path: &Path, len: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(len as u64)?;
    file.sync_all()
}
