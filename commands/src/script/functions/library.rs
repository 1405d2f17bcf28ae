//! A library of functions: its source, and what its first line and its run at FUNCTION LOAD say.

use std::sync::Arc;

use crate::error::{Error, Result};

/// What interprets a library: there is one kind.
pub(crate) const ENGINE: &str = "LUA";

const BAD_NAME: &str =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";
const INVALID: Error = Error::Plain("ERR Invalid library metadata");

/// What can be called.
pub(crate) struct Function {
    pub(crate) name: Box<str>,
    /// See [`super::super::shebang::may`].
    pub(crate) flags: u8,
    pub(crate) description: Option<Box<[u8]>>,
}

/// See the module's head.
pub(crate) struct Library {
    pub(crate) name: Box<str>,
    /// As it was given.
    pub(crate) source: Arc<[u8]>,
    pub(crate) functions: Box<[Function]>,
}

impl Library {
    pub(crate) fn memory_usage(&self) -> usize {
        let functions = self.functions.iter();
        let functions = functions.map(|function| {
            size_of::<Function>() + 2 * function.name.len() + function.description.as_ref().map_or(0, |text| text.len())
        });
        size_of::<Self>() + self.name.len() + self.source.len() + functions.sum::<usize>()
    }
}

/// A name that a library or a function may have.
pub(crate) fn checked_name(name: &[u8]) -> Option<&str> {
    let is_sound = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    std::str::from_utf8(name).ok().filter(|_| is_sound)
}

/// The text of the refusal of a name.
pub(crate) fn bad_name() -> &'static str {
    BAD_NAME
}

/// The first line of a library.
pub(crate) struct Heading {
    pub(crate) name: Box<str>,
    /// Where the code begins: at the end of the first line, so that lines keep their numbers.
    pub(crate) code_at: usize,
}

impl Heading {
    /// Reads it: `#!lua name=mylib`.
    pub(crate) fn read(source: &[u8]) -> Result<Self> {
        if !source.starts_with(b"#!") {
            return Err(Error::Plain("ERR Missing library metadata"));
        }
        let code_at = source.iter().position(|&byte| matches!(byte, b'\n' | 0)).ok_or(INVALID)?;
        if source[code_at] == 0 {
            return Err(INVALID);
        }
        let words = base::quote::split_args(&source[..code_at]).ok_or(INVALID)?;
        let (engine, options) = words.split_first().ok_or(INVALID)?;
        let mut name = None;
        for option in options {
            let (key, value) = option.split_at(option.len().min(b"name=".len()));
            if !key.eq_ignore_ascii_case(b"name=") {
                let shown = String::from_utf8_lossy(option);
                return Err(Error::text(format!("ERR Invalid metadata value given: {shown}")));
            }
            if name.replace(value).is_some() {
                return Err(Error::Plain("ERR Invalid metadata value, name argument was given multiple times"));
            }
        }
        let name = name.ok_or(Error::Plain("ERR Library name was not given"))?;
        let name = checked_name(name).ok_or_else(|| Error::text(format!("ERR {BAD_NAME}")))?;
        let engine = engine.get(2..).unwrap_or_default();
        if !engine.eq_ignore_ascii_case(ENGINE.as_bytes()) {
            return Err(Error::text(format!("ERR Engine '{}' not found", String::from_utf8_lossy(engine))));
        }
        Ok(Self { name: name.into(), code_at })
    }
}
