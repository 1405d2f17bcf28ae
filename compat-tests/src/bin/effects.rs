//! Records what a real server writes into its append-only file for each command of the transcripts:
//! `effects HOST:PORT FILE`, with a server that was started with `--appendonly yes --enable-debug-command yes` and
//! the path of its `*.incr.aof`. The recordings go to `compat-tests/effects/<group>.txt`.
#![allow(clippy::print_stderr, reason = "a command line tool")]

use compat_tests::effects::Recorder;
use compat_tests::target::Tcp;
use compat_tests::transcript;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (Some(address), Some(log)) = (words.next(), words.next()) else {
        eprintln!("write: effects HOST:PORT FILE");
        return ExitCode::from(2);
    };
    match record(&address, Path::new(&log)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn record(address: &str, log: &Path) -> Result<(), String> {
    let target = Tcp::at(address)?;
    let mut recorder = Recorder::new(&target, log).map_err(|e| format!("{}: {e}", log.display()))?;
    let mut groups: BTreeMap<String, String> = BTreeMap::new();
    let mut files = transcript::files(&transcript::cases_dir());
    // Cases about the server itself leave it in other states: last.
    files.sort_by_key(|path| path.to_string_lossy().contains("/server/"));
    for path in files {
        let group = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let text = groups.entry(group.unwrap_or_default()).or_default();
        recorder.record(&transcript::read(&path)?, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("effects");
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for (group, text) in groups.iter().filter(|(_, text)| text.lines().any(|line| line.starts_with('='))) {
        std::fs::write(dir.join(format!("{group}.txt")), text).map_err(|e| format!("{group}: {e}"))?;
    }
    Ok(())
}
