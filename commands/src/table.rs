//! The command table: the groups' lists joined, with what follows from a declaration worked out once.

use keyspace::entry::Type;

use crate::groups;
use crate::keys::KeyShape;
use crate::spec::{Command, category, flag};

/// Groups as COMMAND DOCS names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Group {
    Bitmap,
    Connection,
    Generic,
    Hash,
    List,
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
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Hash => "hash",
            Self::List => "list",
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
            Self::Hash => category::HASH,
            Self::List => category::LIST,
            // Those of the commands about channels follow from a flag.
            Self::Pubsub | Self::Server => 0,
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
    /// Those of a container.
    pub subcommands: Vec<&'static Row>,
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
            subcommands,
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
    let read = is(flag::READONLY, category::READ);
    let slow = if command.has(flag::FAST) { 0 } else { category::SLOW };
    command.categories | own | implied | read | slow
}

/// All commands, by name.
#[derive(Debug)]
pub struct Table {
    rows: Vec<&'static Row>,
    /// Open addressing over [`fold`]; a quarter full.
    slots: Box<[Option<&'static Row>]>,
    /// By row number; under the documented names.
    by_index: Box<[&'static Row]>,
}

impl Table {
    /// The table with `rename-command` applied: each pair is an old and a new name; an empty new name removes it.
    pub fn new(renames: &[(String, String)]) -> Result<Self, String> {
        let mut next = 0;
        let mut rows: Vec<&'static Row> = Vec::new();
        for (group, commands) in groups::ALL {
            rows.extend(commands.iter().map(|command| Row::new(command, *group, None, &mut next)));
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
            let mut at = fold(row.name.as_bytes()) as usize & (slots.len() - 1);
            while slots[at].is_some() {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = Some(*row);
        }
        Ok(Self { rows, slots, by_index: by_index.into() })
    }

    /// Finds a command (not a subcommand) by its name in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&'static Row> {
        let mut at = fold(name) as usize & (self.slots.len() - 1);
        while let Some(row) = self.slots[at] {
            if row.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(row);
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

/// A hash of a name that does not see case: its length, and its first and last letters without their case bit.
#[inline]
fn fold(name: &[u8]) -> u64 {
    let mut word = [0; 8];
    let head = name.len().min(8);
    word[..head].copy_from_slice(&name[..head]);
    let last = name.last().copied().unwrap_or(0) & 0xDF;
    let letters = u64::from_le_bytes(word) & 0xDFDF_DFDF_DFDF_DFDF;
    (letters ^ (name.len() as u64) << 56 ^ u64::from(last) << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}
