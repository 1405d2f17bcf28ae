//! The command table: the groups' lists joined, with what follows from a declaration worked out once.

use audit::Classes;
use keyspace::entry::Type;

use crate::groups;
use crate::keys::KeyShape;
use crate::module::Module;
use crate::node::audit::class_of;
use crate::node::monitoring::monitor;
use crate::quick;
use crate::spec::{Command, category, flag};

/// Groups as COMMAND DOCS names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    List,
    Module,
    Pubsub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// As COMMAND DOCS answers it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::Hyperloglog => "hyperloglog",
            Self::List => "list",
            Self::Module => "module",
            Self::Pubsub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }

    /// The type of value that a waiting command of the group waits for; None: any.
    pub(crate) fn waits_for(self) -> Option<Type> {
        match self {
            Self::List => Some(Type::List),
            Self::SortedSet => Some(Type::Zset),
            Self::Stream => Some(Type::Stream),
            _ => None,
        }
    }

    fn category(self) -> u32 {
        match self {
            Self::Bitmap => category::BITMAP,
            Self::Connection => category::CONNECTION,
            Self::Generic => category::KEYSPACE,
            Self::Geo => category::GEO,
            Self::Hash => category::HASH,
            Self::Hyperloglog => category::HYPERLOGLOG,
            Self::List => category::LIST,
            // Those of the commands about channels follow from a flag, those of modules are named.
            Self::Cluster | Self::Module | Self::Pubsub | Self::Server => 0,
            Self::Scripting => category::SCRIPTING,
            Self::Set => category::SET,
            Self::SortedSet => category::SORTEDSET,
            Self::Stream => category::STREAM,
            Self::String => category::STRING,
            Self::Transactions => category::TRANSACTION,
        }
    }
}

/// A command in the table.
#[derive(Debug)]
pub struct Row {
    /// The declaration.
    pub command: &'static Command,
    /// Its group.
    pub group: Group,
    /// Lower case; `config|set` for a subcommand. What clients see, also after rename-command.
    pub name: Box<str>,
    /// Its place among all rows, for statistics.
    pub index: usize,
    /// The number of words, names included; negative: at least so many.
    pub arity: i16,
    /// Its ACL categories.
    pub categories: u32,
    /// Where its keys are.
    pub key_shape: KeyShape,
    /// What the audit log calls it.
    pub(crate) audit: Classes,
    /// Who may want to see it; see [`monitor::Monitors::watch`].
    pub(crate) watched: u32,
    /// Those of a container.
    pub subcommands: Vec<&'static Row>,
    /// Its requests may go the short way, see [`crate::quick`].
    pub is_quick: bool,
    is_subcommand: bool,
}

impl Row {
    fn new(command: &'static Command, group: Group, parent: Option<&str>, next: &mut usize) -> &'static Self {
        let own = command.name.to_lowercase();
        let name = parent.map_or_else(|| own.clone(), |parent| format!("{parent}|{own}"));
        let index = *next;
        *next += 1;
        let subcommands = command.subcommands.iter().map(|sub| Self::new(sub, group, Some(&name), next)).collect();
        // The table lives as long as the process; tests make a few more.
        Box::leak(Box::new(Self {
            command,
            group,
            name: name.into(),
            index,
            arity: command.arity(parent.is_some()),
            categories: categories(command, group),
            key_shape: KeyShape::of(command),
            audit: class_of(command, group),
            watched: monitor::watched(command, class_of(command, group)),
            subcommands,
            is_quick: quick::is_quick(command, KeyShape::of(command)),
            is_subcommand: parent.is_some(),
        }))
    }

    /// Whether the name has two words.
    #[inline]
    pub fn is_subcommand(&self) -> bool {
        self.is_subcommand
    }

    /// The word of its only key.
    #[inline]
    pub fn first_key(&self) -> Option<usize> {
        match self.key_shape {
            KeyShape::One(word) => Some(word),
            _ => None,
        }
    }

    /// The word that names a member of the hash or set at its only key, to look ahead for.
    #[inline]
    pub fn first_member(&self) -> Option<usize> {
        if matches!(self.group, Group::Hash | Group::Set) { self.first_key().map(|word| word + 1) } else { None }
    }

    /// Whether so many words fit.
    #[inline]
    pub fn takes(&self, words: usize) -> bool {
        if self.arity >= 0 { words == self.arity as usize } else { words >= self.arity.unsigned_abs() as usize }
    }
}

const NOT_KEYSPACE: u32 = category::LIST | category::SET | category::SORTEDSET | category::CONNECTION;

/// Redis's rules: the group's category, and what the flags imply.
fn categories(command: &Command, group: Group) -> u32 {
    let is = |flags: u32, category: u32| if command.has(flags) { category } else { 0 };
    let implied = is(flag::WRITE, category::WRITE)
        | is(flag::ADMIN, category::ADMIN | category::DANGEROUS)
        | is(flag::PUBSUB, category::PUBSUB)
        | is(flag::FAST, category::FAST)
        | is(flag::BLOCKING, category::BLOCKING);
    // SORT and WAIT stand among the commands of all types, and belong to the categories that they name. A container
    // is none of a group: its commands are.
    let own = if group == Group::Generic && command.categories & NOT_KEYSPACE != 0 || command.run.is_none() {
        0
    } else {
        group.category()
    };
    // What a script reads is the script's matter.
    let read = if group == Group::Scripting { 0 } else { is(flag::READONLY, category::READ) };
    let slow = if command.has(flag::FAST) { 0 } else { category::SLOW };
    command.categories | own | implied | read | slow
}

/// All commands, by name.
#[derive(Debug)]
pub struct Table {
    rows: Vec<&'static Row>,
    /// Open addressing over [`Folded`]; a quarter full.
    slots: Box<[Option<Place>]>,
    /// By row number; under the documented names.
    by_index: Box<[&'static Row]>,
    modules: Vec<&'static Module>,
}

/// A row in the table of names.
#[derive(Clone, Copy, Debug)]
struct Place {
    name: Folded,
    /// Whether the folded name is all there is to compare: a few letters and nothing else.
    is_exact: bool,
    row: &'static Row,
}

impl Table {
    /// The table with `rename-command` applied: each pair is an old and a new name; an empty new name removes it.
    pub fn new(renames: &[(String, String)]) -> Result<Self, String> {
        Self::with_modules(renames, &[])
    }

    /// As `new`, with the commands of modules behind those of Redis.
    pub fn with_modules(renames: &[(String, String)], modules: &[&'static Module]) -> Result<Self, String> {
        let mut next = 0;
        let mut rows: Vec<&'static Row> = Vec::new();
        for (group, commands) in groups::ALL {
            rows.extend(commands.iter().map(|command| Row::new(command, *group, None, &mut next)));
        }
        for command in modules.iter().flat_map(|module| module.commands) {
            if rows.iter().any(|row| row.command.name == command.name) {
                return Err(format!("two commands have the name {}", command.name));
            }
            rows.push(Row::new(command, Group::Module, None, &mut next));
        }
        let mut by_index: Vec<_> =
            rows.iter().flat_map(|row| std::iter::once(*row).chain(row.subcommands.iter().copied())).collect();
        by_index.sort_unstable_by_key(|row| row.index);
        let mut named: Vec<(String, &'static Row)> = rows.iter().map(|row| (row.name.to_string(), *row)).collect();
        for (old, new) in renames {
            let place = named.iter().position(|(name, _)| name.eq_ignore_ascii_case(old));
            let place = place.ok_or_else(|| "No such command in rename-command".to_owned())?;
            let (_, row) = named.swap_remove(place);
            if new.is_empty() {
                continue;
            }
            if named.iter().any(|(name, _)| name.eq_ignore_ascii_case(new)) {
                return Err("Target command name already exists".to_owned());
            }
            named.push((new.to_lowercase(), row));
        }
        let mut slots = vec![None; (named.len() * 4).next_power_of_two()].into_boxed_slice();
        let rows = named.iter().map(|(name, row)| renamed(name, row)).collect::<Vec<_>>();
        for row in &rows {
            let name = Folded::new(row.name.as_bytes());
            let mut at = name.hash() & (slots.len() - 1);
            while slots[at].is_some() {
                at = (at + 1) & (slots.len() - 1);
            }
            let is_exact = row.name.len() <= 8 && row.name.bytes().all(|byte| byte.is_ascii_alphabetic());
            slots[at] = Some(Place { name, is_exact, row });
        }
        Ok(Self { rows, slots, by_index: by_index.into(), modules: modules.to_vec() })
    }

    /// Finds a command (not a subcommand) by its name in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&'static Row> {
        let folded = Folded::new(name);
        let mut at = folded.hash() & (self.slots.len() - 1);
        while let Some(place) = &self.slots[at] {
            if place.name == folded && (place.is_exact || place.row.name.as_bytes().eq_ignore_ascii_case(name)) {
                return Some(place.row);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        None
    }

    /// Finds the row for a request's words: a subcommand where there is one.
    #[inline]
    pub fn resolve(&self, name: &[u8], second: Option<&[u8]>) -> Option<&'static Row> {
        let row = self.find(name)?;
        if row.subcommands.is_empty() {
            return Some(row);
        }
        let Some(second) = second else { return Some(row) };
        let is_it = |sub: &&&Row| sub.command.name.as_bytes().eq_ignore_ascii_case(second);
        Some(row.subcommands.iter().find(is_it).copied().unwrap_or(row))
    }

    /// Finds the row of a command that is no container by its documented name, whatever it is called here.
    pub fn documented(&self, name: &[u8]) -> Option<&'static Row> {
        let is_it = |row: &&Row| row.subcommands.is_empty() && row.command.name.as_bytes().eq_ignore_ascii_case(name);
        self.in_order().find(is_it)
    }

    /// The modules whose commands are in the table.
    pub fn modules(&self) -> &[&'static Module] {
        &self.modules
    }

    /// The rows, containers with their subcommands inside.
    pub fn rows(&self) -> &[&'static Row] {
        &self.rows
    }

    /// All rows, subcommands included.
    pub fn all(&self) -> impl Iterator<Item = &'static Row> {
        self.rows.iter().flat_map(|row| std::iter::once(*row).chain(row.subcommands.iter().copied()))
    }

    /// All rows by number, under their documented names.
    pub fn in_order(&self) -> impl Iterator<Item = &'static Row> {
        self.by_index.iter().copied()
    }

    /// The documented name of a row by its number, `config|set` for a subcommand.
    pub fn name_at(&self, index: usize) -> &'static str {
        self.by_index.get(index).map_or("NULL", |row| &row.name)
    }

    /// How many rows there are, for tables of statistics.
    pub fn len(&self) -> usize {
        self.all().map(|row| row.index + 1).max().unwrap_or(0)
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn renamed(name: &str, row: &'static Row) -> &'static Row {
    if *row.name == *name {
        return row;
    }
    Box::leak(Box::new(Row { name: name.into(), subcommands: row.subcommands.clone(), ..*row }))
}

/// A name as far as it can be compared at once: its length, and its first and last letters without their case bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Folded {
    letters: u64,
    last: u8,
    len: usize,
}

impl Folded {
    #[inline]
    fn new(name: &[u8]) -> Self {
        let last = name.last().copied().unwrap_or(0) & 0xDF;
        Self { letters: head(name) & 0xDFDF_DFDF_DFDF_DFDF, last, len: name.len() }
    }

    #[inline]
    fn hash(self) -> usize {
        let mixed = self.letters ^ (self.len as u64) << 56 ^ u64::from(self.last) << 40;
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
    }
}

/// The first eight bytes of a name, zeros behind a shorter one. Loads that overlap: a copy of so few bytes whose number
/// is not known would be a call.
#[inline]
fn head(name: &[u8]) -> u64 {
    if let Some(&word) = name.first_chunk() {
        return u64::from_le_bytes(word);
    }
    if let (Some(&low), Some(&high)) = (name.first_chunk(), name.last_chunk()) {
        let shift = (name.len() - 4) * 8;
        return u64::from(u32::from_le_bytes(low)) | u64::from(u32::from_le_bytes(high)) << shift;
    }
    name.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_lengths() {
        let name = b"abcdefghij";
        for len in 0..=name.len() {
            let mut word = [0; 8];
            word[..len.min(8)].copy_from_slice(&name[..len.min(8)]);
            assert_eq!(head(&name[..len]), u64::from_le_bytes(word), "{len}");
        }
    }

    #[test]
    fn every_name_is_found_in_any_case_and_no_other_is() {
        let table = Table::new(&[]).expect("no renames");
        for row in table.rows() {
            for name in [row.name.to_lowercase(), row.name.to_uppercase()] {
                assert_eq!(table.find(name.as_bytes()).map(|found| found.index), Some(row.index), "{name}");
            }
            for at in 0..row.name.len() {
                let mut other = row.name.as_bytes().to_vec();
                other[at] ^= 0x80;
                assert!(table.find(&other).is_none());
                other[at] ^= 0x80 | 0x20;
                let is_letter = row.name.as_bytes()[at].is_ascii_alphabetic();
                assert_eq!(table.find(&other).is_some(), is_letter, "{}", String::from_utf8_lossy(&other));
            }
        }
        assert!(table.find(b"").is_none() && table.find(b"ge").is_none() && table.find(b"get\0").is_none());
    }
}
