//! Each row of the table says what Redis 8.0 says of its command.
//!
//! Rows are spelled as the lines of `tests/data/commands-redis-8.0.txt`, so that a difference is two lines.

use std::collections::HashMap;

use acl::category;

use crate::spec::{ArgDoc, ArgType, Begin, Find, KeySpec, flag, key};
use crate::table::{Group, Row, Table};

/// Newer than 8.0, but clients of today send them; and what no other server has.
const NEWER: &[&str] = &[
    "acl|resttoken",
    "client|layer",
    "client|lease",
    "client|maint_notifications",
    "delex",
    "delifeq",
    "digest",
    "msetex",
    "object|tier",
    "script|show",
    "xackdel",
    "xdelex",
];

/// As `NEWER`: arguments of commands.
const NEWER_ARGS: &[(&str, &[&str])] = &[
    ("bgsave", &["cancel"]),
    ("client|kill", OF_VALKEY),
    ("client|list", OF_VALKEY),
    ("hsetex", &["key-condition", "nx", "xx"]),
    ("set", &["ifeq-value", "ifne-value", "ifdeq-digest", "ifdne-digest"]),
    ("zscan", &["noscores"]),
];

/// Conditions of CLIENT KILL and CLIENT LIST that are Valkey's; some of them are Redis's for the one and not the other.
const OF_VALKEY: &[&str] = &[
    "name",
    "idle",
    "flags",
    "lib-name",
    "lib-ver",
    "db",
    "ip",
    "not-client-type",
    "not-client-id",
    "not-username",
    "not-addr",
    "not-laddr",
    "not-name",
    "not-flags",
    "not-lib-name",
    "not-lib-ver",
    "not-db",
    "not-ip",
];
/// As `OF_VALKEY`, for CLIENT LIST alone.
const OF_VALKEY_LIST: &[&str] = &["username", "addr", "laddr", "skipme", "yes", "no", "maxage"];

const REDIS: &str = include_str!("../tests/data/commands-redis-8.0.txt");

fn sorted_names<T: Copy>(names: &[(T, &str)], is_set: impl Fn(T) -> bool, prefix: &str) -> Vec<String> {
    let mut set: Vec<String> =
        names.iter().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| format!("{prefix}{name}")).collect();
    set.sort();
    set
}

fn line(label: &str, words: &[String]) -> String {
    [&[label.to_owned()], words].concat().join(" ")
}

fn spell_keys(spec: &KeySpec) -> String {
    let begin = match spec.begin {
        Begin::Index(index) => format!("index={index}"),
        Begin::Keyword(token, from) => format!("keyword={token} from={from}"),
        Begin::Unknown => "anywhere".to_owned(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("last={last} step={step} limit={limit}"),
        Find::Count { at, first, step } => format!("count_at={at} first={first} step={step}"),
        Find::Unknown => "unknown".to_owned(),
    };
    let flags = sorted_names(key::NAMES, |bit| spec.flags & bit != 0, "").join(",");
    format!("key_spec {begin} {find} flags={flags}")
}

fn spell_args(docs: &[ArgDoc], indent: &str, lines: &mut Vec<String>) {
    for doc in docs {
        if doc.kind == ArgType::Flatten {
            spell_args(doc.children, indent, lines);
            continue;
        }
        let mut words = vec![format!("arg {indent}{}", doc.name), doc.kind.name().to_owned()];
        words.extend(doc.display.map(|display| format!("display={display}")));
        words.extend(doc.token.map(|token| format!("token={}", if token.is_empty() { "\"\"" } else { token })));
        words.extend(doc.since.map(|since| format!("since={since}")));
        words.extend(doc.deprecated_since.map(|since| format!("deprecated_since={since}")));
        words.extend(doc.key_spec.map(|index| format!("key_spec={index}")));
        let flags = [(doc.multiple, "multiple"), (doc.multiple_token, "multiple_token"), (doc.optional, "optional")];
        words.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned()));
        lines.push(words.join(" "));
        spell_args(doc.children, &format!("{indent}  "), lines);
    }
}

fn spell(row: &Row) -> Vec<String> {
    let command = row.command;
    let (first, last, step) = command.key_positions();
    let mut lines = vec![
        format!("group {}", row.group.name()),
        format!("since {}", command.since),
        format!("arity {}", row.arity),
        line("flags", &sorted_names(flag::NAMES, |bit| command.flags & bit != 0, "")),
        line("acl", &sorted_names(category::NAMES, |bit| row.categories & bit != 0, "@")),
        format!("keys {first} {last} {step}"),
    ];
    for spec in command.keys {
        lines.push(spell_keys(spec));
        lines.extend((!spec.notes.is_empty()).then(|| format!("notes {}", spec.notes)));
    }
    lines.extend(command.tips.iter().map(|tip| format!("tip {tip}")));
    lines.extend((!command.complexity.is_empty()).then(|| format!("complexity {}", command.complexity)));
    if let Some((since, instead)) = command.deprecated {
        lines.push("doc_flags deprecated".to_owned());
        lines.push(format!("deprecated {since} {instead}"));
    }
    lines.extend(command.has(flag::SYSTEM).then(|| "doc_flags syscmd".to_owned()));
    spell_args(command.args, "", &mut lines);
    lines
}

/// Redis's lines of each command.
fn redis() -> HashMap<&'static str, Vec<&'static str>> {
    let mut commands: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut name = "";
    for line in REDIS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("command ") {
            Some(next) => name = next,
            None => commands.entry(name).or_default().push(line),
        }
    }
    commands
}

/// The lines that only one of the two has: `-` Redis's, `+` ours; a line that stands elsewhere counts as such.
fn difference(theirs: &[&str], ours: &[String]) -> Vec<String> {
    let label = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let same_args =
        theirs.iter().filter(|line| label(line) == "arg").eq(ours.iter().filter(|line| label(line) == "arg"));
    let is_told = |line: &str, others: &dyn Fn(&str) -> bool| {
        if label(line) == "arg" { !same_args } else { !others(line) }
    };
    let has_ours = |line: &str| ours.iter().any(|other| other == line);
    let has_theirs = |line: &str| theirs.contains(&line);
    let missing = theirs.iter().filter(|line| is_told(line, &has_ours)).map(|line| format!("  - {line}"));
    let extra = ours.iter().filter(|line| is_told(line, &has_theirs)).map(|line| format!("  + {line}"));
    missing.chain(extra).collect()
}

/// Whether a line is about one of these arguments.
fn is_arg(line: &str, names: &[&str]) -> bool {
    line.strip_prefix("arg ").is_some_and(|arg| arg.split_whitespace().next().is_some_and(|name| names.contains(&name)))
}

fn check(group: Group) {
    let (table, redis) = (Table::new(&[]).expect("the table is sound"), redis());
    let mut report = Vec::new();
    for row in table.all().filter(|row| row.group == group && !NEWER.contains(&&*row.name)) {
        let Some(theirs) = redis.get(&*row.name) else {
            report.push(format!("{}\n  + Redis 8.0 has no such command", row.name));
            continue;
        };
        let newer = NEWER_ARGS.iter().find(|(name, _)| *name == &*row.name).map_or(&[][..], |(_, args)| *args);
        let is_newer = |line: &String| is_arg(line, newer);
        let mut ours = spell(row);
        let is_list = &*row.name == "client|list";
        ours.retain(|line| !(is_newer(line) || is_list && is_arg(line, OF_VALKEY_LIST)));
        let lines = difference(theirs, &ours);
        if !lines.is_empty() {
            report.push(format!("{}\n{}", row.name, lines.join("\n")));
        }
    }
    assert!(report.is_empty(), "- is Redis's, + is ours:\n\n{}\n", report.join("\n\n"));
}

macro_rules! groups {
    ($($test:ident: $group:ident;)*) => {$(
        #[test]
        fn $test() {
            check(Group::$group);
        }
    )*};
}

groups! {
    bitmap: Bitmap;
    cluster: Cluster;
    connection: Connection;
    generic: Generic;
    geo: Geo;
    hash: Hash;
    hyperloglog: Hyperloglog;
    list: List;
    pubsub: Pubsub;
    server: Server;
    set: Set;
    sorted_set: SortedSet;
    stream: Stream;
    string: String;
    transactions: Transactions;
}

#[test]
fn key_positions_follow_from_key_specs() {
    for (name, lines) in redis() {
        let specs: Vec<KeySpec> = lines.iter().filter_map(|line| parse_keys(line)).collect();
        let command = crate::spec::Command { keys: specs.leak(), ..crate::spec::Command::BLANK };
        let (first, last, step) = command.key_positions();
        assert!(lines.contains(&format!("keys {first} {last} {step}").as_str()), "{name}: {first} {last} {step}");
    }
}

/// The places of a `key_spec` line; what they are for does not matter here.
fn parse_keys(line: &str) -> Option<KeySpec> {
    let words = line.strip_prefix("key_spec ")?;
    let number = |name: &str| {
        let word = words.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        word.parse::<i16>().ok()
    };
    let begin = number("index").map_or(Begin::Unknown, Begin::Index);
    let range = || Some(Find::Range { last: number("last")?, step: number("step")?, limit: number("limit")? });
    Some(KeySpec { begin, find: range().unwrap_or(Find::Unknown), ..KeySpec::unknown(0) })
}
