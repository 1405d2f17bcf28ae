//! A set of permissions: commands, keys and channels. A request needs one selector that grants all of it.
//!
//! Invariant: `rules` applied in order to an empty selector (or to one with all commands, when `all_commands`)
//! gives `allowed` and `first_args` again, so what is printed can be read back.

use base::glob;

use crate::category;
use crate::commands::Commands;
use crate::rule::{Access, Grant, RuleError};

/// See the module's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    /// A bit for each command.
    allowed: Box<[u64]>,
    /// Whether rules began with `+@all`.
    all_commands: bool,
    /// Commands that are allowed with these first arguments, though not in general.
    first_args: Vec<(usize, Vec<Box<[u8]>>)>,
    /// Rules about commands, in the order in which they were given.
    rules: Vec<CommandRule>,
    keys: Patterns<(Access, Box<[u8]>)>,
    channels: Patterns<Box<[u8]>>,
    /// Keys that the user owns, and those that he may borrow: no grants but rules about others.
    owns: Vec<Box<[u8]>>,
    borrows: Vec<Box<[u8]>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct CommandRule {
    allow: bool,
    /// Lower case, `@` before a category.
    name: Box<str>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Patterns<T> {
    All,
    Some(Vec<T>),
}

/// What a selector did not grant; the number is that of the word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Denied {
    /// The command.
    Command,
    /// A key.
    Key(usize),
    /// A channel.
    Channel(usize),
}

/// What a request wants to do.
pub trait Request {
    /// The command's number.
    fn command(&self) -> usize;
    /// Whether everybody may run the command.
    fn is_open(&self) -> bool;
    /// The first argument, behind the command's name (and the container's).
    fn first_arg(&self) -> Option<&[u8]>;
    /// Shows each key, until one is refused, whose word's number is the error.
    fn keys(&self, check: &mut dyn FnMut(&[u8], Access) -> bool) -> Result<(), usize>;
    /// As `keys`, with each channel and whether it is a pattern.
    fn channels(&self, check: &mut dyn FnMut(&[u8], bool) -> bool) -> Result<(), usize>;
}

impl Selector {
    /// Grants nothing, or (`all_channels`) nothing but channels.
    pub(crate) fn new(commands: &Commands, all_channels: bool) -> Self {
        Self {
            allowed: vec![0; commands.len().div_ceil(64)].into(),
            all_commands: false,
            first_args: Vec::new(),
            rules: Vec::new(),
            keys: Patterns::Some(Vec::new()),
            channels: if all_channels { Patterns::All } else { Patterns::Some(Vec::new()) },
            owns: Vec::new(),
            borrows: Vec::new(),
        }
    }

    /// Whether it grants everything.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.all_commands && self.rules.is_empty() && self.keys == Patterns::All && self.channels == Patterns::All
    }

    /// Whether it grants a request, or what it denies first.
    pub fn check(&self, request: &dyn Request) -> Result<(), Denied> {
        if !request.is_open() && !self.allows_command(request.command(), request.first_arg()) {
            return Err(Denied::Command);
        }
        if self.keys != Patterns::All {
            request.keys(&mut |key, access| self.allows_key(key, access)).map_err(Denied::Key)?;
        }
        if self.channels != Patterns::All {
            let mut check = |channel: &[u8], is_pattern: bool| self.allows_channel(channel, is_pattern);
            request.channels(&mut check).map_err(Denied::Channel)?;
        }
        Ok(())
    }

    fn allows_command(&self, index: usize, first_arg: Option<&[u8]>) -> bool {
        if self.allowed.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1) {
            return true;
        }
        let Some((_, allowed)) = self.first_args.iter().find(|(command, _)| *command == index) else { return false };
        first_arg.is_some_and(|given| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(given)))
    }

    /// Whether a key may be touched so.
    pub fn allows_key(&self, key: &[u8], needed: Access) -> bool {
        match &self.keys {
            Patterns::All => true,
            Patterns::Some(patterns) => {
                patterns.iter().any(|(access, pattern)| access.covers(needed) && glob::matches(pattern, key, false))
            }
        }
    }

    /// Whether all keys may be touched so, whatever their names are.
    pub fn allows_all_keys(&self, needed: Access) -> bool {
        match &self.keys {
            Patterns::All => true,
            Patterns::Some(patterns) => {
                patterns.iter().any(|(access, pattern)| access.covers(needed) && **pattern == *b"*")
            }
        }
    }

    /// Whether a channel may be used; a pattern only if it was granted word for word.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        match &self.channels {
            Patterns::All => true,
            Patterns::Some(patterns) => patterns
                .iter()
                .any(|pattern| if is_pattern { **pattern == *channel } else { glob::matches(pattern, channel, false) }),
        }
    }

    /// Applies a rule.
    pub(crate) fn apply(&mut self, grant: &Grant<'_>, commands: &Commands) -> Result<(), RuleError> {
        match *grant {
            Grant::AllKeys => self.keys = Patterns::All,
            Grant::ResetKeys => self.keys = Patterns::Some(Vec::new()),
            Grant::Key(access, pattern) => self.add_key(access, pattern)?,
            Grant::Own(pattern) => add_once(&mut self.owns, pattern),
            Grant::Borrow(pattern) => add_once(&mut self.borrows, pattern),
            Grant::ResetOwn => {
                self.owns.clear();
                self.borrows.clear();
            }
            Grant::AllChannels => self.channels = Patterns::All,
            Grant::ResetChannels => self.channels = Patterns::Some(Vec::new()),
            Grant::Channel(pattern) => match &mut self.channels {
                Patterns::All => return Err(RuleError::AfterAllChannels),
                Patterns::Some(patterns) if patterns.iter().any(|known| **known == *pattern) => {}
                Patterns::Some(patterns) => patterns.push(pattern.into()),
            },
            Grant::AllCommands(allow) => {
                self.allowed.fill(if allow { u64::MAX } else { 0 });
                self.all_commands = allow;
                self.first_args.clear();
                self.rules.clear();
            }
            Grant::Category(allow, name) => {
                let is_it = |(_, text): &&(u32, &str)| text.as_bytes().eq_ignore_ascii_case(name);
                let (bit, text) = category::NAMES.iter().find(is_it).ok_or(RuleError::UnknownCommand)?;
                commands.of_category(*bit).for_each(|index| self.set(index, allow));
                self.note(allow, &format!("@{text}"));
            }
            Grant::Command(allow, name) => self.command(allow, name, commands)?,
        }
        Ok(())
    }

    fn add_key(&mut self, access: Access, pattern: &[u8]) -> Result<(), RuleError> {
        let Patterns::Some(patterns) = &mut self.keys else { return Err(RuleError::AfterAllKeys) };
        match patterns.iter_mut().find(|(_, known)| **known == *pattern) {
            Some((known, _)) => *known = known.and(access),
            None => patterns.push((access, pattern.into())),
        }
        Ok(())
    }

    fn command(&mut self, allow: bool, name: &[u8], commands: &Commands) -> Result<(), RuleError> {
        if let Some(index) = commands.find(name) {
            commands.family(index).for_each(|index| self.set(index, allow));
            if let Some(facts) = commands.get(index) {
                self.note(allow, &facts.name);
            }
            return Ok(());
        }
        let bar = name.iter().rposition(|&byte| byte == b'|').filter(|_| allow).ok_or(RuleError::UnknownCommand)?;
        let (command, first_arg) = (&name[..bar], &name[bar + 1..]);
        let index = commands.find(command).ok_or(RuleError::UnknownCommand)?;
        let facts = commands.get(index).ok_or(RuleError::UnknownCommand)?;
        if facts.is_subcommand {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if first_arg.is_empty() {
            return Err(RuleError::Syntax);
        }
        if facts.subcommands > 0 {
            return Err(RuleError::UnknownCommand);
        }
        self.allow_first_arg(index, first_arg);
        self.note(true, &String::from_utf8_lossy(name).to_lowercase());
        Ok(())
    }

    fn allow_first_arg(&mut self, index: usize, word: &[u8]) {
        let place = self.first_args.iter().position(|(command, _)| *command == index).unwrap_or_else(|| {
            self.first_args.push((index, Vec::new()));
            self.first_args.len() - 1
        });
        let words = &mut self.first_args[place].1;
        if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            words.push(word.into());
        }
    }

    fn set(&mut self, index: usize, allow: bool) {
        if let Some(word) = self.allowed.get_mut(index / 64) {
            let bit = 1 << (index % 64);
            *word = if allow { *word | bit } else { *word & !bit };
        }
        self.first_args.retain(|(command, _)| *command != index);
    }

    /// Puts a rule at the end; those that it makes void go.
    fn note(&mut self, allow: bool, name: &str) {
        let is_void = |rule: &CommandRule| {
            rule.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        };
        self.rules.retain(|rule| !is_void(rule));
        self.rules.push(CommandRule { allow, name: name.into() });
    }

    /// The rules about commands, as ACL GETUSER shows them.
    pub fn commands(&self) -> String {
        let mut text = String::from(if self.all_commands { "+@all" } else { "-@all" });
        for rule in &self.rules {
            text.push_str(if rule.allow { " +" } else { " -" });
            text.push_str(&rule.name);
        }
        text
    }

    /// Patterns of keys that the user owns.
    pub fn owns(&self) -> impl Iterator<Item = &[u8]> {
        self.owns.iter().map(AsRef::as_ref)
    }

    /// Patterns of keys that the user may borrow.
    pub fn borrows(&self) -> impl Iterator<Item = &[u8]> {
        self.borrows.iter().map(AsRef::as_ref)
    }

    /// The key patterns and what the user owns, as ACL GETUSER shows them.
    pub fn keys(&self) -> Vec<u8> {
        let granted = self.granted_keys();
        let owned = self.owns.iter().map(|pattern| [b"own~", &**pattern].concat());
        let borrowed = self.borrows.iter().map(|pattern| [b"borrow~", &**pattern].concat());
        let all = std::iter::once(granted).filter(|keys| !keys.is_empty()).chain(owned).chain(borrowed);
        all.collect::<Vec<_>>().join(&b' ')
    }

    fn granted_keys(&self) -> Vec<u8> {
        let Patterns::Some(patterns) = &self.keys else { return b"~*".to_vec() };
        let show = |(access, pattern): &(Access, Box<[u8]>)| {
            let prefix: &[u8] = match *access {
                Access::READ => b"%R~",
                Access::WRITE => b"%W~",
                _ => b"~",
            };
            [prefix, pattern].concat()
        };
        patterns.iter().map(show).collect::<Vec<_>>().join(&b' ')
    }

    /// The channel patterns, as ACL GETUSER shows them.
    pub fn channels(&self) -> Vec<u8> {
        let Patterns::Some(patterns) = &self.channels else { return b"&*".to_vec() };
        patterns.iter().map(|pattern| [b"&", &**pattern].concat()).collect::<Vec<_>>().join(&b' ')
    }

    /// The granted channel patterns; None: all.
    pub(crate) fn channel_patterns(&self) -> Option<&[Box<[u8]>]> {
        match &self.channels {
            Patterns::All => None,
            Patterns::Some(patterns) => Some(patterns),
        }
    }

    /// All its rules, to be read back.
    pub(crate) fn describe(&self, line: &mut Vec<u8>) {
        let keys = self.keys();
        if !keys.is_empty() {
            line.extend_from_slice(&keys);
            line.push(b' ');
        }
        if self.channels != Patterns::All {
            line.extend_from_slice(b"resetchannels ");
        }
        let channels = self.channels();
        if !channels.is_empty() {
            line.extend_from_slice(&channels);
            line.push(b' ');
        }
        line.extend_from_slice(self.commands().as_bytes());
    }
}

fn add_once(patterns: &mut Vec<Box<[u8]>>, pattern: &[u8]) {
    if !patterns.iter().any(|known| **known == *pattern) {
        patterns.push(pattern.into());
    }
}
