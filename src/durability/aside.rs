//! A log is put aside when another server has written here since: it stays whole, in a directory of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use persistence::wal::{MANIFEST, is_of_log};

use super::theirs::newest;

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name().to_str().is_some_and(is_of_log) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// When the log in `dir` was last written.
pub(super) fn written_at(dir: &Path) -> io::Result<SystemTime> {
    newest(files(dir)?.into_iter())
}

/// Puts the log in `dir` aside: where it is then. Until the last step it is in both places, so that it is never in
/// none.
pub(super) fn put_aside(dir: &Path) -> io::Result<PathBuf> {
    let files = files(dir)?;
    let aside = free_name(dir);
    fs::create_dir(&aside)?;
    for file in &files {
        fs::hard_link(file, aside.join(file.file_name().unwrap_or_default()))?;
    }
    File::open(&aside)?.sync_all()?;
    // Without the manifest the others count for nothing.
    fs::remove_file(dir.join(MANIFEST))?;
    File::open(dir)?.sync_all()?;
    for file in files.iter().filter(|file| file.exists()) {
        fs::remove_file(file)?;
    }
    Ok(aside)
}

fn free_name(dir: &Path) -> PathBuf {
    let seconds = base::clock::unix_ms() / 1000;
    let names = (0..).map(|more| dir.join(format!("log-before-{}", seconds + more)));
    names.into_iter().find(|path| !path.exists()).unwrap_or_else(|| dir.join("log-before"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_aside_as_a_whole_and_nothing_else_does() {
        let dir = std::env::temp_dir().join(format!("aside-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let ours = [MANIFEST, "log.00000001.segment", "base.00000001.keys"];
        for name in ours.iter().chain(&["appendonly.aof.manifest", "appendonly.aof.1.base.rdb"]) {
            fs::write(dir.join(name), name).expect("a file");
        }
        assert!(written_at(&dir).expect("files") > SystemTime::UNIX_EPOCH);
        let aside = put_aside(&dir).expect("a second name for each");
        for name in ours {
            assert_eq!(fs::read_to_string(aside.join(name)).expect("it is there"), name);
            assert!(!dir.join(name).exists(), "{name}");
        }
        assert!(dir.join("appendonly.aof.1.base.rdb").exists());
        fs::remove_dir_all(dir).expect("it is there");
    }
}
