//! Reads that end at the page cache.
//!
//! Invariant: the call writes into the one buffer that it is given, and no more than its length.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Reads what needs no device, preadv2(2) with RWF_NOWAIT; where the system or the file system does not know that,
/// every read would block.
pub(super) fn read_at_now(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: the descriptor is open while `file` lives, and the one part is a buffer of that length for writing.
    let read = unsafe { libc::preadv2(file.as_raw_fd(), &raw const part, 1, at as libc::off_t, libc::RWF_NOWAIT) };
    match usize::try_from(read) {
        Ok(read) => Ok(read),
        Err(_) => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EIO) => Err(error),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        },
    }
}
