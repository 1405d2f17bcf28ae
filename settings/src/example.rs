//! `redis.conf.example`: the table, for people.

use std::fmt::Write;

use crate::kind::Kind;
use crate::spec::{Change, Effect, Spec};
use crate::table::SECTIONS;

const WIDTH: usize = 79;

const HEAD: &str = "\
# Settings, with their defaults. Remove the # of a line and change its value.
#
# One directive per line: a name, then words. Quotes keep blanks: \"a b\".
# A # starts a comment at the start of a line only. Sizes take the units k, kb,
# m, mb, g and gb. Later lines override earlier ones, and options of the
# command line override the file. Lines of save, rename-command, user,
# loadmodule and client-output-buffer-limit add up.
#
# Beside settings, a file may hold:
#
#   include /etc/redis/*.conf         reads further files at this place
#   rename-command CONFIG secret      renames a command; \"\" removes it
#   user alice on >password ~* +@all  declares a user
#   loadmodule /path/module.so        loads a module
";

/// The text of `redis.conf.example`.
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        let shown: Vec<_> = section.specs.iter().filter(|spec| !spec.hidden).collect();
        if !shown.is_empty() {
            let _ = write!(text, "\n{:#<WIDTH$}\n# {}\n{:#<WIDTH$}\n", "", section.title, "");
        }
        for spec in shown {
            entry(&mut text, spec);
        }
    }
    text
}

fn entry(text: &mut String, spec: &Spec) {
    let mut doc = spec.doc.to_owned();
    match spec.change {
        Change::Live => {}
        Change::AtStart => doc.push_str(" Cannot change while the server runs."),
        Change::Protected => doc.push_str(" CONFIG SET needs enable-protected-configs."),
    }
    if spec.effect == Effect::Stored {
        doc.push_str(" Accepted and reported, without effect in this version.");
    }
    if let Kind::Choice(names) = spec.kind {
        let _ = write!(doc, " One of: {}.", names.join(", "));
    }
    if !spec.aliases.is_empty() {
        let _ = write!(doc, " Also named {}.", spec.aliases.join(", "));
    }
    text.push('\n');
    comment(text, &doc);
    let _ = writeln!(text, "#{} {}", spec.name, default_line(spec));
}

/// The default as a line shows it.
fn default_line(spec: &Spec) -> String {
    match spec.kind {
        Kind::Text(_) | Kind::Events => base::quote::quote(spec.default.as_bytes()),
        _ => spec.default.to_owned(),
    }
}

/// Adds a comment, broken between words.
fn comment(text: &mut String, doc: &str) {
    let mut column = usize::MAX;
    for word in doc.split_whitespace() {
        if column.saturating_add(1 + word.len()) > WIDTH {
            let newline = if column == usize::MAX { "" } else { "\n" };
            let _ = write!(text, "{newline}# {word}");
            column = 2 + word.len();
        } else {
            let _ = write!(text, " {word}");
            column += 1 + word.len();
        }
    }
    text.push('\n');
}
