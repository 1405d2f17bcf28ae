//! The few calls to the system that the standard library does not offer.
//!
//! # Invariants
//! - `daemonize` is called while the process has one thread of its own; the allocator's background thread minds
//!   forks itself.
//! - `title_room` too; the memory that it finds is used by [`TitleRoom`] alone.
//! - Every pointer handed to the system points to a live value of the type that the call names.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

/// Bytes for a group's entry: name, password and members.
const GROUP_LEN_MAX: usize = 64 * 1024;

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

/// The number of a group, by its name or as a number.
pub(crate) fn group_id(name: &[u8]) -> io::Result<u32> {
    if let Some(id) = base::number::parse_i64(name).and_then(|id| u32::try_from(id).ok()) {
        return Ok(id);
    }
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "there is no such group");
    let name = CString::new(name).map_err(|_| unknown())?;
    let mut words = vec![0; GROUP_LEN_MAX];
    let mut found = std::ptr::null_mut();
    // SAFETY: `group` is plain data for which zeroes are a value; all pointers are to live locals of the lengths given.
    unsafe {
        let mut group: libc::group = std::mem::zeroed();
        match libc::getgrnam_r(name.as_ptr(), &mut group, words.as_mut_ptr(), words.len(), &mut found) {
            0 if found.is_null() => Err(unknown()),
            0 => Ok(group.gr_gid),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// Lets SIGHUP pass without effect: a lost terminal is no reason to end. (SIGPIPE is ignored from the start.)
pub(crate) fn ignore_hangup() {
    // SAFETY: SIG_IGN is a valid disposition, and nothing else sets one for SIGHUP.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}

/// Stops the process until somebody lets it go on.
pub(crate) fn stop_self() {
    // SAFETY: takes no pointers.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// The clock that systemd compares reloads by.
pub(crate) fn monotonic_us() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live local.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// The memory in which the system looks for the process's arguments, and for its environment behind them.
pub(crate) struct TitleRoom(Mutex<(usize, usize)>);

/// Frees that memory for titles; None where the system does not tell where it is. To be called once, while the process
/// has one thread: the environment moves.
pub(crate) fn title_room() -> Option<TitleRoom> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let words: Vec<usize> =
        stat.rsplit_once(')')?.1.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
    // The 48th word of the file and the three behind it; what stands behind the parenthesis begins with the third.
    let [start, args_end, environment, end] = *words.get(45..49)?.first_chunk()?;
    if start == 0 || args_end <= start {
        return None;
    }
    for (name, value) in std::env::vars_os() {
        // SAFETY: there is one thread. The C library puts the copy into memory of its own.
        unsafe { std::env::set_var(name, value) };
    }
    let end = if environment == args_end && end > args_end { end } else { args_end };
    Some(TitleRoom(Mutex::new((start, end - start))))
}

impl TitleRoom {
    /// Shows as much of a title as fits.
    pub(crate) fn show(&self, title: &[u8]) {
        let room = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, len) = *room;
        let title = &title[..title.len().min(len - 1)];
        // SAFETY: the system put the program's words there before it began; nothing refers to them any more (the
        // command line was copied, the environment has moved), and the lock makes this the only writer.
        let room = unsafe { std::slice::from_raw_parts_mut(start as *mut u8, len) };
        room[..title.len()].copy_from_slice(title);
        room[title.len()..].fill(0);
    }
}

/// Opens the system's log under a name; `facility` is one of `LOG_LOCAL0` and so on.
pub(crate) fn open_syslog(ident: &[u8], facility: i32) {
    let ident = CString::new(ident).unwrap_or_default();
    // SAFETY: the name is never freed, as the system's log asks.
    unsafe { libc::openlog(ident.into_raw(), libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT, facility) };
}

/// Writes a line to the system's log.
pub(crate) fn syslog(priority: i32, text: &str) {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // SAFETY: the format takes one string, and gets one.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
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
