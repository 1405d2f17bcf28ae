//! Which words of a request others may see.

use crate::request::Request;
use crate::spec::flag;

/// What stands for a secret.
pub(crate) const REDACTED: &[u8] = b"(redacted)";

/// Whether the `index`-th word must not be shown to anybody.
pub(crate) fn is_secret(request: &Request<'_>, index: usize) -> bool {
    let command = request.row.command;
    let names = if request.row.is_subcommand() { 2 } else { 1 };
    index >= names
        && (command.has(flag::SENSITIVE) || command.secrets.is_some_and(|is_secret| is_secret(request, index)))
}
