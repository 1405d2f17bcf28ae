//! The page: a table for each group of commands and one of all settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use settings::Effect;
use settings::table::specs;

use crate::facts::{self, Choice, Command, Commands};

const HEAD: &str = "\
# Compatibility

Every command, option and directive of Redis 8.0 and Valkey 9.1, and what becomes of it here. This page is made from the
tables that the server itself runs on (`make generate`), compared with what a Redis 8.0.6 and a Valkey 9.1.2 say of
themselves; a test keeps it so.

*works*: as in Redis 8.0, to the byte. *stored*: a directive that is accepted, checked, kept and reported, so that
existing files and tools work, and that this server has no use for (it says so once, in its log). *alone*: answers what a master
without replicas answers with `cluster-enabled no`, and refuses to become anything else. *missing*: not there; a command
answers `ERR unknown command`, a directive is refused.
";

/// The whole page.
pub(crate) fn page() -> String {
    let (redis, valkey, ours) = (facts::redis(), facts::valkey(), facts::ours());
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, command) in ours.iter().chain(&redis).chain(&valkey) {
        let group = ours.get(name).or_else(|| redis.get(name)).unwrap_or(command).group.as_str();
        names.entry(group).or_default().insert(name);
    }
    let mut text = HEAD.to_owned();
    let settings = Settings::new();
    counts(&mut text, [&redis, &valkey, &ours], &settings);
    for (group, names) in &names {
        let _infallible = write!(text, "\n## {}\n\n", title(group));
        text += "| command | since | here | options |\n|---|---|---|---|\n";
        for name in names {
            text += &row(name, redis.get(*name), valkey.get(*name), ours.get(*name));
        }
    }
    text += &settings.table();
    text
}

fn title(group: &str) -> String {
    let mut words = group.replace(['_', '-'], " ");
    words[..1].make_ascii_uppercase();
    words
}

fn counts(text: &mut String, [redis, valkey, ours]: [&Commands; 3], settings: &Settings) {
    let newer = ours.keys().filter(|name| !redis.contains_key(*name) && !valkey.contains_key(*name));
    let beyond = valkey.keys().filter(|name| !redis.contains_key(*name));
    let kinds: [(&str, Vec<&String>); 3] = [
        ("commands of Redis 8.0 (with subcommands)", redis.keys().collect()),
        ("commands that Valkey 9.1 has beyond", beyond.collect()),
        ("commands of later versions of Redis, or our own", newer.collect()),
    ];
    *text += "\n| | works | stored or alone | missing |\n|---|---|---|---|\n";
    for (title, names) in kinds {
        let count = |wanted: &str| names.iter().filter(|name| state(ours.get(**name)) == wanted).count();
        let [works, alone, missing] = ["works", "alone", "missing"].map(count);
        let _infallible = writeln!(text, "| {title} | {works} | {alone} | {missing} |");
    }
    *text += &settings.counts();
}

fn state(ours: Option<&Command>) -> &'static str {
    match ours {
        None => "missing",
        Some(command) if command.is_alone => "alone",
        Some(_) => "works",
    }
}

fn row(name: &str, redis: Option<&Command>, valkey: Option<&Command>, ours: Option<&Command>) -> String {
    let told = redis.or(valkey).or(ours).expect("somebody has it");
    let whose = if redis.is_some() || valkey.is_none() { "" } else { "Valkey " };
    let state = state(ours);
    let mut tokens: Vec<&str> = Vec::new();
    for (token, _) in [redis, ours, valkey].into_iter().flatten().flat_map(|command| &command.choices) {
        if !tokens.contains(&&**token) {
            tokens.push(token);
        }
    }
    let options = tokens.iter().map(|token| {
        let of = |command: Option<&Command>| command.and_then(|command| command.choice(token)).cloned();
        option(of(redis), of(valkey), of(ours), ours.is_some())
    });
    let options: Vec<String> = options.collect();
    format!(
        "| {} | {whose}{} | {state} | {} |\n",
        name.to_uppercase().replace('|', " "),
        told.since,
        options.join(", ")
    )
}

fn option(redis: Option<Choice>, valkey: Option<Choice>, ours: Option<Choice>, is_command_here: bool) -> String {
    let is_here = ours.is_some();
    let mut notes: Vec<String> = Vec::new();
    let told = match (redis, valkey, ours) {
        (Some(redis), ..) => redis,
        (None, Some(valkey), ours) => {
            // Redis may have it since a later version than the one that is compared.
            let is_other = |since: &String| valkey.since.as_ref().is_some_and(|valkeys| valkeys != since);
            notes.extend(ours.and_then(|ours| ours.since).filter(is_other));
            notes.push(format!("Valkey {}", valkey.since.clone().unwrap_or_default()).trim_end().to_owned());
            Choice { since: None, ..valkey }
        }
        (None, None, ours) => ours.expect("somebody has it"),
    };
    notes.extend(told.since);
    if is_command_here && !is_here {
        notes.push("**missing**".to_owned());
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    told.text.replace('|', "\\|") + &notes
}

/// A directive with its state here.
struct Setting {
    name: &'static str,
    state: &'static str,
    default: String,
    note: String,
}

struct Settings(Vec<(&'static str, Vec<Setting>)>);

impl Settings {
    fn new() -> Self {
        let (redis, valkey) = facts::settings();
        let mut kinds: [Vec<Setting>; 3] = Default::default();
        let ours: BTreeMap<&str, &settings::Spec> =
            specs().flat_map(|spec| spec.names().map(move |name| (name, spec))).collect();
        let names: BTreeSet<&'static str> =
            redis.keys().chain(valkey.keys()).copied().chain(specs().flat_map(settings::Spec::names)).collect();
        for name in names {
            let kind = match ours.get(name) {
                Some(spec) if !redis.contains_key(name) && spec.own => 2,
                _ if valkey.contains_key(name) => 1,
                _ => 0,
            };
            let theirs = redis.get(name).or_else(|| valkey.get(name)).copied().unwrap_or_default();
            kinds[kind].push(setting(name, ours.get(name).copied(), theirs));
        }
        let [redis, valkey, own] = kinds;
        Self(vec![
            ("directives of Redis 8.0", redis),
            ("directives that Valkey 9.1 has beyond", valkey),
            ("directives of this server alone", own),
        ])
    }

    fn counts(&self) -> String {
        let count =
            |settings: &[Setting], state: &str| settings.iter().filter(|setting| setting.state == state).count();
        let rows = self.0.iter().map(|(title, settings)| {
            let [works, stored, missing] = ["works", "stored", "missing"].map(|state| count(settings, state));
            format!("| {title} (with aliases) | {works} | {stored} | {missing} |\n")
        });
        rows.collect()
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for (title, settings) in &self.0 {
            let _infallible = write!(text, "\n## {}\n\n", self::title(title));
            text += "| directive | here | default | |\n|---|---|---|---|\n";
            for Setting { name, state, default, note } in settings {
                let _infallible = writeln!(text, "| `{name}` | {state} | `{default}` | {note} |");
            }
        }
        text
    }
}

fn setting(name: &'static str, spec: Option<&'static settings::Spec>, theirs: &str) -> Setting {
    let Some(spec) = spec else {
        return Setting { name, state: "missing", default: shown(theirs), note: String::new() };
    };
    let state = match spec.effect {
        Effect::Works => "works",
        Effect::Stored => "stored",
    };
    let note = if spec.name == name { String::new() } else { format!("`{}`", spec.name) };
    Setting { name, state, default: shown(spec.default), note }
}

fn shown(default: &str) -> String {
    if default.is_empty() { "\"\"".to_owned() } else { default.to_owned() }
}
