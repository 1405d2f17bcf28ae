//! Rules on the code itself: what a reviewer would otherwise have to remember.

use std::fs;
use std::path::{Path, PathBuf};

const FLOORS: &[&[&str]] = &[
    &["base"],
    &["resp", "settings", "keyspace", "acl", "audit", "lua", "ownership"],
    &["persistence"],
    &["commands-macros"],
    &["commands"],
    &["ownership-commands"],
    &["gateway"],
    &["stateless-server"],
];
const LINES_MAX: usize = 600;
/// Where `unsafe` may stand, each with its invariants at its head.
const UNSAFE_MODULES: &[&str] = &[
    "keyspace/src/db.rs",
    "keyspace/src/dict/",
    "keyspace/src/encoding.rs",
    "keyspace/src/entry.rs",
    "keyspace/src/epoch.rs",
    "keyspace/src/export.rs",
    "keyspace/src/keys.rs",
    "keyspace/src/keys/",
    "keyspace/src/waits.rs",
    "lua/src/ffi.rs",
    "lua/src/libraries/cjson/mod.rs",
    "lua/src/number.rs",
    "lua/src/stack.rs",
    "lua/src/state.rs",
    "keyspace/src/object.rs",
    "keyspace/src/hash/",
    "keyspace/src/list/keys.rs",
    "keyspace/src/pool.rs",
    "keyspace/src/pool/",
    "keyspace/src/room.rs",
    "keyspace/src/set/",
    "keyspace/src/shard.rs",
    "keyspace/src/slab.rs",
    "keyspace/src/snapshot/",
    "keyspace/src/walk.rs",
    "keyspace/src/warm/",
    "keyspace/src/stream/keys.rs",
    "keyspace/src/zset/",
    "commands/src/groups/bitmap/popcount.rs",
    "commands/src/node/prefetch.rs",
    "persistence/src/disk/cached.rs",
    "persistence/src/rdb/file/map.rs",
    "persistence/src/snapshot/priority.rs",
    "src/allocator.rs",
    "src/crash/signal.rs",
    "src/system.rs",
    "commands/src/node/usage.rs",
];
/// Words that belong to a workshop, not to a product.
const BANNED: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "finish it, or say in ARCHITECTURE.md what is missing"),
    (concat!("FIX", "ME"), "mend it"),
    (concat!("todo", "!("), "write it"),
    (concat!("unimplemented", "!("), "write it"),
    (concat!("/wo", "rk/"), "paths of one machine do not belong here"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in [
        "src",
        "base",
        "resp",
        "settings",
        "keyspace",
        "acl",
        "audit",
        "lua",
        "ownership",
        "persistence",
        "commands",
        "gateway",
        "compat-tests",
        "benches",
        "fuzz",
    ] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 50, "the walk finds the sources");
    found
}

fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !["target", "node_modules"].iter().any(|skip| path.ends_with(skip)) {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap_or_default()));
        }
    }
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn files_stay_in_one_mind() {
    let faults: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(name, text)| {
            format!("{name}: {} lines, more than {LINES_MAX}: split it by reason", text.lines().count())
        })
        .collect();
    complain(&faults);
}

#[test]
fn files_say_what_they_are() {
    let faults: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| !text.starts_with("//!") && !text.starts_with("#!"))
        .map(|(name, _)| format!("{name}: begin with //! and a sentence"))
        .collect();
    complain(&faults);
}

#[test]
fn no_banned_words() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for (word, advice) in BANNED.iter().filter(|(word, _)| line.contains(word)) {
                faults.push(format!("{name}:{}: {word}: {advice}", number + 1));
            }
        }
    }
    complain(&faults);
}

#[test]
fn unsafe_stands_only_in_named_modules() {
    let marker = concat!("allow(unsafe", "_code)");
    let faults: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| text.contains(marker))
        .filter(|(name, _)| !UNSAFE_MODULES.iter().any(|module| name.starts_with(module)))
        .map(|(name, _)| format!("{name}: unsafe code outside the named modules"))
        .collect();
    complain(&faults);
}

#[test]
fn crates_import_only_from_lower_floors() {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let mut faults = Vec::new();
    for manifest in [
        "base",
        "resp",
        "settings",
        "keyspace",
        "acl",
        "lua",
        "ownership",
        "audit",
        "persistence",
        "commands/macros",
        "commands",
        "ownership/commands",
        ".",
    ] {
        let text = fs::read_to_string(root().join(manifest).join("Cargo.toml")).expect("a manifest");
        let package = text.split("[package]").nth(1).unwrap_or(&text);
        let name = package.lines().find_map(|line| line.strip_prefix("name = ")).unwrap_or("").trim_matches('"');
        let own = floor(name).unwrap_or_else(|| panic!("{name} has a floor"));
        let dependencies = text.split("\n[dependencies]\n").nth(1).unwrap_or("");
        let dependencies = dependencies.split("\n[").next().unwrap_or("");
        for line in dependencies.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or("");
            if floor(dependency).is_some_and(|below| below >= own) {
                faults.push(format!("{name} imports {dependency}, which is not below it"));
            }
        }
    }
    complain(&faults);
}
