//! Redis's append-only files beside our log: which there are, whether our log has their data already, and loading them.
//!
//! They stay as they are and where they are. The log that is made of them notes a mark of them in its manifest; where
//! the mark fits, a start reads the log alone. Files that changed after the log was written last are those of a Redis
//! that ran here since: they count, and the log is put aside. Files that differ and are older are nobody's to judge:
//! the start is refused.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Instant, SystemTime};

use commands::node::Node;
use commands::replay::{NoEffect, Replay};
use persistence::aof::{End, Flaw, Manifest, Part, Reader, begins_with_snapshot};
use persistence::rdb::file::{Loader, Map};
use settings::Settings;

use crate::{loading, log};

/// Files of at most this much of their end go into the mark.
const MARKED_TAIL_LEN: usize = 64 << 10;
/// Effects between two looks at what else is to be done.
const EFFECTS_PER_LOOK: u64 = 1024;

/// An append-only file of Redis, in one part or several.
pub(crate) struct Theirs {
    /// The manifest's file; of a file by itself, that file.
    pub(crate) path: PathBuf,
    /// Where the parts are.
    dir: PathBuf,
    manifest: Manifest,
    /// One file without a manifest.
    is_single: bool,
}

/// Why it cannot be used; all but the first are in the log already.
#[derive(Debug)]
pub(crate) enum Unusable {
    System(PathBuf, io::Error),
    Said,
}

impl Theirs {
    /// The append-only file that these settings name, if there is one.
    pub(crate) fn find(settings: &Settings) -> Result<Option<Self>, Unusable> {
        let name = settings.appendfilename();
        let (dir, aof_dir) = (settings.dir().as_path().to_owned(), super::open::directory(settings));
        let mut manifest_name = name.as_path().as_os_str().to_owned();
        manifest_name.push(".manifest");
        let path = aof_dir.join(manifest_name);
        let single = dir.join(name.as_path());
        let found = match fs::read(&path) {
            Ok(bytes) => Some(Self::of_manifest(&path, &bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Unusable::System(path, error)),
        };
        let is_named_alone = |theirs: &Self| {
            let manifest = &theirs.manifest;
            let names_it = manifest.base.as_ref().is_some_and(|base| base.name == name.as_path().as_os_str());
            manifest.increments.is_empty() && names_it && !aof_dir.join(name.as_path()).exists()
        };
        // Versions before 7.0 have one file, beside the directory; an upgrade that was cut short has a manifest for it.
        if single.is_file() && found.as_ref().is_none_or(|theirs| theirs.is_empty() || is_named_alone(theirs)) {
            return Ok(Some(Self::single(&single)));
        }
        Ok(found.filter(|theirs| !theirs.is_empty()))
    }

    /// The append-only file that a path leads to: a manifest, or a file by itself.
    pub(crate) fn at(path: &Path) -> Result<Self, Unusable> {
        let bytes = Map::of(&File::open(path).map_err(|error| Unusable::System(path.to_owned(), error))?);
        let bytes = bytes.map_err(|error| Unusable::System(path.to_owned(), error))?;
        if is_manifest(&bytes) { Self::of_manifest(path, &bytes) } else { Ok(Self::single(path)) }
    }

    fn of_manifest(path: &Path, bytes: &[u8]) -> Result<Self, Unusable> {
        let manifest = Manifest::parse(bytes).map_err(|flaw| {
            tell_flaw(&flaw);
            Unusable::Said
        })?;
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { path: path.to_owned(), dir, manifest, is_single: false })
    }

    fn single(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_owned();
        let manifest = Manifest { base: Some(Part { name, seq: 1 }), ..Manifest::default() };
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        Self { path: path.to_owned(), dir, manifest, is_single: true }
    }

    fn is_empty(&self) -> bool {
        self.manifest.parts().next().is_none()
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.manifest.parts().map(|part| self.dir.join(&part.name)).chain((!self.is_single).then(|| self.path.clone()))
    }

    /// What tells these files from others, and from themselves after a change; never 0.
    pub(crate) fn mark(&self) -> io::Result<u64> {
        let (mut sum, mut total) = (crc32fast::Hasher::new(), 0_u64);
        for path in self.files() {
            let bytes = Map::of(&File::open(&path)?)?;
            sum.update(path.file_name().unwrap_or_default().as_bytes());
            sum.update(&(bytes.len() as u64).to_le_bytes());
            sum.update(&bytes[bytes.len().saturating_sub(MARKED_TAIL_LEN)..]);
            total = total.wrapping_add(bytes.len() as u64);
        }
        Ok(u64::from(sum.finalize()) << 32 | (total & 0x7FFF_FFFF) << 1 | 1)
    }

    /// When they were last written.
    pub(crate) fn changed_at(&self) -> io::Result<SystemTime> {
        newest(self.files())
    }

    /// Loads all that they have; what is wrong with them is in the log then.
    pub(crate) fn load(&self, node: &Node) -> Result<(), Unusable> {
        let total = self.total_len()?;
        node.loading.begin(total, base::clock::unix_ms());
        let mut replay = Replay::new(node).map_err(|error| Unusable::System("random numbers".into(), error))?;
        let count = self.manifest.parts().count();
        for (index, part) in self.manifest.parts().enumerate() {
            let began = Instant::now();
            self.load_part(node, &mut replay, part, index + 1 == count)?;
            let kind = if index == 0 && self.manifest.base.is_some() { "base" } else { "incr" };
            let (name, seconds) = (part.name.display(), began.elapsed().as_secs_f64());
            log::notice(&format!("DB loaded from {kind} file {name}: {seconds:.3} seconds"));
        }
        if let (refused, Some(first)) = (replay.refused, &replay.first_refusal) {
            log::warning(&format!(
                "{refused} requests of the append only file were answered with an error, the first is {first}"
            ));
        }
        replay.finish();
        Ok(())
    }

    fn total_len(&self) -> Result<u64, Unusable> {
        let mut total = 0;
        for part in self.manifest.parts() {
            let len = fs::metadata(self.dir.join(&part.name)).map(|file| file.len()).map_err(|error| {
                let (name, reason) = (part.name.display(), base::system::reason(&error));
                log::warning(&format!("Unable to obtain the AOF file {name} length. stat: {reason}"));
                Unusable::Said
            })?;
            total += len;
        }
        Ok(total)
    }

    fn load_part(&self, node: &Node, replay: &mut Replay<'_>, part: &Part, is_last: bool) -> Result<(), Unusable> {
        let (path, name) = (self.dir.join(&part.name), part.name.display());
        let bytes = File::open(&path).and_then(|file| Map::of(&file)).map_err(|error| {
            let reason = base::system::reason(&error);
            log::warning(&format!("Fatal error: can't open the append log file {name} for reading: {reason}"));
            Unusable::Said
        })?;
        let start = if begins_with_snapshot(&bytes) { self.load_snapshot(node, &bytes, part)? } else { 0 };
        let before = node.loading.loaded_bytes.load(Relaxed);
        let mut reader = Reader::new(&bytes, start);
        let end = loop {
            let request = match reader.next_request() {
                Ok(request) => request,
                Err(end) => break end,
            };
            run(replay, request, &part.name.to_string_lossy())?;
            node.delay_load(1);
            if replay.effects.is_multiple_of(EFFECTS_PER_LOOK) {
                node.loading.loaded_bytes.store(before + (reader.valid_to() - start) as u64, Relaxed);
                replay.rest();
            }
        };
        node.loading.loaded_bytes.store(before + (bytes.len() - start) as u64, Relaxed);
        replay.rest();
        let cuts = node.settings.aof_load_truncated();
        end_of_part(end, reader.valid_to(), &part.name.to_string_lossy(), is_last, cuts)
    }

    /// Loads the snapshot that a part begins with: where it ends.
    fn load_snapshot(&self, node: &Node, bytes: &[u8], part: &Part) -> Result<usize, Unusable> {
        let name = part.name.display();
        log::notice(if self.is_single {
            "Reading RDB preamble from AOF file..."
        } else {
            "Reading RDB base file on AOF loading..."
        });
        let now_ms = base::clock::unix_ms();
        let loader = Loader {
            space: &node.space,
            limits: node.limits(),
            now_ms,
            access: node.access_at(now_ms),
            // The requests behind it say what became of keys whose time is over.
            skips_expired: false,
            replaces: false,
            checks_sum: node.settings.rdbchecksum(),
            threads: node.cores.len(),
            progress: &node.loading,
            after_batch: &|shard, db, keys| node.after_loading(shard, db, keys),
        };
        match loading::watched(node, || loader.load(bytes)) {
            Ok(report) => {
                loading::tell(&report, now_ms);
                if self.is_single {
                    log::notice("Reading the remaining AOF tail...");
                }
                let end = report.end;
                node.load_libraries(&report.functions, false).map_err(|reason| {
                    log::warning(&format!("A library of functions in {name} cannot be loaded: {reason}"));
                    Unusable::Said
                })?;
                Ok(end)
            }
            Err(error) => {
                log::warning(&error.to_string());
                log::warning(&if self.is_single {
                    format!("Error reading the RDB preamble of the AOF file {name}, AOF loading aborted")
                } else {
                    format!("Error reading the RDB base file {name}, AOF loading aborted")
                });
                Err(Unusable::Said)
            }
        }
    }
}

fn run(replay: &mut Replay<'_>, request: &[u8], name: &str) -> Result<(), Unusable> {
    let error = match replay.requests(request) {
        Ok(used) if used == request.len() => return Ok(()),
        Ok(_) => NoEffect::Other("a request is not as it should be".into()),
        Err(error) => error,
    };
    log::warning(&match error {
        NoEffect::UnknownCommand(command) => format!("Unknown command '{command}' reading the append only file {name}"),
        NoEffect::Other(reason) => format!("Unrecoverable error reading the append only file {name}: {reason}"),
    });
    Err(Unusable::Said)
}

/// Says how a file ended, and whether that will do.
fn end_of_part(end: End, valid_to: usize, name: &str, is_last: bool, cuts: bool) -> Result<(), Unusable> {
    match end {
        End::Whole => return Ok(()),
        End::Malformed => {
            log::warning(&format!(
                "Bad file format reading the append only file {name}: make a backup of your AOF file, then use \
                 ./redis-check-aof --fix <filename.manifest>"
            ));
            return Err(Unusable::Said);
        }
        End::OpenTransaction => {
            log::warning(&format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}"));
        }
        End::CutOff => {}
    }
    if !cuts {
        log::warning(&format!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, \
             then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the \
             'aof-load-truncated' configuration option to yes and restart the server."
        ));
        return Err(Unusable::Said);
    }
    log::warning(&format!("!!! Warning: short read while loading the AOF file {name}!!!"));
    log::warning(&format!("!!! Reading the AOF {name} up to offset {valid_to}; the file stays as it is !!!"));
    if !is_last {
        log::warning("Fatal error: the truncated file is not the last file");
        return Err(Unusable::Said);
    }
    log::warning(&format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
    Ok(())
}

pub(crate) fn tell_flaw(flaw: &Flaw) {
    flaw.lines().iter().for_each(|line| log::warning(line));
}

/// Whether a file is a manifest: its first line that is no comment begins as one of these does.
pub(crate) fn is_manifest(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.starts_with(b"#"));
    first.is_some_and(|line| line.starts_with(b"file"))
}

/// When one of these files was last written.
pub(crate) fn newest(mut files: impl Iterator<Item = PathBuf>) -> io::Result<SystemTime> {
    files.try_fold(SystemTime::UNIX_EPOCH, |newest, path| Ok(newest.max(fs::metadata(path)?.modified()?)))
}
