//! Checks of texts.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::kind::Reason;
use crate::value::Value;

pub(crate) fn any(_: &[u8]) -> Result<(), Reason> {
    Ok(())
}

pub(crate) fn db_file(name: &[u8]) -> Result<(), Reason> {
    no_slash(name, "dbfilename can't be a path, just a filename")
}

pub(crate) fn append_file(name: &[u8]) -> Result<(), Reason> {
    not_empty(name, "appendfilename can't be empty")?;
    no_slash(name, "appendfilename can't be a path, just a filename")
}

pub(crate) fn append_dir(name: &[u8]) -> Result<(), Reason> {
    not_empty(name, "appenddirname can't be empty")?;
    no_slash(name, "appenddirname can't be a path, just a dirname")
}

fn not_empty(name: &[u8], reason: &str) -> Result<(), Reason> {
    if name.is_empty() { Err(reason.into()) } else { Ok(()) }
}

fn no_slash(name: &[u8], reason: &str) -> Result<(), Reason> {
    if name.contains(&b'/') { Err(reason.into()) } else { Ok(()) }
}

pub(crate) fn hostname(name: &[u8]) -> Result<(), Reason> {
    if name.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into());
    }
    Ok(())
}

/// The name appears inside lines of the cluster's node file, so it may hold none of their punctuation.
pub(crate) fn node_name(name: &[u8]) -> Result<(), Reason> {
    if name.iter().any(|byte| NODE_NAME_REFUSED.contains(byte) || byte.is_ascii_control()) {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(())
}

const NODE_NAME_REFUSED: &[u8] = b"!#$%&()*+:;<>?@[]^{|}~";

/// The variables that `proc-title-template` may name.
const TITLE_VARIABLES: [&[u8]; 7] =
    [b"title", b"listen-addr", b"server-mode", b"port", b"tls-port", b"unixsocket", b"config-file"];

pub(crate) fn title_template(template: &[u8]) -> Result<(), Reason> {
    let known = |part: &[u8]| {
        let close = part.iter().position(|byte| *byte == b'}');
        close.is_some_and(|close| TITLE_VARIABLES.contains(&&part[..close]))
    };
    if template.is_empty() || !template.split(|byte| *byte == b'{').skip(1).all(known) {
        return Err("template format is invalid or contains unknown variables".into());
    }
    Ok(())
}

/// An existing directory, as its canonical path.
pub(super) fn directory(path: &[u8]) -> Result<Value, Reason> {
    let canonical = Path::new(OsStr::from_bytes(path)).canonicalize().map_err(|error| base::system::reason(&error))?;
    if !canonical.is_dir() {
        return Err("Not a directory".into());
    }
    Ok(Value::Text(canonical.as_os_str().as_bytes().into()))
}
