//! A file that is synced as it grows, so that the end has little left to do and no other writer waits long for the disk.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Bytes between two syncs.
const STEP_BYTES: usize = 4 << 20;

/// See the module's head.
pub struct Stepped {
    file: File,
    unsynced: usize,
    step: usize,
}

impl Stepped {
    /// A new file; without `syncs` it is like any other.
    pub fn new(file: File, syncs: bool) -> Self {
        Self { file, unsynced: 0, step: if syncs { STEP_BYTES } else { usize::MAX } }
    }

    /// The file, of which the last step is not synced.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Write for Stepped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        if self.unsynced >= self.step {
            self.unsynced = 0;
            self.file.sync_data()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Stepped {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
