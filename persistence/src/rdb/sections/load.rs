//! A file in sections into a keyspace: each thread has a run of sections, which it checks, decodes and puts in; who is
//! done first helps the others from behind.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use super::super::file::load::{BATCH, Batch, KEY_SIZE_LIKELY, Shared};
use super::super::file::{Dialect, Fault, Found, LoadError, Loader, Record, Report, Scanner};
use super::super::input::Malformed;
use super::{BadHead, HEAD_LEN, Kind, SECTION_HEAD_LEN, SectionHead, parse_head};

/// A section of keys.
#[derive(Clone, Copy)]
struct Section {
    /// Of its records.
    start: usize,
    end: usize,
    keys: u64,
    crc: u32,
}

/// The file as its heads tell it.
struct Contents {
    about: Section,
    sections: Vec<Section>,
    keys: u64,
}

fn fault(offset: usize, why: &'static str) -> LoadError {
    LoadError::Fault(Fault::Record { offset, why: Malformed(why) })
}

impl Contents {
    fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        let seed = parse_head(bytes).map_err(|bad| match bad {
            BadHead::Damaged => fault(0, "the file's head is damaged"),
            BadHead::Version(version) => LoadError::Fault(Fault::Version(version)),
        })?;
        let (mut at, mut about, mut sections, mut keys) = (HEAD_LEN, None, Vec::new(), 0_u64);
        loop {
            let head =
                SectionHead::parse(&bytes[at..], seed).ok_or_else(|| fault(at, "no whole section begins here"))?;
            let start = at + SECTION_HEAD_LEN;
            let end = usize::try_from(head.len).ok().and_then(|len| start.checked_add(len));
            let end = end.filter(|end| *end <= bytes.len()).ok_or_else(|| fault(at, "the section is cut off"))?;
            if head.place as usize != sections.len() + usize::from(about.is_some()) {
                return Err(fault(at, "a section is missing before this one"));
            }
            let section = Section { start, end, keys: head.keys, crc: head.crc };
            match (head.kind, about) {
                (Kind::About, None) => about = Some(section),
                (Kind::Keys, Some(_)) => {
                    keys = keys.saturating_add(head.keys);
                    sections.push(section);
                }
                (Kind::End, Some(about)) if head.keys == keys && end == bytes.len() => {
                    return Ok(Self { about, sections, keys });
                }
                _ => return Err(fault(at, "this section does not belong here")),
            }
            at = end;
        }
    }

    /// A run of sections for each thread, about equally long.
    fn dealt(&self, threads: usize) -> Vec<Mutex<VecDeque<Section>>> {
        let len = |section: &Section| section.end - section.start;
        let total: usize = self.sections.iter().map(len).sum();
        let mut runs: Vec<VecDeque<Section>> = (0..threads).map(|_| VecDeque::new()).collect();
        let mut done = 0;
        for section in &self.sections {
            let run = (done * threads / total.max(1)).min(threads - 1);
            runs[run].push_back(*section);
            done += len(section);
        }
        runs.into_iter().map(Mutex::new).collect()
    }
}

/// The next section for a thread: of its own run, or the last of another's.
fn next(runs: &[Mutex<VecDeque<Section>>], own: usize) -> Option<Section> {
    let lock = |run: usize| runs[run].lock().unwrap_or_else(PoisonError::into_inner);
    let first = lock(own).pop_front();
    first.or_else(|| (0..runs.len()).find_map(|run| lock(run).pop_back()))
}

impl Loader<'_> {
    /// Loads a file in sections. On an error some of its keys are in the keyspace.
    pub fn load_sections(&self, bytes: &[u8]) -> Result<Report, LoadError> {
        let contents = Contents::read(bytes)?;
        let mut report = Report { version: 12, end: bytes.len(), ..Report::default() };
        let expected = self.read_about(bytes, contents.about, &mut report)?;
        let shared = Shared::new(self, report);
        let runs = contents.dealt(self.threads.max(1));
        let before = self.progress.loaded_bytes.load(Relaxed);
        thread::scope(|scope| {
            for own in 0..runs.len() {
                let (shared, runs, expected) = (&shared, &runs, &expected);
                let run = move || {
                    if let Err(error) = Thread::new(shared, bytes, expected).run(runs, own) {
                        shared.fail(error);
                    }
                    shared.publish();
                };
                let thread = thread::Builder::new().name(format!("load-{own}"));
                if thread.spawn_scoped(scope, run).is_err() && own == 0 {
                    shared.fail(LoadError::Threads);
                }
            }
        });
        let report = shared.into_report()?;
        if report.keys + report.expired + report.empty != contents.keys && report.of_modules.is_empty() {
            return Err(fault(bytes.len(), "the keys are not as many as the end of the file says"));
        }
        self.progress.loaded_bytes.store(before + bytes.len() as u64, Relaxed);
        self.progress.keys.store(report.keys, Relaxed);
        Ok(report)
    }

    /// Reads what is known of all keys: how many each shard is likely to get, by database.
    fn read_about(&self, bytes: &[u8], about: Section, report: &mut Report) -> Result<Vec<usize>, LoadError> {
        check_sum(bytes, about)?;
        let mut scanner = Scanner::of_records(&bytes[..about.end], about.start);
        let databases = self.space.databases();
        let (mut db, mut expected) = (0, vec![0; databases]);
        while let Some(record) = scanner.next_record()? {
            match record {
                Record::Aux(name, value) => report.aux.push((name[..].into(), value[..].into())),
                Record::Function(source) => report.functions.push(source[..].into()),
                Record::Select(selected) => db = usize::try_from(selected).unwrap_or(usize::MAX),
                Record::Resize(keys, _) => {
                    let room = expected.get_mut(db).ok_or(LoadError::Database { databases })?;
                    // No more than a file of that size may have.
                    let keys = keys.min(bytes.len() as u64 / KEY_SIZE_LIKELY);
                    *room = keys as usize / self.space.shards();
                }
                Record::Key(_) | Record::Module(_) | Record::Slots => {
                    return Err(fault(scanner.offset(), "this record does not belong into the first section"));
                }
            }
        }
        Ok(expected)
    }
}

fn check_sum(bytes: &[u8], section: Section) -> Result<(), LoadError> {
    if crc32fast::hash(&bytes[section.start..section.end]) == section.crc {
        return Ok(());
    }
    Err(fault(section.start, "the checksum of the section that begins here does not match"))
}

/// One thread of a load.
struct Thread<'t, 'a> {
    shared: &'t Shared<'t>,
    bytes: &'a [u8],
    dialect: Dialect<'a>,
    /// By database.
    expected: &'t [usize],
    /// Keys that wait until there are enough, by shard; all of one database.
    waiting: Vec<Vec<(u64, Found<'a>)>>,
    db: usize,
}

impl<'t, 'a> Thread<'t, 'a> {
    fn new(shared: &'t Shared<'t>, bytes: &'a [u8], expected: &'t [usize]) -> Self {
        let waiting = (0..shared.loader.space.shards()).map(|_| Vec::new()).collect();
        Self { shared, bytes, dialect: Dialect::ours(bytes), expected, waiting, db: 0 }
    }

    fn run(mut self, runs: &[Mutex<VecDeque<Section>>], own: usize) -> Result<(), LoadError> {
        while !self.shared.has_failed.load(Relaxed)
            && let Some(section) = next(runs, own)
        {
            check_sum(self.bytes, section)?;
            self.read(section)?;
            let len = section.end - section.start + SECTION_HEAD_LEN;
            self.shared.loader.progress.loaded_bytes.fetch_add(len as u64, Relaxed);
            self.shared.publish();
        }
        self.flush()
    }

    fn read(&mut self, section: Section) -> Result<(), LoadError> {
        let databases = self.shared.loader.space.databases();
        let mut scanner = Scanner::of_records(&self.bytes[..section.end], section.start);
        let mut keys = 0;
        while let Some(record) = scanner.next_record()? {
            match record {
                Record::Key(found) => {
                    keys += 1;
                    self.take(found)?;
                }
                Record::Select(db) => {
                    let db = usize::try_from(db).ok().filter(|db| *db < databases);
                    let db = db.ok_or(LoadError::Database { databases })?;
                    if db != self.db {
                        self.flush()?;
                        self.db = db;
                    }
                }
                _ => return Err(fault(scanner.offset(), "this record does not belong into a section of keys")),
            }
        }
        if keys == section.keys {
            Ok(())
        } else {
            Err(fault(section.start, "the section has not the keys that it says"))
        }
    }

    #[inline]
    fn take(&mut self, found: Found<'a>) -> Result<(), LoadError> {
        let loader = self.shared.loader;
        if loader.skips_expired && found.deadline_ms.is_some_and(|at| at < loader.now_ms) {
            self.shared.count_expired();
            return Ok(());
        }
        let hash = loader.space.hash(&found.key);
        let shard = loader.space.shard_of(hash);
        let waiting = &mut self.waiting[shard];
        if waiting.capacity() == 0 {
            waiting.reserve_exact(BATCH);
        }
        waiting.push((hash, found));
        if waiting.len() == BATCH { self.put(shard) } else { Ok(()) }
    }

    fn put(&mut self, shard: usize) -> Result<(), LoadError> {
        let mut batch = Batch {
            shard,
            db: self.db,
            expected: self.expected[self.db],
            keys: std::mem::take(&mut self.waiting[shard]),
        };
        self.shared.put(self.dialect, &batch)?;
        (self.shared.loader.after_batch)(batch.shard, batch.db, batch.keys.len());
        batch.keys.clear();
        self.waiting[shard] = batch.keys;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LoadError> {
        for shard in 0..self.waiting.len() {
            if !self.waiting[shard].is_empty() {
                self.put(shard)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use keyspace::export::{Head, Sink, Usage, View};
    use keyspace::import::Fresh;
    use keyspace::keys::Access;
    use keyspace::packed::Element;
    use keyspace::shard::Keyspace;

    use super::super::super::file::Progress;
    use super::super::{SectionWriter, seed_of};
    use super::*;

    const KEYS: usize = 30_000;

    fn limits() -> keyspace::import::Limits {
        keyspace::import::Limits {
            hash: keyspace::hash::Limits { entries_max: 4, value_len_max: 64 },
            list: keyspace::list::Limits::default(),
            set: keyspace::set::Limits::default(),
            zset: keyspace::zset::Limits { entries_max: 4, value_len_max: 64 },
        }
    }

    fn written(keys: usize) -> Vec<u8> {
        let mut writer = SectionWriter::new(Cursor::new(Vec::new()), 77, false).expect("memory");
        writer.aux("redis-ver", b"8");
        writer.function(b"#!lua name=l\n");
        writer.database(0, keys, 0);
        writer.database(3, 1, 0);
        // One that is longer than what waits in memory at most.
        let long = vec![b'x'; 5 << 20];
        for index in 0..keys {
            let (key, value) = (format!("key:{index}"), format!("value of number {index}"));
            let value = if index == KEYS / 2 { &long } else { value.as_bytes() };
            let head = Head { db: 0, key: key.as_bytes(), deadline_ms: None, usage: Usage::Untold };
            writer.entry(head, View::Text(value)).expect("memory");
        }
        let head = Head { db: 3, key: b"elsewhere", deadline_ms: Some(9_000_000_000_000), usage: Usage::Untold };
        writer.entry(head, View::Int(5)).expect("memory");
        writer.finish().expect("memory").into_inner()
    }

    fn loaded(bytes: &[u8], threads: usize) -> Result<(Report, Keyspace), LoadError> {
        loaded_with(bytes, threads, 1, false)
    }

    fn loaded_with(
        bytes: &[u8],
        threads: usize,
        now_ms: i64,
        skips_expired: bool,
    ) -> Result<(Report, Keyspace), LoadError> {
        let (space, progress) = (Keyspace::new(8, 16, 7), Progress::default());
        let loader = Loader {
            space: &space,
            limits: limits(),
            now_ms,
            access: Access::Lru(0),
            skips_expired,
            replaces: false,
            checks_sum: true,
            threads,
            progress: &progress,
            after_batch: &|_, _, _| (),
        };
        let report = loader.load_sections(bytes)?;
        assert_eq!(progress.keys.load(Relaxed), report.keys);
        Ok((report, space))
    }

    #[test]
    fn comes_back_whatever_the_threads() {
        let bytes = written(KEYS);
        assert_eq!(seed_of(&bytes), Some(77));
        for threads in [1, 2, 5] {
            let (report, space) = loaded(&bytes, threads).expect("sound");
            assert_eq!((report.keys, report.functions.len(), report.aux.len()), (KEYS as u64 + 1, 1, 1));
            let len = |db| (0..8).filter_map(|shard| space.with_table(shard, db, keyspace::db::Db::len)).sum::<usize>();
            assert_eq!((len(0), len(3)), (KEYS, 1));
        }
    }

    /// What the log says behind its base may have put their deadlines off; and without one they expire after the load.
    #[test]
    fn fields_whose_deadline_has_passed_come_in() {
        let space = Keyspace::new(1, 1, 7);
        for (key, fields) in [(&b"small"[..], 2), (b"large", 9)] {
            let mut hash = keyspace::hash::NewHash::new(fields, 0, limits().hash);
            for field in 0..fields {
                let (name, deadline_ms) = (field.to_string(), (field % 2 == 1).then_some(5));
                assert!(hash.push(Element::Bytes(name.as_bytes()), Element::Int(1), deadline_ms));
            }
            let value = hash.into_value().expect("it has fields");
            let hash = space.hash(key);
            assert!(space.with_table_mut(0, 0, |db| db.load(hash, key, Fresh::Value(value), None, 0)));
        }
        let mut writer = SectionWriter::new(Cursor::new(Vec::new()), 7, false).expect("memory");
        writer.database(0, 2, 0);
        for key in [&b"small"[..], b"large"] {
            let head = Head { db: 0, key, deadline_ms: None, usage: Usage::Untold };
            let written = space.with_table(0, 0, |db| {
                writer.entry(head, db.view(db.find(space.hash(key), key).expect("it is there")))
            });
            written.expect("the table").expect("memory");
        }
        let bytes = writer.finish().expect("memory").into_inner();
        for skips_expired in [false, true] {
            let (_, space) = loaded_with(&bytes, 1, 1000, skips_expired).expect("sound");
            for (key, len) in [&b"small"[..], b"large"].into_iter().zip([2, 9]) {
                let shard = space.shard_of(space.hash(key));
                let found = space.with_table(shard, 0, |db| {
                    db.view(db.find(space.hash(key), key).expect("it is there")).outline().map(|outline| outline.len)
                });
                assert_eq!(found.flatten(), Some(len), "{}, {skips_expired}", key.escape_ascii());
            }
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let bytes = written(40);
        for bit in (0..600 * 8).chain(bytes.len() * 8 - 4000..bytes.len() * 8).step_by(3) {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(loaded(&bytes, 2).is_err(), "bit {bit}");
        }
        for len in (0..600).chain(bytes.len() - 600..bytes.len()) {
            assert!(loaded(&bytes[..len], 2).is_err(), "cut at {len}");
        }
        assert!(loaded(&[&bytes[..], b"\0"].concat(), 2).is_err(), "more behind it");
    }
}
