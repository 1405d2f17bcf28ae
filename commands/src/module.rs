//! Modules: groups of commands that live in crates of their own and are handed to the table at start-up.
//!
//! They are part of the program: nothing is loaded from files, and their commands cost what all others cost.

use crate::node::Node;
use crate::spec::Command;

/// What a module brings.
pub struct Module {
    /// As MODULE LIST and `loadmodule` name it.
    pub name: &'static str,
    /// Ten thousand for each major version, a hundred for each minor one.
    pub version: i64,
    /// Its commands.
    pub commands: &'static [&'static Command],
    /// What it tells in INFO.
    pub info: Option<Section>,
}

/// A section of INFO.
pub struct Section {
    /// Its heading; requests name it in any case.
    pub heading: &'static str,
    /// Writes its lines, each with its end.
    pub write: fn(&Node, &mut String),
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "module {} {}", self.name, self.version)
    }
}

impl Module {
    /// Whether a path names the library as which the module would otherwise come: `/usr/lib/ownership.so`.
    pub fn is_file(&self, path: &[u8]) -> bool {
        let file = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let stem = file.strip_suffix(b".so").unwrap_or(file);
        stem.eq_ignore_ascii_case(self.name.as_bytes())
    }
}

/// What the log says when a library is asked for that is no built-in module; Redis says the same of one that it does
/// not find.
pub fn cannot_load(path: &str, modules: &[&Module]) -> String {
    let names: Vec<&str> = modules.iter().map(|module| module.name).collect();
    format!(
        "Module {path} failed to load: libraries made for Redis do not fit this server; built in are: {}",
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    )
}

#[cfg(test)]
mod tests {
    use commands_macros::command;

    use super::*;
    use crate::ctx::Ctx;
    use crate::error::Result;
    use crate::table::Table;
    use crate::testing::{Fixture, check_with};

    /// Answers twice the length of what a key holds.
    #[command(
        "TWICE.LEN",
        since = "1.0.0",
        complexity = "O(1)",
        flags(READONLY | MODULE),
        keys(KeySpec::one(1, RO | ACCESS))
    )]
    fn twice_len(ctx: &mut Ctx, key: keyspace::keys::Key) -> Result<()> {
        let len = ctx.keys.string(&key)?.map_or(0, |text| text.len());
        ctx.out.int(2 * len as i64);
        Ok(())
    }

    static SMALL: Module = Module {
        name: "twice",
        version: 10_203,
        commands: &[&TWICE_LEN],
        info: Some(Section { heading: "Twice", write: |_, text| text.push_str("twice_of:all\r\n") }),
    };

    #[test]
    fn a_module_brings_commands_and_a_section() {
        let mut fixture = Fixture::with_modules(&[&SMALL]);
        check_with(
            &mut fixture,
            r#"
            > SET k ab
            OK
            > TWICE.LEN k
            (integer) 4
            > twice.len
            (error) ERR wrong number of arguments for 'twice.len' command
            > COMMAND GETKEYS TWICE.LEN k
            1) "k"
            > MODULE LIST
            1) 1) "name"
               2) "twice"
               3) "ver"
               4) (integer) 10203
               5) "path"
               6) ""
               7) "args"
               8) (empty array)
            > MULTI
            OK
            > TWICE.LEN k
            QUEUED
            > EXEC
            1) (integer) 4
            "#,
        );
        assert!(fixture.cli(1, "INFO twice").contains("# Twice\\r\\ntwice_of:all"));
        assert!(fixture.cli(1, "COMMAND DOCS TWICE.LEN").contains("\"module\""));
    }

    #[test]
    fn a_name_is_taken_once() {
        assert!(Table::with_modules(&[], &[&SMALL, &SMALL]).is_err_and(|reason| reason.contains("TWICE.LEN")));
    }

    #[test]
    fn libraries_are_known_by_their_file_names() {
        for (path, is_it) in [("/a/twice.so", true), ("twice", true), ("TWICE.so", true), ("/twice/x.so", false)] {
            assert_eq!(SMALL.is_file(path.as_bytes()), is_it, "{path}");
        }
    }
}
