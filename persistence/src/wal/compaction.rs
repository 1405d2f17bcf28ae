//! Compaction: a snapshot takes the place of the segments before it.
//!
//! The order makes every crash point safe: a new segment is begun; the snapshot is taken (by somebody else) as of a
//! sequence number that is not before the segment's, and synced under its name; the manifest is replaced; only then
//! do old files go. Until the manifest is replaced a start uses the old base and all segments, afterwards the new
//! base, and it removes what was left over.

use std::io;
use std::path::PathBuf;

use super::Seq;
use super::files::{Base, MANIFEST, Manifest, base_name, is_base, segment_path};
use super::log::Log;
use crate::disk::replace;

/// A compaction that has begun. Dropping it is giving it up.
#[derive(Debug)]
pub struct Compaction {
    number: u64,
    /// Where the snapshot is to be, synced, before [`Log::commit`].
    pub path: PathBuf,
}

impl Log {
    /// Begins a compaction. The snapshot must be captured after this, and have exactly the effects up to a sequence
    /// number: [`Log::last_reserved`] under the locks of all shards.
    pub fn begin_compaction(&self) -> io::Result<Compaction> {
        if let Some(reason) = self.failure() {
            return Err(io::Error::other(reason));
        }
        let _making = self.making.lock();
        let missing = {
            let writer = self.writer.lock();
            writer.prepared.is_none().then(|| writer.number() + 1)
        };
        if let Some(number) = missing {
            let file = self.make(number)?;
            self.writer.lock().prepared = Some(file);
        }
        self.with_writer(|writer| {
            self.drain(writer);
            let first_seq = writer.last() + 1;
            if self.is_healthy() {
                self.rotate(writer, first_seq);
            }
        });
        match self.failure() {
            Some(reason) => Err(io::Error::other(reason)),
            None => {
                let number = self.writer.lock().number();
                Ok(Compaction { number, path: self.dir.join(base_name(number)) })
            }
        }
    }

    /// The snapshot with the effects up to `seq` is synced under [`Compaction::path`]: it replaces what was before.
    pub fn commit_compaction(&self, compaction: &Compaction, seq: Seq) -> io::Result<()> {
        let name = base_name(compaction.number);
        self.disk.sync_dir(&self.dir)?;
        let mut manifest = self.manifest.lock();
        let first = {
            let writer = self.writer.lock();
            let has = writer.segments.iter().rev().find(|segment| segment.first_seq <= seq + 1);
            has.map_or(manifest.first, |segment| segment.number)
        };
        let next = Manifest { base: Base::Snapshot { name, seq }, first, ..manifest.clone() };
        replace(&*self.disk, &self.dir.join(MANIFEST), &next.to_bytes())?;
        *manifest = next;
        drop(manifest);
        self.drop_before(first);
        Ok(())
    }

    /// The base and all segments so far count for nothing any more: the log was off for a while. What is on the
    /// disk then is a log without a base, until a compaction gives it one. `took`: see [`super::Options::took`].
    pub fn forget_base(&self, took: u64) -> io::Result<()> {
        let mut manifest = self.manifest.lock();
        let next = Manifest { base: Base::Pending, took, ..manifest.clone() };
        replace(&*self.disk, &self.dir.join(MANIFEST), &next.to_bytes())?;
        *manifest = next;
        Ok(())
    }

    /// Gives a compaction up: what it has made goes.
    pub fn abort_compaction(&self, compaction: Compaction) {
        // A start would remove it, too.
        let _ = self.disk.remove(&compaction.path);
    }

    /// Removes files that the manifest no longer names; a start removes those that stay because of an error.
    fn drop_before(&self, first: u64) {
        let old: Vec<u64> = {
            let mut writer = self.writer.lock();
            let mut old = Vec::new();
            while let Some(segment) = writer.segments.pop_front_if(|segment| segment.number < first) {
                old.push(segment.number);
            }
            self.note_len(&writer);
            old
        };
        for number in old {
            let _ = self.disk.remove(&segment_path(&self.dir, number));
        }
        let base = self.base();
        for name in self.disk.list(&self.dir).unwrap_or_default() {
            if is_base(&name) && !matches!(&base, Base::Snapshot { name: kept, .. } if *kept == name) {
                let _ = self.disk.remove(&self.dir.join(name));
            }
        }
    }
}
