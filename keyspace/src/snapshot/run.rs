//! The thread that takes the picture: a few entries under a lock, then their encoding without one.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::batch::{Batch, Copied};
use super::gathering::Gathering;
use super::parts::{FlatKind, Parts, try_for_each_flat};
use super::spill::Chunk;
use super::table::StepLimit;
use super::{Capture, Side};
use crate::entry::{Entry, Kind};
use crate::export::{Head, Part, Sink, Usage, View};
use crate::list::KeptNode;
use crate::object::discard_later;
use crate::warm::Ticket;

/// What one lock is held for: some ten microseconds.
const STEP: StepLimit = StepLimit { entries: 64, bytes: 32 << 10 };
const PARTS_STEP_BYTES: usize = 16 << 10;
/// Copies in memory beyond this go to the file.
const COPIES_BYTES_MAX: usize = 16 << 20;
/// Parts of one collection below this are not worth a write.
const SPILL_BYTES_MIN: usize = 4 << 10;

/// Why there is no picture.
#[derive(Debug)]
pub enum Failure<E> {
    /// The sink took no more.
    Sink(E),
    /// The file for copies failed.
    Spill(io::Error),
    /// The pace said so.
    Stopped,
    /// Parts of this many collections are missing: a bug.
    Torn(usize),
    /// A value that is not in memory could not be read: which, and why.
    Warm(String),
}

/// How far a picture is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Keys that are written.
    pub keys: usize,
    /// Bytes of copies that wait.
    pub waiting_bytes: usize,
}

type Result<T, E> = std::result::Result<T, Failure<E>>;

impl Capture<'_> {
    /// Takes the picture: `sink` gets every key of the instant, each once, in no order. `pace` is called without any
    /// lock between small steps; it may sleep, or break off. `usage` reads access clocks.
    pub fn run<S: Sink>(
        mut self,
        sink: &mut S,
        usage: &dyn Fn(u32) -> Usage,
        pace: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Progress, S::Error> {
        let mut run = Run { capture: &mut self, sink, usage, pace, keys: 0, held: Vec::new() };
        run.walk()?;
        Ok(run.progress())
    }
}

impl Drop for Capture<'_> {
    /// Brings the marks to their end, whether or not the picture was taken.
    fn drop(&mut self) {
        self.side.cancel();
        let mut scratch = Batch::default();
        for shard in 0..self.space.shards() {
            while !self.step_shard(shard, STEP, &mut scratch) {}
        }
        let mut flushed = Vec::new();
        loop {
            while let Some(mut table) = self.side.pop_orphan() {
                while !table.capture_step(STEP, &mut scratch) {}
                flushed.push(table);
            }
            let gatherings = std::mem::take(&mut *self.side.gatherings.lock());
            for gathering in gatherings {
                while !gathering.is_whole() {
                    self.step_gathering(&gathering);
                }
            }
            // Whoever flushes holds all shards, and then looks whether there is a capture.
            let mut running = self.space.capture.lock();
            if self.side.orphans.lock().is_empty() {
                *running = None;
                break;
            }
        }
        if !flushed.is_empty() {
            discard_later(Box::new(flushed));
        }
    }
}

impl Capture<'_> {
    /// Copies some entries of one shard; whether none is left there.
    fn step_shard(&self, shard: usize, limit: StepLimit, batch: &mut Batch) -> bool {
        let space = self.space;
        space.lock(shard);
        // SAFETY: the lock is held, this is the only reference into the shard, and no directory changes.
        unsafe {
            let mut is_done = true;
            for db in 0..space.databases() {
                if let Some(table) = space.db_mut(shard, db)
                    && table.capture.is_some()
                {
                    table.capture_step(limit, batch);
                    is_done = false;
                    break;
                }
            }
            space.unlock_unchanged(shard);
            is_done
        }
    }

    /// Copies some parts of a collection, wherever it is by now.
    fn step_gathering(&self, gathering: &Gathering) {
        loop {
            let shard = gathering.shard();
            self.space.lock(shard);
            let is_there = gathering.shard() == shard;
            if is_there {
                gathering.step(PARTS_STEP_BYTES);
            }
            // SAFETY: locked above; no directory of a table of keys changed.
            unsafe { self.space.unlock_unchanged(shard) };
            if is_there {
                return;
            }
        }
    }
}

impl Side {
    fn pop_orphan(&self) -> Option<crate::db::Db> {
        self.orphans.lock().pop()
    }
}

/// A part of a list that cannot be written before those in front of it.
enum Waiting {
    Node(KeptNode),
    Chunk(Chunk),
}

struct Run<'a, 'k, S> {
    capture: &'a mut Capture<'k>,
    sink: &'a mut S,
    usage: &'a dyn Fn(u32) -> Usage,
    pace: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    keys: usize,
    /// Copies that own something, and so cannot be spilled.
    held: Vec<Batch>,
}

impl<S: Sink> Run<'_, '_, S> {
    fn progress(&self) -> Progress {
        Progress { keys: self.keys, waiting_bytes: self.capture.side.bytes() }
    }

    fn walk(&mut self) -> Result<(), S::Error> {
        for shard in 0..self.capture.space.shards() {
            loop {
                let mut batch = Batch::default();
                let is_done = self.capture.step_shard(shard, STEP, &mut batch);
                self.emit(batch)?;
                self.emit_saved()?;
                if is_done {
                    break;
                }
                self.pause()?;
            }
        }
        // Tables that were flushed: nobody else is at them. They are kept until the end, since collections in them
        // may still be wanted.
        let mut flushed = Vec::new();
        while let Some(mut table) = self.capture.side.pop_orphan() {
            loop {
                let mut batch = Batch::default();
                let is_done = table.capture_step(STEP, &mut batch);
                self.emit(batch)?;
                if is_done {
                    break;
                }
                self.pause()?;
            }
            flushed.push(table);
        }
        let result = self.emit_rest();
        self.capture.side.orphans.lock().append(&mut flushed);
        result
    }

    fn emit_rest(&mut self) -> Result<(), S::Error> {
        self.emit_saved()?;
        loop {
            let spilled = match &mut self.capture.spill {
                Some(spill) => spill.take_batch().map_err(Failure::Spill)?,
                None => None,
            };
            let Some(batch) = self.held.pop().or(spilled.map(|batch| self.count(batch))) else { break };
            self.emit(batch)?;
            self.pause()?;
        }
        let torn = self.capture.side.gatherings.lock().len();
        if torn > 0 { Err(Failure::Torn(torn)) } else { Ok(()) }
    }

    /// Counts a batch that came back as bytes in memory.
    fn count(&self, batch: Batch) -> Batch {
        self.capture.side.add_bytes(batch.bytes());
        batch
    }

    /// Writes what writers saved meanwhile.
    fn emit_saved(&mut self) -> Result<(), S::Error> {
        loop {
            let Some(batch) = self.capture.side.saved.lock().pop_front() else { return Ok(()) };
            self.emit(batch)?;
        }
    }

    fn pause(&mut self) -> Result<(), S::Error> {
        self.relieve().map_err(Failure::Spill)?;
        let progress = self.progress();
        match (self.pace)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Failure::Stopped),
        }
    }

    /// Moves copies to the file while they take too much memory.
    fn relieve(&mut self) -> io::Result<()> {
        let side = self.capture.side.clone();
        let Some(spill) = &mut self.capture.spill else { return Ok(()) };
        if side.bytes() <= COPIES_BYTES_MAX {
            return Ok(());
        }
        loop {
            let Some(batch) = side.saved.lock().pop_front() else { break };
            let (plain, rest) = batch.split();
            if !plain.is_empty() {
                spill.put_batch(&plain)?;
                side.sub_bytes(plain.bytes());
            }
            if !rest.is_empty() {
                self.held.push(rest);
            }
        }
        let gatherings = side.gatherings.lock().clone();
        for gathering in gatherings {
            if gathering.bytes() >= SPILL_BYTES_MIN {
                spill.put_parts(&gathering, gathering.take())?;
            }
        }
        Ok(())
    }

    fn emit(&mut self, batch: Batch) -> Result<(), S::Error> {
        let (db, bytes) = (batch.db, batch.bytes());
        let result = batch.try_for_each(|copied| {
            self.keys += 1;
            match copied {
                Copied::Whole(entry) => match entry.ticket() {
                    Some(ticket) => self.emit_warm(db, entry, ticket),
                    None => self.sink.entry(self.head(db, entry), View::of(entry)).map_err(Failure::Sink),
                },
                Copied::Parts(entry, gathering) => self.emit_parts(db, entry, gathering),
            }
        });
        self.capture.side.sub_bytes(bytes);
        result
    }

    /// Writes a value that is not in memory.
    fn emit_warm(&mut self, db: usize, entry: Entry<'_>, ticket: Ticket) -> Result<(), S::Error> {
        let value = self.capture.space.read_warm(ticket).map_err(|reason| {
            Failure::Warm(format!("the value of key '{}' in database {db}: {reason}", entry.key().escape_ascii()))
        })?;
        let head = self.head(db, entry);
        value.with_view(|view| self.sink.entry(head, view)).map_err(Failure::Sink)
    }

    fn head<'e>(&self, db: usize, entry: Entry<'e>) -> Head<'e> {
        Head { db, key: entry.key(), deadline_ms: entry.deadline_ms(), usage: (self.usage)(entry.clock()) }
    }

    fn emit_parts(&mut self, db: usize, entry: Entry<'_>, gathering: &Arc<Gathering>) -> Result<(), S::Error> {
        debug_assert_ne!(entry.kind(), Kind::StrShared);
        self.sink.begin(self.head(db, entry), gathering.outline()).map_err(Failure::Sink)?;
        let left = match gathering.flat_kind() {
            Some(kind) => self.emit_flat(kind, gathering)?,
            None => self.emit_list(gathering)?,
        };
        self.capture.side.gatherings.lock().retain(|other| !Arc::ptr_eq(other, gathering));
        if left == 0 { Ok(()) } else { Err(Failure::Torn(1)) }
    }

    /// Writes the parts of a hash, a set or a sorted set, as they come; how many were missing at the end.
    fn emit_flat(&mut self, kind: FlatKind, gathering: &Gathering) -> Result<usize, S::Error> {
        let mut left = gathering.outline().len;
        loop {
            // Asked before the parts are taken: what is whole gets no more of them.
            let is_whole = gathering.is_whole();
            let parts = gathering.take();
            left = left.saturating_sub(self.emit_row(kind, parts.flat())?);
            while let Some(chunk) = gathering.take_spilled() {
                let bytes = self.read(chunk)?;
                left = left.saturating_sub(self.emit_row(kind, &bytes)?);
            }
            if is_whole {
                return Ok(left);
            }
            self.capture.step_gathering(gathering);
            self.pause()?;
        }
    }

    fn emit_row(&mut self, kind: FlatKind, flat: &[u8]) -> Result<usize, S::Error> {
        let mut count = 0;
        try_for_each_flat(kind, flat, |part| {
            count += 1;
            self.sink.part(part).map_err(Failure::Sink)
        })?;
        Ok(count)
    }

    fn read(&mut self, chunk: Chunk) -> Result<Vec<u8>, S::Error> {
        let spill = self.capture.spill.as_ref();
        spill.map_or_else(|| Ok(Vec::new()), |spill| spill.read(chunk)).map_err(Failure::Spill)
    }

    /// Writes the elements of a list, in order; how many were missing at the end.
    fn emit_list(&mut self, gathering: &Gathering) -> Result<usize, S::Error> {
        let (mut left, mut next, mut waiting) = (gathering.outline().len, 0, BTreeMap::new());
        loop {
            let is_whole = gathering.is_whole();
            let parts = gathering.take();
            self.wait(parts, &mut waiting)?;
            while let Some(chunk) = gathering.take_spilled() {
                waiting.insert(chunk.place, Waiting::Chunk(chunk));
            }
            while let Some(part) = waiting.remove(&next) {
                let node = match part {
                    Waiting::Node(node) => {
                        self.capture.side.sub_bytes(node.memory_usage());
                        node
                    }
                    Waiting::Chunk(chunk) => {
                        let bytes = self.read(chunk)?;
                        let Some(node) = KeptNode::unflatten(&mut &bytes[..]) else { return Ok(left) };
                        node
                    }
                };
                node.try_for_each(|element| {
                    left = left.saturating_sub(1);
                    self.sink.part(Part::Element(element)).map_err(Failure::Sink)
                })?;
                next += 1;
            }
            if is_whole {
                return Ok(left);
            }
            self.capture.step_gathering(gathering);
            self.pause()?;
        }
    }

    /// Keeps nodes until it is their turn; in the file, when there are too many.
    fn wait(&mut self, parts: Parts, waiting: &mut BTreeMap<u32, Waiting>) -> Result<(), S::Error> {
        for node in parts.into_nodes() {
            let place = node.place();
            let is_much = self.capture.side.bytes() > COPIES_BYTES_MAX;
            let part = match &mut self.capture.spill {
                Some(spill) if is_much => Waiting::Chunk(spill.put_node(&node).map_err(Failure::Spill)?),
                _ => {
                    self.capture.side.add_bytes(node.memory_usage());
                    Waiting::Node(node)
                }
            };
            waiting.insert(place, part);
        }
        Ok(())
    }
}
