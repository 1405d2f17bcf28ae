//! A disk in memory, deterministic from a seed, that keeps apart what was written and what was synced.
//!
//! Invariants: `cached` is what a process reads, `stable` what survives the loss of power; a power cut keeps, for
//! each sector that was written and not synced, the new content or the old one, by lot; it keeps a first part of the
//! names' changes, or any of them, by lot; after a failed sync the sectors count as clean, so that later syncs do not
//! bring them to the disk.

mod faults;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

pub use faults::{Faults, Lots};

use super::{Disk, DiskFile};

/// Bytes that reach the disk together or not at all.
const SECTOR_LEN: usize = 512;

/// See the module's head. Copies are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

struct State {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    stable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names since their directory was synced.
    changes: Vec<Change>,
    faults: Faults,
    lots: Lots,
    calls: u64,
    reads: u64,
    /// Once the power is off every call fails.
    is_off: bool,
    during_sync: Option<Arc<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct Content {
    cached: Vec<u8>,
    stable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone)]
enum Change {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

/// An open file of the disk.
struct SimulatedFile {
    disk: SimulatedDisk,
    index: usize,
}

impl SimulatedDisk {
    /// An empty disk whose lots come from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            stable_names: BTreeMap::new(),
            changes: Vec::new(),
            faults: Faults::default(),
            lots: Lots::new(seed),
            calls: 0,
            reads: 0,
            is_off: false,
            during_sync: None,
        })))
    }

    /// From now on the disk fails like this.
    pub fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// Calls so far that change the disk or sync it: faults are told by their number, from 1.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// Runs within every `sync_data`, after it was decided what that sync brings to the disk.
    pub fn set_during_sync(&self, run: Option<Arc<dyn Fn() + Send + Sync>>) {
        self.0.lock().during_sync = run;
    }

    /// Whether a fault has cut the power.
    pub fn is_off(&self) -> bool {
        self.0.lock().is_off
    }

    /// The power goes off now, and all calls fail until [`Self::power_on`].
    pub fn cut_power(&self) {
        self.0.lock().is_off = true;
    }

    /// What another start finds after a power cut.
    pub fn power_on(&self) {
        let state = &mut *self.0.lock();
        state.is_off = false;
        state.faults = Faults::default();
        state.during_sync = None;
        state.lose_names();
        for file in &mut state.files {
            file.lose(&mut state.lots);
        }
    }

    /// What another start finds after the death of the process alone: all that was written.
    pub fn restart(&self) {
        let state = &mut *self.0.lock();
        state.is_off = false;
        state.faults = Faults::default();
        state.during_sync = None;
    }

    /// Another disk with the content of this one.
    pub fn copy(&self, seed: u64) -> Self {
        let copy = Self::new(seed);
        let state = self.0.lock();
        let mut target = copy.0.lock();
        target.files = state.files.iter().map(Content::copy).collect();
        target.names.clone_from(&state.names);
        target.stable_names.clone_from(&state.stable_names);
        target.changes.clone_from(&state.changes);
        drop(target);
        copy
    }

    /// Changes the content of a file behind everybody's back, on the disk too.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let state = &mut *self.0.lock();
        if let Some(index) = state.names.get(path) {
            let file = &mut state.files[*index];
            change(&mut file.cached);
            file.stable.clone_from(&file.cached);
            file.dirty.clear();
        }
    }

    /// Begins a call that changes something: an error when a fault hits it.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.0.lock();
        state.calls += 1;
        let call = state.calls;
        if state.faults.power_off_at == Some(call) {
            state.is_off = true;
        }
        if state.is_off {
            return Err(io::Error::other("the power is off"));
        }
        if state.faults.fails(call) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        Ok(state)
    }
}

impl State {
    fn lose_names(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        let is_ordered = self.lots.one_in(2);
        let kept = self.lots.below(changes.len() as u64 + 1) as usize;
        for (at, change) in changes.into_iter().enumerate() {
            if if is_ordered { at < kept } else { self.lots.one_in(2) } {
                change.apply(&mut self.stable_names);
            }
        }
        self.names.clone_from(&self.stable_names);
    }

    fn used(&self) -> u64 {
        self.names.values().map(|index| self.files[*index].cached.len() as u64).sum()
    }

    /// How many bytes of an append the faults let through.
    fn admit(&mut self, len: usize) -> io::Result<usize> {
        let mut admitted = len;
        if let Some(capacity) = self.faults.capacity {
            let free = capacity.saturating_sub(self.used());
            if free == 0 {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
            admitted = admitted.min(free as usize);
        }
        if self.faults.short_writes && admitted > 1 && self.lots.one_in(2) {
            admitted = 1 + self.lots.below(admitted as u64 - 1) as usize;
        }
        Ok(admitted)
    }
}

impl Change {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Create(path, index) => {
                names.insert(path, index);
            }
            Self::Rename(from, to, index) => {
                names.remove(&from);
                names.insert(to, index);
            }
            Self::Remove(path) => {
                names.remove(&path);
            }
        }
    }

    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Create(path, _) | Self::Rename(_, path, _) | Self::Remove(path) => path.parent(),
        }
    }
}

impl Content {
    fn copy(&self) -> Self {
        Self { cached: self.cached.clone(), stable: self.stable.clone(), dirty: self.dirty.clone() }
    }

    fn append(&mut self, bytes: &[u8]) {
        let start = self.cached.len();
        self.cached.extend_from_slice(bytes);
        if !bytes.is_empty() {
            self.dirty.extend(start / SECTOR_LEN..=(self.cached.len() - 1) / SECTOR_LEN);
        }
    }

    fn bring_to_disk(&mut self, sector: usize) {
        let (start, end) = (sector * SECTOR_LEN, ((sector + 1) * SECTOR_LEN).min(self.cached.len()));
        if start < end {
            if self.stable.len() < end {
                self.stable.resize(end, 0);
            }
            self.stable[start..end].copy_from_slice(&self.cached[start..end]);
        }
    }

    /// Loses power: of what was not synced some sectors are on the disk, and the length may be ahead of them.
    fn lose(&mut self, lots: &mut Lots) {
        let keeps = lots.below(4);
        for sector in std::mem::take(&mut self.dirty) {
            if match keeps {
                0 => false,
                1 => true,
                _ => lots.one_in(2),
            } {
                self.bring_to_disk(sector);
            }
        }
        if self.stable.len() < self.cached.len() && lots.one_in(3) {
            let more = lots.below((self.cached.len() - self.stable.len()) as u64 + 1) as usize;
            self.stable.resize(self.stable.len() + more, 0);
        }
        self.cached.clone_from(&self.stable);
    }
}

fn absent() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.call()?;
        let index = state.files.len();
        state.files.push(Content::default());
        state.names.insert(path.to_owned(), index);
        state.changes.push(Change::Create(path.to_owned(), index));
        Ok(Arc::new(SimulatedFile { disk: self.clone(), index }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.0.lock();
        let index = state.names.get(path).ok_or_else(absent)?;
        Ok(state.files[*index].cached.clone())
    }

    fn read_start(&self, path: &Path, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = self.read(path)?;
        bytes.truncate(len);
        Ok(bytes)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(self.read(path)?.len() as u64)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let index = state.names.remove(from).ok_or_else(absent)?;
        state.names.insert(to.to_owned(), index);
        state.changes.push(Change::Rename(from.to_owned(), to.to_owned(), index));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        state.names.remove(path).ok_or_else(absent)?;
        state.changes.push(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn trim(&self, path: &Path) -> io::Result<()> {
        self.len(path).map(drop)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.call()?;
        let (synced, rest) = std::mem::take(&mut state.changes).into_iter().partition(|one| one.dir() == Some(dir));
        state.changes = rest;
        let synced: Vec<Change> = synced;
        synced.into_iter().for_each(|change| change.apply(&mut state.stable_names));
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = &mut *self.disk.0.lock();
        state.reads += 1;
        if state.faults.fails_read(state.reads) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let content = &state.files[self.index].cached;
        let bytes = content.get(at as usize..).unwrap_or_default();
        let mut len = bytes.len().min(buffer.len());
        if state.faults.short_reads && len > 1 && state.lots.one_in(2) {
            len = 1 + state.lots.below(len as u64 - 1) as usize;
        }
        buffer[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn read_at_now(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.disk.0.lock().faults.caches_nothing {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.read_at(at, buffer)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.call()?;
        let admitted = state.admit(bytes.len())?;
        state.files[self.index].append(&bytes[..admitted]);
        Ok(admitted)
    }

    fn set_aside(&self, _: u64) {}

    fn sync_data(&self) -> io::Result<()> {
        let (index, during) = (self.index, self.disk.0.lock().during_sync.clone());
        let dirty = std::mem::take(&mut self.disk.0.lock().files[index].dirty);
        let begun = self.disk.call().map(drop);
        if let Some(during) = during {
            during();
        }
        let mut state = self.disk.0.lock();
        if state.is_off {
            state.files[index].dirty.extend(dirty);
            return Err(io::Error::other("the power is off"));
        }
        // After a failure the pages count as clean: what was in them is never written again.
        begun?;
        for sector in dirty {
            state.files[index].bring_to_disk(sector);
        }
        Ok(())
    }
}
