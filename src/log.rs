//! The log, in Redis's form: `pid:role 01 Jan 2026 10:00:00.000 * text`, to standard output or a file.
//!
//! Invariants: the file is opened for each line, so that it can be moved away while the server runs; a line is
//! written by one system call; a process that only embeds the server (a test) logs nothing.
#![allow(clippy::print_stdout)] // It is what this module is for.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use settings::{LogLevel, Settings, SyslogFacility};

use crate::system;

/// The least important level that is written; see [`LogLevel`].
static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Nothing as u8);
/// The file; none: standard output.
static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whether the system's log gets every line, too.
static SYSLOG: AtomicBool = AtomicBool::new(false);

/// Starts logging where the settings say.
pub(crate) fn open(settings: &Settings) {
    let name = settings.logfile();
    let path = (!name.is_empty()).then(|| settings.dir().as_path().join(name.as_path()));
    let _ = FILE.set(path);
    if settings.syslog_enabled() {
        system::open_syslog(&settings.syslog_ident(), facility(settings.syslog_facility()));
        SYSLOG.store(true, Relaxed);
    }
    follow_level(settings);
}

fn facility(facility: SyslogFacility) -> i32 {
    match facility {
        SyslogFacility::User => libc::LOG_USER,
        SyslogFacility::Local0 => libc::LOG_LOCAL0,
        SyslogFacility::Local1 => libc::LOG_LOCAL1,
        SyslogFacility::Local2 => libc::LOG_LOCAL2,
        SyslogFacility::Local3 => libc::LOG_LOCAL3,
        SyslogFacility::Local4 => libc::LOG_LOCAL4,
        SyslogFacility::Local5 => libc::LOG_LOCAL5,
        SyslogFacility::Local6 => libc::LOG_LOCAL6,
        SyslogFacility::Local7 => libc::LOG_LOCAL7,
    }
}

/// Takes `loglevel` over.
pub(crate) fn follow_level(settings: &Settings) {
    LEVEL.store(settings.loglevel() as u8, Relaxed);
}

/// Writes a line about the serving process, where the level lets it pass.
pub(crate) fn log(level: LogLevel, text: &str) {
    write('M', level, text);
}

/// As [`log`], before the process serves anybody.
pub(crate) fn log_early(level: LogLevel, text: &str) {
    write('C', level, text);
}

/// What must be seen.
pub(crate) fn warning(text: &str) {
    log(LogLevel::Warning, text);
}

/// What is worth knowing in production.
pub(crate) fn notice(text: &str) {
    log(LogLevel::Notice, text);
}

/// Text without a head, as the logo.
pub(crate) fn raw(text: &str) {
    if LEVEL.load(Relaxed) <= LogLevel::Notice as u8 {
        append(text.as_bytes());
    }
}

/// As [`raw`], whatever the level.
pub(crate) fn last_words(text: &str) {
    append(text.as_bytes());
}

fn write(role: char, level: LogLevel, text: &str) {
    if (level as u8) < LEVEL.load(Relaxed) {
        return;
    }
    let mark = match level {
        LogLevel::Debug => '.',
        LogLevel::Verbose => '-',
        LogLevel::Notice => '*',
        LogLevel::Warning | LogLevel::Nothing => '#',
    };
    let unix_ms = base::clock::unix_ms();
    let time = system::local_time(unix_ms.div_euclid(1000));
    let line = format!(
        "{}:{role} {:02} {} {} {:02}:{:02}:{:02}.{:03} {mark} {text}\n",
        std::process::id(),
        time.day,
        MONTHS[time.month],
        time.year,
        time.hour,
        time.minute,
        time.second,
        unix_ms.rem_euclid(1000),
    );
    append(line.as_bytes());
    if SYSLOG.load(Relaxed) {
        let priority = match level {
            LogLevel::Debug => libc::LOG_DEBUG,
            LogLevel::Verbose => libc::LOG_INFO,
            LogLevel::Notice => libc::LOG_NOTICE,
            LogLevel::Warning | LogLevel::Nothing => libc::LOG_WARNING,
        };
        system::syslog(priority, text);
    }
}

/// A log that cannot be written is no reason to stop serving.
fn append(bytes: &[u8]) {
    let _ = match FILE.get() {
        Some(Some(path)) => {
            OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| file.write_all(bytes))
        }
        Some(None) => std::io::stdout().lock().write_all(bytes).and_then(|()| std::io::stdout().flush()),
        None => Ok(()),
    };
}
