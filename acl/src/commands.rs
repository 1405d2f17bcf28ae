//! What rules need to know of commands: their names, categories, and which stands in which container.

use std::collections::HashMap;

/// A command or subcommand.
#[derive(Clone, Debug)]
pub struct CommandFacts {
    /// Lower case; `config|get` for a subcommand.
    pub name: Box<str>,
    /// Bits of [`crate::category`].
    pub categories: u32,
    /// How many of those that follow are its subcommands.
    pub subcommands: usize,
    /// Whether it stands in a container.
    pub is_subcommand: bool,
}

/// All commands under their numbers; the command table makes it once.
#[derive(Debug)]
pub struct Commands {
    all: Vec<CommandFacts>,
    by_name: HashMap<Box<str>, usize>,
}

impl Commands {
    /// Commands by number, each container directly before its subcommands.
    pub fn new(all: Vec<CommandFacts>) -> Self {
        let by_name = all.iter().enumerate().map(|(index, facts)| (facts.name.clone(), index)).collect();
        Self { all, by_name }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The number of a command by its name in any case.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?;
        self.by_name.get(name.to_ascii_lowercase().as_str()).copied()
    }

    /// By number.
    pub fn get(&self, index: usize) -> Option<&CommandFacts> {
        self.all.get(index)
    }

    /// A command's number, and its subcommands'.
    pub(crate) fn family(&self, index: usize) -> std::ops::RangeInclusive<usize> {
        index..=index + self.all.get(index).map_or(0, |facts| facts.subcommands)
    }

    /// The numbers of a category's members.
    pub fn of_category(&self, category: u32) -> impl Iterator<Item = usize> {
        let is_member =
            move |(index, facts): (usize, &CommandFacts)| (facts.categories & category != 0).then_some(index);
        self.all.iter().enumerate().filter_map(is_member)
    }
}
