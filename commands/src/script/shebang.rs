//! The first line of a script that says how it is to be run: `#!lua name=lib flags=no-writes,allow-oom`.

use crate::error::{Error, Result};
use crate::spec::flag;

/// What a script may do.
pub(crate) mod may {
    /// It writes nothing.
    pub(crate) const NO_WRITES: u8 = 1 << 0;
    /// It runs when memory is full, too.
    pub(crate) const ALLOW_OOM: u8 = 1 << 1;
    /// It runs on old data, too.
    pub(crate) const ALLOW_STALE: u8 = 1 << 2;
    /// It does not run in a cluster.
    pub(crate) const NO_CLUSTER: u8 = 1 << 3;
    /// Its keys may be of several slots.
    pub(crate) const ALLOW_CROSS_SLOT_KEYS: u8 = 1 << 4;
    /// It has no first line: what it does is found out while it runs.
    pub(crate) const UNDECLARED: u8 = 1 << 5;

    /// In the order in which they are listed.
    pub(crate) const NAMES: [(u8, &str); 5] = [
        (NO_WRITES, "no-writes"),
        (ALLOW_OOM, "allow-oom"),
        (ALLOW_STALE, "allow-stale"),
        (NO_CLUSTER, "no-cluster"),
        (ALLOW_CROSS_SLOT_KEYS, "allow-cross-slot-keys"),
    ];
}

/// The flags of a request that runs a script which says what it does: its word counts in place of the row's.
pub(crate) fn flags_of(row: u32, declared: u8) -> u32 {
    if declared & may::UNDECLARED != 0 {
        return row;
    }
    let mut flags = row & !(flag::STALE | flag::DENYOOM | flag::WRITE | flag::MAY_REPLICATE);
    if declared & may::NO_WRITES == 0 {
        flags |= flag::WRITE;
        if declared & may::ALLOW_OOM == 0 {
            flags |= flag::DENYOOM;
        }
    }
    if declared & may::ALLOW_STALE != 0 {
        flags |= flag::STALE;
    }
    flags
}

/// A flag by its name.
pub(crate) fn flag_named(name: &[u8]) -> Option<u8> {
    may::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(flag, _)| *flag)
}

/// The flags and the code of a script for EVAL.
pub(crate) fn read(body: &[u8]) -> Result<(u8, &[u8])> {
    if !body.starts_with(b"#!") {
        return Ok((may::UNDECLARED, body));
    }
    // The line itself stays, empty, so that lines keep their numbers.
    let end = body.iter().position(|&byte| byte == b'\n').ok_or(Error::Plain("ERR Invalid script shebang"))?;
    let words = base::quote::split_args(&body[..end]).unwrap_or_default();
    let (engine, options) = words.split_first().ok_or(Error::Plain("ERR Invalid engine in script shebang"))?;
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    if engine != b"#!lua" {
        return Err(Error::text(format!("ERR Unexpected engine in script shebang: {}", shown(engine))));
    }
    let mut flags = 0;
    for word in options {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(Error::text(format!("ERR Unknown lua shebang option: {}", shown(word))));
        };
        for name in list.split(|&byte| byte == b',').filter(|name| !name.is_empty()) {
            let unknown = || Error::text(format!("ERR Unexpected flag in script shebang: {}", shown(name)));
            flags |= flag_named(name).ok_or_else(unknown)?;
        }
    }
    Ok((flags, &body[end..]))
}
