//! From the command line and configuration files to settings.
//!
//! The order is Redis's: the file, then standard input, then the options, as one text, so a later line overrides an
//! earlier one and line numbers in errors agree. Nothing is shared before all of it has been accepted.

pub(crate) mod command_line;
pub(crate) mod error;
pub(crate) mod include;

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::grammar::{self, Content};
use crate::kind::{Kind, Reason, Word};
use crate::load::command_line::{Action, CommandLine, Plan};
use crate::load::error::{LoadError, Place};
use crate::spec::Effect;
use crate::store::Settings;
use crate::table::{self, COUNT};
use crate::value::Value;

/// How deep files may include files.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Directives of older servers that no longer mean anything; each takes one word.
const IGNORED: [&[u8]; 4] =
    [b"list-max-ziplist-entries", b"list-max-ziplist-value", b"io-threads-do-reads", b"lua-replicate-commands"];

const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

/// What the command line asks for.
pub enum Startup {
    /// Serve with these settings.
    Serve(Box<Configured>),
    /// Do this and exit.
    Act(Action),
}

/// Settings as loaded, with the directives that are not settings.
pub struct Configured {
    /// The settings.
    pub settings: Settings,
    /// `rename-command` lines: old name, new name.
    pub rename_commands: Vec<Directive>,
    /// `user` lines: name, then rules.
    pub users: Vec<Directive>,
    /// `loadmodule` lines: path, then arguments.
    pub modules: Vec<Directive>,
    /// Settings without effect in this server that were given another value than their default.
    pub stored_only: Vec<&'static str>,
}

/// A directive that is not a setting, for its owner to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The words after the directive's name.
    pub args: Vec<Vec<u8>>,
    /// Where it stands, to refuse it with [`Place::refuse`].
    pub place: Place,
}

impl Settings {
    /// Reads the command line, without the program's name, and the files it leads to.
    pub fn load(args: &[Vec<u8>], stdin: &mut dyn Read) -> Result<Startup, LoadError> {
        match command_line::plan(args)? {
            Plan::Act(action) => Ok(Startup::Act(action)),
            Plan::Serve(command_line) => Ok(Startup::Serve(Box::new(serve(&command_line, stdin)?))),
        }
    }
}

fn serve(command_line: &CommandLine, stdin: &mut dyn Read) -> Result<Configured, LoadError> {
    let mut loader = Loader::new();
    let text = loader.gather(command_line, stdin)?;
    loader.text(&text)?;
    loader.check_log_file()?;
    loader.configured.stored_only = loader.stored_only();
    Ok(loader.configured)
}

struct Loader {
    configured: Configured,
    /// Settings that some line has given.
    given: [bool; COUNT],
    depth: usize,
    budget: include::Budget,
}

impl Loader {
    fn new() -> Self {
        let configured = Configured {
            settings: Settings::new(),
            rename_commands: Vec::new(),
            users: Vec::new(),
            modules: Vec::new(),
            stored_only: Vec::new(),
        };
        Self { configured, given: [false; COUNT], depth: 0, budget: include::Budget::default() }
    }

    /// The file, standard input and the options as one text.
    fn gather(&mut self, command_line: &CommandLine, stdin: &mut dyn Read) -> Result<Vec<u8>, LoadError> {
        let mut text = Vec::new();
        if let Some(given) = &command_line.config_file {
            let path = self.absolute(given);
            text = self.budget.read_file(&path)?;
            self.configured.settings.set_config_file(path);
        }
        if command_line.stdin {
            if !matches!(text.last(), None | Some(b'\n')) {
                text.push(b'\n');
            }
            text.extend(self.budget.read(stdin, Path::new("-"))?);
        }
        if !command_line.options.is_empty() {
            text.push(b'\n');
            text.extend(&command_line.options);
        }
        Ok(text)
    }

    /// A path as the process sees it once it works in `dir`.
    fn absolute(&self, path: &[u8]) -> PathBuf {
        self.configured.settings.dir().as_path().join(OsStr::from_bytes(path))
    }

    fn text(&mut self, text: &[u8]) -> Result<(), LoadError> {
        for (index, line) in grammar::lines(text).enumerate() {
            let place = || Place { line: index + 1, text: line.text.to_vec() };
            match &line.content {
                Content::Nothing => {}
                Content::Unbalanced => return Err(place().refuse("Unbalanced quotes in configuration line")),
                Content::Directive { name, args } => self.directive(name, args, place)?,
            }
        }
        Ok(())
    }

    fn directive(&mut self, name: &[u8], args: &[Word], place: impl Fn() -> Place) -> Result<(), LoadError> {
        let kept = || Directive { args: args.to_vec(), place: place() };
        match (name, args) {
            (b"include", [pattern]) => self.include(pattern, &place),
            (b"rename-command", [_, _]) => {
                self.configured.rename_commands.push(kept());
                Ok(())
            }
            (b"loadmodule", [_, ..]) => {
                self.configured.modules.push(kept());
                Ok(())
            }
            (b"user", [user, ..]) => {
                if self.configured.users.iter().any(|known| known.args.first() == Some(user)) {
                    return Err(place().refuse(duplicate_user(user)));
                }
                self.configured.users.push(kept());
                Ok(())
            }
            (b"sentinel", _) => Err(place().refuse("sentinel directive while not in sentinel mode")),
            (name, [_]) if IGNORED.contains(&name) => Ok(()),
            (name, args) => {
                let slot = table::find(name).ok_or_else(|| place().refuse(BAD_DIRECTIVE))?;
                self.assign(slot, args).map_err(|reason| place().refuse(reason))
            }
        }
    }

    fn assign(&mut self, slot: usize, args: &[Word]) -> Result<(), Reason> {
        let kind = table::row(slot).kind;
        let settings = &self.configured.settings;
        // The first line of `save` replaces the defaults, the next ones add to it; classes of output limits that no
        // line names keep their defaults.
        let current = match kind {
            Kind::Save if !self.given[slot] => kind.empty(),
            _ => settings.value(slot),
        };
        let value = match args {
            [list] if kind.takes_words() => {
                let words = base::quote::split_args(list).ok_or("Unbalanced quotes in configuration line")?;
                kind.parse(&words, &current)?
            }
            _ => settings.parse(slot, args, &current)?,
        };
        settings.store(slot, value);
        self.given[slot] = true;
        Ok(())
    }

    fn include(&mut self, pattern: &[u8], place: &impl Fn() -> Place) -> Result<(), LoadError> {
        if self.depth == INCLUDE_DEPTH_MAX {
            let reason = format!("include is nested more than {INCLUDE_DEPTH_MAX} deep: does a file include itself?");
            return Err(place().refuse(reason));
        }
        let paths = include::expand(self.configured.settings.dir().as_path(), pattern)
            .map_err(|reason| place().refuse(reason))?;
        self.depth += 1;
        for path in paths {
            let text = self.budget.read_file(&path)?;
            self.text(&text)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A log that cannot be written is found out now, while it can still be said on the terminal.
    fn check_log_file(&self) -> Result<(), LoadError> {
        let log_file = self.configured.settings.logfile();
        if log_file.is_empty() {
            return Ok(());
        }
        let opened = OpenOptions::new().append(true).create(true).open(self.absolute(&log_file));
        opened.map(drop).map_err(|error| LoadError::LogFile { reason: base::system::reason(&error) })
    }

    fn stored_only(&self) -> Vec<&'static str> {
        let settings = &self.configured.settings;
        let given = table::specs().enumerate().filter(|(slot, _)| self.given[*slot]);
        let stored = given.filter(|(slot, spec)| spec.effect == Effect::Stored && settings.differs(*slot));
        stored.map(|(_, spec)| spec.name).collect()
    }
}

fn duplicate_user(user: &[u8]) -> Reason {
    format!(
        "Error in user declaration '{}': Duplicate user found. A user can only be defined once in config files",
        String::from_utf8_lossy(user)
    )
}

impl Settings {
    /// The value of `words` for a slot. A relative directory starts at the current one.
    pub(crate) fn parse(&self, slot: usize, words: &[Word], current: &Value) -> Result<Value, Reason> {
        let kind = table::row(slot).kind;
        match (kind, words) {
            (Kind::Directory, [path]) => {
                let path = self.dir().as_path().join(OsStr::from_bytes(path));
                kind.parse(&[path.as_os_str().as_bytes().to_vec()], current)
            }
            _ => kind.parse(words, current),
        }
    }
}
