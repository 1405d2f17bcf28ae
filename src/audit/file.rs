//! The file of the audit log: lines are added, none is ever changed.
//!
//! Invariants: a write that took only a part goes on where it stopped, so the file has no torn lines but the last one
//! of a process that was killed; that one is cut off at the next start. The file is the owner's alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use audit::{Chain, Tail};

/// More than any line: its words are cut to some hundred bytes.
const LINE_MAX: u64 = 256 * 1024;
/// Lines are durable after this, or a little more.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// See the module's head.
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    chain: Chain,
    /// Lines that are not in the file yet.
    rest: Vec<u8>,
    synced: Instant,
}

impl AuditFile {
    /// Opens it, goes on with the chain that it holds, and cuts a torn last line off: so many bytes.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, u64)> {
        let mut file = opened(&path)?;
        let (tail, cut) = tail_of(&mut file)?;
        let chain = Chain::after(tail);
        Ok((Self { path, file, chain, rest: Vec::new(), synced: Instant::now() }, cut))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether lines wait for the file.
    pub(super) fn has_rest(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Adds an event's line.
    pub(super) fn add(&mut self, fields: &[u8]) {
        self.chain.push(fields, &mut self.rest);
    }

    /// Writes the lines that were added.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            match self.file.write(&self.rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.rest.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.synced.elapsed() >= SYNC_EVERY {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Goes on in the file that has the name now; the chain goes on, too.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.sync();
        self.file = opened(&self.path)?;
        Ok(())
    }

    /// Makes durable what was written, as far as that is possible.
    pub(super) fn sync(&self) {
        let _ = self.file.sync_data();
    }
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// The last whole line, as the chain's end, and how many bytes of another one were cut off.
fn tail_of(file: &mut File) -> io::Result<(Tail, u64)> {
    let facts = file.metadata()?;
    if !facts.is_file() {
        // A pipe or a device keeps nothing to go on from.
        return Ok((Tail::default(), 0));
    }
    let len = facts.len();
    let start = len.saturating_sub(2 * LINE_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(2 * LINE_MAX).read_to_end(&mut text)?;
    let end = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let cut = (text.len() - end) as u64;
    if cut > 0 {
        file.set_len(len - cut)?;
    }
    let whole = text[..end].strip_suffix(b"\n").unwrap_or_default();
    let last = whole.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    if last.is_empty() {
        return Ok((Tail::default(), cut));
    }
    let tail = Tail::of_line(last).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "its last line is none of an audit log: is it the right file?")
    })?;
    Ok((tail, cut))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_chain_goes_on_over_starts_and_a_torn_line() {
        let dir = std::env::temp_dir().join(format!("stateless-audit-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let path = dir.join("audit.log");
        let _ = fs::remove_file(&path);
        for _ in 0..3 {
            let (mut file, cut) = AuditFile::open(path.clone()).expect("a file");
            assert_eq!(cut, 0);
            file.add(b"\"n\":1");
            file.flush().expect("room");
        }
        let mut text = fs::read(&path).expect("the file");
        let whole = text.len();
        text.extend_from_slice(b"{\"seq\":4,\"n\"");
        fs::write(&path, &text).expect("room");
        let (mut file, cut) = AuditFile::open(path.clone()).expect("a file");
        assert_eq!(cut as usize, text.len() - whole);
        file.add(b"\"n\":2");
        file.flush().expect("room");
        let checked = audit::check(&mut &fs::read(&path).expect("the file")[..], None).expect("it holds");
        assert_eq!((checked.lines, checked.tail.seq), (4, 4));
        fs::write(&path, "no audit log\n").expect("room");
        assert!(AuditFile::open(path.clone()).is_err());
        fs::remove_dir_all(&dir).expect("it is there");
    }
}
