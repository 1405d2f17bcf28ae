//! Looking at a log without serving from it, and cutting it where it is damaged.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{Base, segment_path};
use super::recovery::{Damage, Recovered, Recovery};
use crate::disk::{Disk, replace};

/// What a check has found.
#[derive(Debug)]
pub struct Checked {
    /// The base's file; none for a log that began empty.
    pub base: Option<PathBuf>,
    /// Segments that are needed.
    pub segments: usize,
    /// What a start would read, or why it would refuse.
    pub result: Result<Recovered, Damage>,
}

impl Checked {
    /// The lines for whoever asked.
    pub fn report(&self) -> String {
        let mut lines = match &self.base {
            Some(path) => format!("Base: {}\n", path.display()),
            None => "Base: none\n".to_owned(),
        };
        lines.push_str(&format!("Segments: {}\n", self.segments));
        match &self.result {
            Ok(recovered) => {
                lines.push_str(&format!(
                    "Records: {} in {} bytes, the last is {}\n",
                    recovered.records, recovered.bytes, recovered.last
                ));
                match &recovered.cut {
                    None => lines.push_str("The log is whole.\n"),
                    Some(cut) => lines.push_str(&format!(
                        "The log ends at offset {} of {}: {}. {} bytes behind it were never acknowledged as durable; \
a start leaves them out.\n",
                        cut.offset,
                        cut.path.display(),
                        cut.reason,
                        cut.bytes
                    )),
                }
            }
            Err(damage) => lines.push_str(&format!(
                "DAMAGED: {damage}.\nRestore the directory from a backup; or cut the log there with --repair-wal, \
which loses the effects behind it.\n"
            )),
        }
        lines
    }
}

/// Reads a whole log and changes nothing; none when there is no log in `dir`.
pub fn check(disk: Arc<dyn Disk>, dir: &Path) -> Result<Option<Checked>, Damage> {
    let Some(recovery) = Recovery::open(disk.clone(), dir)? else { return Ok(None) };
    let base = recovery.base_path();
    let (_, manifest, numbers) = recovery.parts();
    let is_pending = manifest.base == Base::Pending;
    let segments = numbers.len();
    let missing = base.as_ref().filter(|path| disk.read_start(path, 1).is_err());
    let result = match missing {
        Some(path) => Err(Damage::new(path.clone(), 0, "the manifest names this base, and it is not there")),
        None if is_pending => Ok(Recovered::default()),
        None => recovery.read(&mut |_, _| Ok(())),
    };
    Ok(Some(Checked { base, segments, result }))
}

/// Cuts a log at the damage that [`check`] finds in a segment: the segment keeps its good part, and it and all later
/// ones stay beside it with `.damaged` behind their names. What was done, in lines; none when nothing is damaged.
pub fn repair(disk: Arc<dyn Disk>, dir: &Path) -> Result<Option<String>, Damage> {
    let Some(Checked { result: Err(damage), .. }) = check(disk.clone(), dir)? else { return Ok(None) };
    let Some(recovery) = Recovery::open(disk.clone(), dir)? else { return Ok(None) };
    let (_, manifest, numbers) = recovery.parts();
    let damaged = numbers.iter().position(|number| segment_path(dir, *number) == damage.path);
    let Some(at) = damaged else { return Err(damage) };
    let fail = |error: io::Error| Damage::new(damage.path.clone(), damage.offset, error.to_string());
    let mut lines = format!("{damage}.\n");
    let good = disk.read(&damage.path).map_err(fail)?;
    let good = &good[..(damage.offset as usize).min(good.len())];
    if good.is_empty() && numbers[at] == manifest.first {
        return Err(Damage::new(damage.path, 0, "the first segment has no good part: restore it from a backup"));
    }
    for number in &numbers[at..] {
        let path = segment_path(dir, *number);
        let mut aside = path.clone().into_os_string();
        aside.push(".damaged");
        disk.rename(&path, Path::new(&aside)).map_err(fail)?;
        lines.push_str(&format!("{} is kept as {}\n", path.display(), aside.display()));
    }
    if !good.is_empty() {
        replace(&*disk, &damage.path, good).map_err(fail)?;
    }
    disk.sync_dir(dir).map_err(fail)?;
    lines.push_str(&format!("The log now ends at offset {} of {}\n", damage.offset, damage.path.display()));
    Ok(Some(lines))
}
