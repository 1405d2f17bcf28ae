//! A start: which files there are, what they say, and where the log goes on.
//!
//! Segments are read in order, and each record must have the sequence number that comes next. Where one does not, a
//! later segment may have that number again (it was made after a failure, or after a cut at an earlier start), and
//! reading goes on there. Otherwise this is the end of what can be had: a torn tail, if nothing says that more was
//! durable, and damage if something does.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Seq;
use super::files::{Base, MANIFEST, Manifest, SEGMENT_HEAD_LEN, SegmentHead, is_base, segment_number, segment_path};
use super::log::{Log, Options};
use super::record::{Kind, Sealer};
use super::writer::{Segment, Writer};
use crate::disk::{Disk, append_all, replace};

/// Why a log cannot be used as it is: the file, the place in it, what is wrong and what to do.
#[derive(Debug)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Bytes before the damage.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}

impl Damage {
    pub(super) fn new(path: PathBuf, offset: u64, reason: impl Into<String>) -> Self {
        Self { path, offset, reason: reason.into() }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: {}", self.path.display(), self.offset, self.reason)
    }
}

/// A torn tail: these bytes were never promised, and are left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// Where the good part ends.
    pub offset: u64,
    /// Bytes behind it, there and in later segments.
    pub bytes: u64,
    /// What ended it.
    pub reason: String,
}

/// What a start has read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// The last sequence number.
    pub last: Seq,
    /// Effects that were handed out.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// How far the log says that it was durable.
    pub synced: Seq,
    /// What was left out.
    pub cut: Option<Cut>,
}

/// An existing log before it is read.
pub struct Recovery {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    manifest: Manifest,
    segments: Vec<Found>,
}

/// A segment's file.
struct Found {
    number: u64,
    head: Result<SegmentHead, String>,
}

/// Takes an effect; an error says why it is no good.
pub type Apply<'a> = &'a mut dyn FnMut(Seq, &[u8]) -> Result<(), String>;

/// Where reading has come to.
struct Walk {
    expected: Seq,
    recovered: Recovered,
}

impl Recovery {
    /// Looks for a log in `dir`; none when there is no manifest.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Option<Self>, Damage> {
        let path = dir.join(MANIFEST);
        let bytes = match disk.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Damage::new(path, 0, error.to_string())),
        };
        let manifest = Manifest::parse(&bytes).map_err(|reason| Damage::new(path, 0, reason))?;
        let names = disk.list(dir).map_err(|error| Damage::new(dir.to_owned(), 0, error.to_string()))?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
        numbers.retain(|number| *number >= manifest.first);
        numbers.sort_unstable();
        let mut segments = Vec::new();
        for number in numbers {
            let path = segment_path(dir, number);
            let bytes = disk.read_start(&path, SEGMENT_HEAD_LEN);
            let bytes = bytes.map_err(|error| Damage::new(path.clone(), 0, error.to_string()))?;
            let head = SegmentHead::parse(&bytes).and_then(|head| match head {
                head if head.id != manifest.id => Err("it belongs to another log".to_owned()),
                head if head.number != number => Err(format!("it was segment {}", head.number)),
                head => Ok(head),
            });
            segments.push(Found { number, head });
        }
        Ok(Some(Self { disk, dir: dir.to_owned(), manifest, segments }))
    }

    /// What is to be loaded before the records.
    pub fn base(&self) -> &Base {
        &self.manifest.base
    }

    /// See [`Options::took`].
    pub fn took(&self) -> u64 {
        self.manifest.took
    }

    /// The base's file.
    pub fn base_path(&self) -> Option<PathBuf> {
        match &self.manifest.base {
            Base::Snapshot { name, .. } => Some(self.dir.join(name)),
            Base::Empty | Base::Pending => None,
        }
    }

    /// Bytes of all segments.
    pub fn segments_len(&self) -> u64 {
        let len = |found: &Found| self.disk.len(&segment_path(&self.dir, found.number)).unwrap_or(0);
        self.segments.iter().map(len).sum()
    }

    /// Hands the records behind the base to `apply`, in order. An error of `apply` says why its record is no good.
    pub fn read(&self, apply: Apply<'_>) -> Result<Recovered, Damage> {
        let base = match self.manifest.base {
            Base::Snapshot { seq, .. } => seq,
            Base::Empty | Base::Pending => 0,
        };
        let first = self.segments.first().map(|found| found.number);
        if first != Some(self.manifest.first) {
            let path = segment_path(&self.dir, self.manifest.first);
            return Err(Damage::new(path, 0, "the manifest names this segment, and it is not there"));
        }
        let mut walk = Walk { expected: base + 1, recovered: Recovered::default() };
        let mut at = 0;
        while at < self.segments.len() {
            let Some((offset, reason)) = self.read_segment(at, &mut walk, apply)? else {
                at += 1;
                continue;
            };
            let later = self.segments[at + 1..].iter().position(|found| found.has(walk.expected));
            match later {
                Some(skipped) => at += 1 + skipped,
                None => {
                    walk.recovered.cut = self.cut(at, offset, reason, &mut walk)?;
                    break;
                }
            }
        }
        walk.recovered.last = walk.expected - 1;
        Ok(walk.recovered)
    }

    /// Reads one segment; where it ends before its end: at which offset, and why.
    fn read_segment(&self, at: usize, walk: &mut Walk, apply: Apply<'_>) -> Result<Option<(u64, String)>, Damage> {
        let found = &self.segments[at];
        let head = match &found.head {
            Ok(head) => head,
            Err(reason) => return Ok(Some((0, reason.clone()))),
        };
        if head.first_seq > walk.expected {
            let reason = format!("effects {} to {} before it are missing", walk.expected, head.first_seq - 1);
            return Ok(Some((0, reason)));
        }
        let path = segment_path(&self.dir, found.number);
        let bytes = self.read_file(&path)?;
        let sealer = Sealer::new(self.manifest.id);
        let (mut offset, mut next) = (SEGMENT_HEAD_LEN, head.first_seq);
        while offset < bytes.len() {
            let Some(record) = sealer.parse(&bytes[offset..]) else {
                walk.recovered.bytes += offset as u64;
                return Ok(Some((offset as u64, "no whole record is here".to_owned())));
            };
            match record.kind {
                Kind::Synced => walk.recovered.synced = walk.recovered.synced.max(record.seq),
                Kind::One | Kind::Effects => {
                    for (seq, effect) in record.effects() {
                        if seq != next {
                            let reason = format!("the effect has the number {seq} instead of {next}");
                            return Ok(Some((offset as u64, reason)));
                        }
                        next += 1;
                        if seq >= walk.expected {
                            apply(seq, effect).map_err(|reason| Damage::new(path.clone(), offset as u64, reason))?;
                            walk.expected = next;
                            walk.recovered.records += 1;
                        }
                    }
                }
            }
            offset += record.len();
        }
        walk.recovered.bytes += offset as u64;
        Ok(None)
    }

    fn read_file(&self, path: &Path) -> Result<Vec<u8>, Damage> {
        self.disk.read(path).map_err(|error| Damage::new(path.to_owned(), 0, error.to_string()))
    }

    /// Tells a torn tail from damage.
    fn cut(&self, at: usize, offset: u64, reason: String, walk: &mut Walk) -> Result<Option<Cut>, Damage> {
        let sealer = Sealer::new(self.manifest.id);
        let path = segment_path(&self.dir, self.segments[at].number);
        let mut dropped = 0;
        let mut is_blank = true;
        for (index, found) in self.segments[at..].iter().enumerate() {
            let bytes = self.read_file(&segment_path(&self.dir, found.number))?;
            let rest = if index == 0 { &bytes[(offset as usize).min(bytes.len())..] } else { &bytes[..] };
            walk.recovered.synced = walk.recovered.synced.max(sealer.synced_within(rest));
            dropped += rest.len() as u64;
            is_blank &= rest.is_empty();
        }
        if walk.expected <= walk.recovered.synced {
            let reason = format!(
                "{reason}, but the effects up to {} were durable: the file was damaged after it was written, and \
effects from {} on cannot be restored from here",
                walk.recovered.synced, walk.expected
            );
            return Err(Damage::new(path, offset, reason));
        }
        // A segment that was made ahead, and not used yet.
        Ok((!is_blank).then_some(Cut { path, offset, bytes: dropped, reason }))
    }

    pub(super) fn parts(&self) -> (&Path, &Manifest, Vec<u64>) {
        (&self.dir, &self.manifest, self.segments.iter().map(|found| found.number).collect())
    }

    /// The log goes on behind what was read, in a new segment.
    pub fn go_on(self, recovered: &Recovered, options: Options) -> io::Result<Log> {
        let Self { disk, dir, manifest, mut segments } = self;
        let next = recovered.last + 1;
        sweep(&*disk, &dir, &manifest)?;
        // A segment without a record, as every start makes one, need not stay.
        while let Some(found) = segments.pop_if(|found| found.is_empty(&*disk, &dir) && found.number > manifest.first) {
            disk.remove(&segment_path(&dir, found.number))?;
        }
        let mut needed = VecDeque::new();
        for found in &segments {
            // A process that was killed has given nothing back.
            disk.trim(&segment_path(&dir, found.number))?;
            let first_seq = found.head.as_ref().map_or(Seq::MAX, |head| head.first_seq);
            let len = disk.len(&segment_path(&dir, found.number))?;
            needed.push_back(Segment { number: found.number, first_seq, len });
        }
        let number = segments.last().map_or(manifest.first, |found| found.number + 1);
        start(disk, &dir, manifest, needed, number, next, options)
    }
}

impl Found {
    fn has(&self, seq: Seq) -> bool {
        self.head.as_ref().is_ok_and(|head| head.first_seq <= seq)
    }

    fn is_empty(&self, disk: &dyn Disk, dir: &Path) -> bool {
        let start = disk.read_start(&segment_path(dir, self.number), SEGMENT_HEAD_LEN + 1);
        start.is_ok_and(|bytes| bytes.is_empty() || (self.head.is_ok() && bytes.len() == SEGMENT_HEAD_LEN))
    }
}

/// Removes what an interrupted compaction or start has left.
fn sweep(disk: &dyn Disk, dir: &Path, manifest: &Manifest) -> io::Result<()> {
    for name in disk.list(dir)? {
        let is_old = segment_number(&name).is_some_and(|number| number < manifest.first);
        let is_other = is_base(&name) && !matches!(&manifest.base, Base::Snapshot { name: base, .. } if *base == name);
        if is_old || is_other {
            disk.remove(&dir.join(name))?;
        }
    }
    Ok(())
}

/// Makes the segment from which on this process writes.
fn start(
    disk: Arc<dyn Disk>,
    dir: &Path,
    manifest: Manifest,
    mut segments: VecDeque<Segment>,
    number: u64,
    next: Seq,
    options: Options,
) -> io::Result<Log> {
    let file = disk.create(&segment_path(dir, number))?;
    let head = SegmentHead { id: manifest.id, number, first_seq: next };
    append_all(&*file, &head.to_bytes(), &mut 0)?;
    file.sync_data()?;
    disk.sync_dir(dir)?;
    segments.push_back(Segment { number, first_seq: next, len: SEGMENT_HEAD_LEN as u64 });
    Ok(Log::new(disk, dir, manifest, Writer::new(file, segments, next), options))
}

impl Log {
    /// A new log in `dir`, in place of what is there. `base` is [`Base::Empty`], or [`Base::Pending`] where there
    /// is data already: that log counts only once a compaction has given it a base. `id` is random.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, id: u64, base: Base, options: Options) -> io::Result<Self> {
        disk.create_dir(dir)?;
        let numbers: Vec<u64> = disk.list(dir)?.iter().filter_map(|name| segment_number(name)).collect();
        // Old segments stay until the manifest no longer names them.
        let first = numbers.into_iter().max().unwrap_or(0) + 1;
        let manifest = Manifest { id, base, first, took: options.took };
        let log = start(disk.clone(), dir, manifest.clone(), VecDeque::new(), first, 1, options)?;
        replace(&*disk, &dir.join(MANIFEST), &manifest.to_bytes())?;
        sweep(&*disk, dir, &manifest)?;
        Ok(log)
    }

    /// The last words of a process: everything is durable, and says so.
    pub(super) fn close(&self) -> Result<(), String> {
        self.sync_all()?;
        let marked = self.with_writer(|writer| {
            self.mark(writer);
            self.write(writer);
            writer.file.clone()
        });
        marked.sync_data().map_err(|error| error.to_string())?;
        let number = self.writer.lock().number();
        for number in [number, number + 1] {
            // The second is there only if it was prepared.
            let _ = self.disk.trim(&segment_path(&self.dir, number));
        }
        Ok(())
    }
}
