//! A file in sections being written: a sink of keys.
//!
//! # Invariants
//! - No more than one value or [`FLUSH_AT`] bytes wait in memory. Where a section had to be begun before its length was
//!   known, its head is written last, over the room that was left for it.
//! - After an error nothing more is to be written: the file is of no use.

use std::io::{self, Seek, SeekFrom, Write};

use crc32fast::Hasher;
use keyspace::export::{Head, Outline, Part, Sink, View};

use super::super::encode::Encoder;
use super::super::file::goes_in_parts;
use super::super::format::{Version, opcode};
use super::super::output::push_number;
use super::{Kind, SECTION_HEAD_LEN, SectionHead, head};

/// A section of this size is followed by the next: it is checked and decoded while it is in a core's own cache.
const SECTION_LEN: usize = 512 * 1024;
const FLUSH_AT: usize = 2 * 1024 * 1024;

/// See the module's head.
pub struct SectionWriter<W: Write + Seek> {
    to: W,
    seed: u64,
    encoder: Encoder,
    /// Room for the head, then records that are not written; only records once the section has been begun.
    buffer: Vec<u8>,
    /// Where the section begins.
    start: u64,
    /// Bytes of its records that are written.
    flushed: u64,
    sum: Hasher,
    kind: Kind,
    place: u32,
    keys: u64,
    all_keys: u64,
    db: Option<usize>,
}

impl<W: Write + Seek> SectionWriter<W> {
    /// Begins a file; `seed` is that of the keys' hashes.
    pub fn new(mut to: W, seed: u64, compresses: bool) -> io::Result<Self> {
        let bytes = head(seed);
        to.write_all(&bytes)?;
        let mut buffer = Vec::with_capacity(SECTION_LEN + SECTION_LEN / 4);
        buffer.resize(SECTION_HEAD_LEN, 0);
        Ok(Self {
            to,
            seed,
            encoder: Encoder::new(Version::V12, compresses),
            buffer,
            start: bytes.len() as u64,
            flushed: 0,
            sum: Hasher::new(),
            kind: Kind::About,
            place: 0,
            keys: 0,
            all_keys: 0,
            db: None,
        })
    }

    /// A fact about the file or the server, before the first key.
    pub fn aux(&mut self, name: &str, value: &[u8]) {
        self.buffer.push(opcode::AUX);
        self.encoder.text(name.as_bytes(), &mut self.buffer);
        self.encoder.text(value, &mut self.buffer);
    }

    /// A function library's source, before the first key.
    pub fn function(&mut self, source: &[u8]) {
        self.buffer.push(opcode::FUNCTION_2);
        self.encoder.text(source, &mut self.buffer);
    }

    /// How many keys a database has, and how many of them expire; before the first key.
    pub fn database(&mut self, db: usize, keys: usize, expiring: usize) {
        self.select(db);
        self.buffer.push(opcode::RESIZE_DB);
        push_number(keys as u64, &mut self.buffer);
        push_number(expiring as u64, &mut self.buffer);
    }

    /// Ends the file and gives back what it was written to, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_section()?;
        let end = SectionHead { kind: Kind::End, place: self.place, len: 0, keys: self.all_keys, crc: 0 };
        self.to.write_all(&end.to_bytes(self.seed))?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn select(&mut self, db: usize) {
        if self.db.replace(db) != Some(db) {
            self.buffer.push(opcode::SELECT_DB);
            push_number(db as u64, &mut self.buffer);
        }
    }

    /// A key follows: in the next section, where this one is long enough.
    #[inline]
    fn begin_key(&mut self, db: usize) -> io::Result<()> {
        if self.kind == Kind::About || self.flushed > 0 || self.buffer.len() >= SECTION_LEN {
            self.end_section()?;
            self.kind = Kind::Keys;
        }
        self.keys += 1;
        self.select(db);
        Ok(())
    }

    #[cold]
    fn end_section(&mut self) -> io::Result<()> {
        let waiting = if self.flushed == 0 { &self.buffer[SECTION_HEAD_LEN..] } else { &self.buffer[..] };
        self.sum.update(waiting);
        let len = self.flushed + waiting.len() as u64;
        let crc = std::mem::take(&mut self.sum).finalize();
        let head = SectionHead { kind: self.kind, place: self.place, len, keys: self.keys, crc }.to_bytes(self.seed);
        if self.flushed == 0 {
            self.buffer[..SECTION_HEAD_LEN].copy_from_slice(&head);
            self.to.write_all(&self.buffer)?;
        } else {
            self.to.write_all(&self.buffer)?;
            self.to.seek(SeekFrom::Start(self.start))?;
            self.to.write_all(&head)?;
            self.to.seek(SeekFrom::End(0))?;
        }
        self.start += SECTION_HEAD_LEN as u64 + len;
        self.place += 1;
        self.all_keys += self.keys;
        (self.flushed, self.keys, self.db) = (0, 0, None);
        self.buffer.clear();
        self.buffer.shrink_to(2 * FLUSH_AT);
        self.buffer.resize(SECTION_HEAD_LEN, 0);
        Ok(())
    }

    #[inline]
    fn relieve(&mut self) -> io::Result<()> {
        if self.buffer.len() < FLUSH_AT { Ok(()) } else { self.flush() }
    }

    #[cold]
    fn flush(&mut self) -> io::Result<()> {
        let records = if self.flushed == 0 { &self.buffer[SECTION_HEAD_LEN..] } else { &self.buffer[..] };
        self.sum.update(records);
        let len = records.len() as u64;
        self.to.write_all(&self.buffer)?;
        self.flushed += len;
        self.buffer.clear();
        self.buffer.shrink_to(2 * FLUSH_AT);
        Ok(())
    }

    fn entry_in_parts(&mut self, head: Head<'_>, value: View<'_>, outline: Outline) -> io::Result<()> {
        self.begin(head, outline)?;
        let mut result = Ok(());
        value.for_each_part(|part| {
            if result.is_ok() {
                result = self.part(part);
            }
        });
        result
    }
}

impl<W: Write + Seek> Sink for SectionWriter<W> {
    type Error = io::Error;

    fn entry(&mut self, head: Head<'_>, value: View<'_>) -> io::Result<()> {
        if let Some(outline) = goes_in_parts(value) {
            return self.entry_in_parts(head, value, outline);
        }
        self.begin_key(head.db)?;
        Encoder::head(head, &mut self.buffer);
        self.encoder.value(value, &mut self.buffer, |encoder, out| encoder.text(head.key, out));
        self.relieve()
    }

    fn begin(&mut self, head: Head<'_>, outline: Outline) -> io::Result<()> {
        self.begin_key(head.db)?;
        Encoder::head(head, &mut self.buffer);
        self.encoder.begin(outline, &mut self.buffer, |encoder, out| encoder.text(head.key, out));
        self.relieve()
    }

    fn part(&mut self, part: Part<'_>) -> io::Result<()> {
        self.encoder.part(part, &mut self.buffer);
        self.relieve()
    }
}
