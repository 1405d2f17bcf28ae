//! What a server says of its commands and settings, in one form for ours and for the others.

use std::collections::BTreeMap;

use commands::spec::{ArgDoc, ArgType};
use commands::table::{Row, Table};

const REDIS: &str = include_str!("../data/commands-redis-8.0.txt");
const VALKEY: &str = include_str!("../data/commands-valkey-9.1.txt");
const REDIS_SETTINGS: &str = include_str!("../../../settings/tests/data/redis-8.0-defaults.txt");
const VALKEY_SETTINGS: &str = include_str!("../../../settings/tests/data/valkey-9.1-settings.txt");

/// A word, or a word and a value, that a command takes.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// As HELP spells it: `EX seconds`.
    pub(crate) text: String,
    /// The version that brought it, where that is not the command's own.
    pub(crate) since: Option<String>,
}

/// What a server says of a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    pub(crate) group: String,
    pub(crate) since: String,
    /// Answers as a server that stands alone.
    pub(crate) is_alone: bool,
    /// By its token, with those that it stands behind: `TYPE master`.
    pub(crate) choices: Vec<(String, Choice)>,
}

impl Command {
    pub(crate) fn choice(&self, token: &str) -> Option<&Choice> {
        self.choices.iter().find(|(known, _)| known == token).map(|(_, choice)| choice)
    }

    fn add(&mut self, token: String, choice: Choice) {
        if self.choice(&token).is_none() {
            self.choices.push((token, choice));
        }
    }
}

/// Commands by name, `config|set` for a subcommand.
pub(crate) type Commands = BTreeMap<String, Command>;

/// Those of Redis 8.0.
pub(crate) fn redis() -> Commands {
    parse(REDIS)
}

/// What Valkey 9.1 has beyond Redis 8.0.
pub(crate) fn valkey() -> Commands {
    parse(VALKEY)
}

/// Those of the table.
pub(crate) fn ours() -> Commands {
    let table = Table::new(&[]).expect("the table is sound");
    table.all().map(|row| (row.name.to_string(), of_row(row))).collect()
}

fn of_row(row: &Row) -> Command {
    let since = row.command.since.to_owned();
    let mut command =
        Command { group: row.group.name().to_owned(), since, is_alone: row.command.is_alone, choices: Vec::new() };
    add_docs(row.command.args, "", &mut command);
    command
}

fn add_docs(docs: &[ArgDoc], behind: &str, command: &mut Command) {
    for doc in docs {
        let path = doc.token.map_or_else(|| behind.to_owned(), |token| format!("{behind}{token}"));
        if let Some(token) = doc.token {
            let value = has_value(doc.kind.name()).then_some(doc.name);
            let since = doc.since.map(str::to_owned);
            command.add(path.clone(), Choice { text: spell(token, value), since });
        }
        let behind = if doc.token.is_some() && doc.kind != ArgType::Token { format!("{path} ") } else { path };
        add_docs(doc.children, &behind, command);
    }
}

/// Whether HELP shows a value of this type behind its token.
fn has_value(kind: &str) -> bool {
    !["pure-token", "oneof", "block"].contains(&kind)
}

fn spell(token: &str, value: Option<&str>) -> String {
    let token = if token.is_empty() { "\"\"" } else { token };
    value.map_or_else(|| token.to_owned(), |value| format!("{token} {value}"))
}

fn parse(text: &str) -> Commands {
    let mut commands = Commands::new();
    let mut name = String::new();
    // The tokens above an argument, by its depth.
    let mut above: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (label, rest) = line.split_once(' ').unwrap_or((line, ""));
        if label == "command" {
            name = rest.to_owned();
        }
        let command = commands.entry(name.clone()).or_default();
        match label {
            "group" => command.group = rest.to_owned(),
            "since" => command.since = rest.to_owned(),
            "arg" => {
                let depth = (rest.len() - rest.trim_start().len()) / 2;
                above.truncate(depth);
                let behind: String = above.concat();
                above.push(add_line(rest.trim_start(), &behind, command));
            }
            _ => {}
        }
    }
    commands
}

/// Adds what an `arg` line tells; the tokens that its children stand behind.
fn add_line(line: &str, behind: &str, command: &mut Command) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let Some(token) = word("token") else { return String::new() };
    let token = if token == "\"\"" { "" } else { token };
    let kind = words.get(1).copied().unwrap_or_default();
    let choice =
        Choice { text: spell(token, has_value(kind).then_some(words[0])), since: word("since").map(str::to_owned) };
    command.add(format!("{behind}{token}"), choice);
    format!("{token} ")
}

/// The settings of Redis 8.0, and those that Valkey 9.1 has beyond, with their defaults.
pub(crate) fn settings() -> (BTreeMap<&'static str, &'static str>, BTreeMap<&'static str, &'static str>) {
    let parse = |text: &'static str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(" =")).map(|(name, value)| (name, value.trim_start())).collect()
    };
    (parse(REDIS_SETTINGS), parse(VALKEY_SETTINGS))
}
