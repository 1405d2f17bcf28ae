//! The first line of a script that says how it is to be run: `#!lua name=lib flags=no-writes,allow-oom`.

use crate::error::{Error, Result};

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

/// A flag by its name.
pub(crate) fn flag(name: &[u8]) -> Option<u8> {
    may::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(flag, _)| *flag)
}

/// The words of a first line, and what follows them.
type Split<'b> = (Vec<&'b [u8]>, &'b [u8]);

/// Splits the first line off: its words, and the code with that line left empty, so that lines keep their numbers.
pub(crate) fn split(body: &[u8]) -> Result<Option<Split<'_>>> {
    if !body.starts_with(b"#!") {
        return Ok(None);
    }
    let Some(end) = body.iter().position(|&byte| byte == b'\n') else {
        return Err(Error::Plain("ERR Invalid script shebang"));
    };
    let words = body[..end].split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
    Ok(Some((words, &body[end..])))
}

/// The flags and the code of a script for EVAL.
pub(crate) fn read(body: &[u8]) -> Result<(u8, &[u8])> {
    let Some((words, code)) = split(body)? else { return Ok((may::UNDECLARED, body)) };
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    if words.first().is_none_or(|engine| *engine != b"#!lua") {
        let engine = shown(words.first().copied().unwrap_or_default());
        return Err(Error::text(format!("ERR Unexpected engine in script shebang: {engine}")));
    }
    let mut flags = 0;
    for word in &words[1..] {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(Error::text(format!("ERR Unknown lua shebang option: {}", shown(word))));
        };
        for name in list.split(|&byte| byte == b',').filter(|name| !name.is_empty()) {
            let unknown = || Error::text(format!("ERR Unexpected flag in script shebang: {}", shown(name)));
            flags |= flag(name).ok_or_else(unknown)?;
        }
    }
    Ok((flags, code))
}
