//! Copies that found no room in memory wait in a file.
//!
//! It is read back by the process that wrote it, as it was in memory; nobody else ever sees it.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::batch::Batch;
use super::gathering::Gathering;
use super::parts::Parts;
use crate::list::KeptNode;

/// Where in the file parts of a collection are.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    at: u64,
    len: usize,
    /// The place of a list's node.
    pub(super) place: u32,
}

/// Where in the file a batch is.
struct SpilledBatch {
    at: u64,
    words: usize,
    db: usize,
    count: usize,
}

/// See the module's head.
pub(super) struct Spill {
    file: File,
    end: u64,
    batches: Vec<SpilledBatch>,
}

impl Spill {
    pub(super) fn new(file: File) -> Self {
        Self { file, end: 0, batches: Vec::new() }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.end;
        self.file.write_all_at(bytes, at)?;
        self.end += bytes.len() as u64;
        Ok(at)
    }

    /// Moves a batch of plain copies out.
    pub(super) fn put_batch(&mut self, batch: &Batch) -> io::Result<()> {
        let at = self.append(bytes_of(batch.words()))?;
        self.batches.push(SpilledBatch { at, words: batch.words().len(), db: batch.db, count: batch.len() });
        Ok(())
    }

    /// Reads the last batch back.
    pub(super) fn take_batch(&mut self) -> io::Result<Option<Batch>> {
        let Some(SpilledBatch { at, words: len, db, count }) = self.batches.pop() else { return Ok(None) };
        let mut words = vec![0u64; len];
        self.file.read_exact_at(bytes_of_mut(&mut words), at)?;
        // SAFETY: written by `put_batch` from a plain batch, to a file of this process alone.
        Ok(Some(unsafe { Batch::from_words(db, words, count) }))
    }

    /// Moves copies of parts out, and tells their gathering where.
    pub(super) fn put_parts(&mut self, gathering: &Gathering, parts: Parts) -> io::Result<()> {
        if !parts.flat().is_empty() {
            let (at, len) = (self.append(parts.flat())?, parts.flat().len());
            gathering.note_spilled(Chunk { at, len, place: 0 });
        }
        for node in parts.into_nodes() {
            gathering.note_spilled(self.put_node(&node)?);
        }
        Ok(())
    }

    /// Moves a node of a list out.
    pub(super) fn put_node(&mut self, node: &KeptNode) -> io::Result<Chunk> {
        let mut flat = Vec::new();
        node.flatten(&mut flat);
        Ok(Chunk { at: self.append(&flat)?, len: flat.len(), place: node.place() })
    }

    /// Reads a chunk back.
    pub(super) fn read(&self, chunk: Chunk) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; chunk.len];
        self.file.read_exact_at(&mut bytes, chunk.at)?;
        Ok(bytes)
    }
}

fn bytes_of(words: &[u64]) -> &[u8] {
    // SAFETY: words are plain bytes.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

fn bytes_of_mut(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: as above, and any bytes are words.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words)) }
}
