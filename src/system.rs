//! The few calls to the system that the standard library does not offer.
//!
//! # Invariants
//! - `daemonize` is called while the process has one thread of its own; the allocator's background thread minds
//!   forks itself.
//! - Every pointer handed to the system points to a live value of the type that the call names.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

/// The local time of a moment, broken down.
pub(crate) struct LocalTime {
    pub(crate) year: i32,
    /// 0 for January.
    pub(crate) month: usize,
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
}

/// Breaks a moment (unix seconds) down in the process's time zone.
pub(crate) fn local_time(unix_seconds: i64) -> LocalTime {
    // SAFETY: `tm` is plain data for which zeroes are a value; both pointers are to live locals.
    let parts = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        libc::localtime_r(&unix_seconds, &mut parts);
        parts
    };
    LocalTime {
        year: parts.tm_year + 1900,
        month: usize::try_from(parts.tm_mon).unwrap_or(0).min(11),
        day: parts.tm_mday,
        hour: parts.tm_hour,
        minute: parts.tm_min,
        second: parts.tm_sec,
    }
}

/// Goes on in a child of its own session, without terminal; the parent exits with code 0.
pub(crate) fn daemonize() -> io::Result<()> {
    // SAFETY: the process has one thread (the module's head), so the child is whole.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _ => std::process::exit(0),
    }
    // SAFETY: takes no pointers.
    if unsafe { libc::setsid() } == -1 {
        return Err(io::Error::last_os_error());
    }
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for standard in 0..=2 {
        // SAFETY: both are file descriptors of this process.
        unsafe { libc::dup2(null.as_raw_fd(), standard) };
    }
    Ok(())
}

/// Lets SIGHUP pass without effect: a lost terminal is no reason to end. (SIGPIPE is ignored from the start.)
pub(crate) fn ignore_hangup() {
    // SAFETY: SIG_IGN is a valid disposition, and nothing else sets one for SIGHUP.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}

/// How many files the process may have open.
pub(crate) fn open_files_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live local.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(limit.rlim_cur)
}

/// Raises the limit of open files to `wanted`, or as far towards it as the system allows; answers the limit then.
pub(crate) fn raise_open_files_limit(wanted: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live local.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == -1 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur >= wanted {
        return Ok(limit.rlim_cur);
    }
    for hard in [limit.rlim_max.max(wanted), limit.rlim_max] {
        let raised = libc::rlimit { rlim_cur: wanted.min(hard), rlim_max: hard };
        // SAFETY: the pointer is to a live local.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
            return Ok(raised.rlim_cur);
        }
    }
    Ok(limit.rlim_cur)
}
