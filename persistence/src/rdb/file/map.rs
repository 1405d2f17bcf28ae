//! A file's bytes where the system has them: no copy, and pages come and go with memory.
//!
//! # Invariants
//! - The file is not cut while it is mapped: snapshots are replaced by renaming, never written in place. (One that is
//!   cut all the same ends the process by SIGBUS, as reading one that vanishes half way ends the start of a server.)
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Advice, Mmap};

/// See the module's head.
pub struct Map(Option<Mmap>);

impl Map {
    /// The bytes of a file.
    pub fn of(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: read only; the module's head says why nobody changes it meanwhile.
        let map = unsafe { Mmap::map(file)? };
        // It is read once, from front to back; without the advice it is only slower.
        let _ = map.advise(Advice::Sequential);
        Ok(Self(Some(map)))
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}
