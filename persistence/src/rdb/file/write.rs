//! A file being written: a sink of keys.
//!
//! # Invariants
//! - No more than one value or [`FLUSH_AT`] bytes wait in memory; a large collection is written in pieces.
//! - After an error nothing more is to be written: the file is of no use.

use std::io::{self, Write};

use keyspace::export::{Head, Outline, Part, Sink, View};

use super::super::checksum::Checksum;
use super::super::encode::Encoder;
use super::super::format::{Version, opcode};
use super::super::output::push_number;
use super::MAGIC;

const FLUSH_AT: usize = 256 * 1024;
/// Collections of more elements are written part by part.
const WHOLE_LEN_MAX: usize = 16 * 1024;
/// Lists keep their nodes up to this size.
const WHOLE_LIST_BYTES_MAX: usize = 64 << 20;

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The version of the format.
    pub version: Version,
    /// `rdbcompression`
    pub compresses: bool,
    /// `rdbchecksum`
    pub sums: bool,
}

/// See the module's head.
pub struct Writer<W: Write> {
    to: W,
    buffer: Vec<u8>,
    encoder: Encoder,
    sum: Option<Checksum>,
    db: Option<usize>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(to: W, options: Options) -> Self {
        let mut buffer = Vec::with_capacity(2 * FLUSH_AT);
        buffer.extend_from_slice(MAGIC);
        buffer.extend_from_slice(format!("{:04}", options.version.0).as_bytes());
        Self {
            to,
            buffer,
            encoder: Encoder::new(options.version, options.compresses),
            sum: options.sums.then(Checksum::new),
            db: None,
            written: 0,
        }
    }

    /// A fact about the file or the server, before the first key.
    pub fn aux(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        self.buffer.push(opcode::AUX);
        self.encoder.text(name.as_bytes(), &mut self.buffer);
        self.encoder.text(value, &mut self.buffer);
        self.relieve()
    }

    /// A function library's source, before the first key.
    pub fn function(&mut self, source: &[u8]) -> io::Result<()> {
        self.buffer.push(opcode::FUNCTION_2);
        self.encoder.text(source, &mut self.buffer);
        self.relieve()
    }

    /// Says that the next keys are of a database, and about how many there are; so many of them expire.
    pub fn database(&mut self, db: usize, keys: usize, expiring: usize) -> io::Result<()> {
        self.select(db);
        self.buffer.push(opcode::RESIZE_DB);
        push_number(keys as u64, &mut self.buffer);
        push_number(expiring as u64, &mut self.buffer);
        self.relieve()
    }

    /// Bytes so far, those that wait in memory included.
    pub fn written(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Ends the file and gives back what it was written to, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.push(opcode::EOF);
        self.flush()?;
        let sum = self.sum.as_ref().map_or(0, Checksum::value);
        self.to.write_all(&sum.to_le_bytes())?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn select(&mut self, db: usize) {
        if self.db.replace(db) != Some(db) {
            self.buffer.push(opcode::SELECT_DB);
            push_number(db as u64, &mut self.buffer);
        }
    }

    #[inline]
    fn relieve(&mut self) -> io::Result<()> {
        if self.buffer.len() < FLUSH_AT { Ok(()) } else { self.flush() }
    }

    #[cold]
    fn flush(&mut self) -> io::Result<()> {
        if let Some(sum) = &mut self.sum {
            sum.update(&self.buffer);
        }
        self.to.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
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

/// Whether a value is written part by part, though it is there as a whole.
pub(in crate::rdb) fn goes_in_parts(value: View<'_>) -> Option<Outline> {
    let outline = value.outline()?;
    let is_long = match value {
        View::List(list) => list.heap_bytes() > WHOLE_LIST_BYTES_MAX,
        View::Set(set) => set.as_intset().is_none() && outline.len > WHOLE_LEN_MAX,
        View::Zset(_) | View::Hash(_) => outline.len > WHOLE_LEN_MAX,
        View::Text(_) | View::Int(_) | View::Stream(_) => false,
    };
    is_long.then_some(outline)
}

impl<W: Write> Sink for Writer<W> {
    type Error = io::Error;

    fn entry(&mut self, head: Head<'_>, value: View<'_>) -> io::Result<()> {
        if let Some(outline) = goes_in_parts(value) {
            return self.entry_in_parts(head, value, outline);
        }
        self.select(head.db);
        Encoder::head(head, &mut self.buffer);
        self.encoder.value(value, &mut self.buffer, |encoder, out| encoder.text(head.key, out));
        self.relieve()
    }

    fn begin(&mut self, head: Head<'_>, outline: Outline) -> io::Result<()> {
        self.select(head.db);
        Encoder::head(head, &mut self.buffer);
        self.encoder.begin(outline, &mut self.buffer, |encoder, out| encoder.text(head.key, out));
        self.relieve()
    }

    fn part(&mut self, part: Part<'_>) -> io::Result<()> {
        self.encoder.part(part, &mut self.buffer);
        self.relieve()
    }
}
