//! The replies of HELP.

use resp::Writer;

/// Writes what a container's HELP answers: a head, lines of syntax with indented lines of words under them, and
/// HELP itself.
pub(super) fn write(out: &mut Writer, container: &str, lines: &[&str]) {
    out.array(lines.len() + 3);
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        out.simple(line);
    }
    out.simple("HELP");
    out.simple("    Print this help.");
}
