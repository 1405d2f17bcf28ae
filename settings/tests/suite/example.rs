//! `redis.conf.example` is the table's.

use std::path::Path;
use std::{env, fs};

use settings::Settings;
use settings::table::specs;

use crate::{configured, shown};

/// `UPDATE=1 cargo test -p settings` writes the file.
#[test]
fn the_committed_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../redis.conf.example");
    let text = settings::example();
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} is old: run UPDATE=1 cargo test -p settings", path.display());
}

#[test]
fn it_shows_every_default_and_no_line_is_long() {
    let text = settings::example();
    // A line `#name words` is a setting, `# words` is prose.
    let uncommented: Vec<_> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix('#').filter(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
        })
        .collect();
    assert_eq!(uncommented.len(), specs().filter(|spec| !spec.hidden).count());
    let loaded = configured(&uncommented.join("\n"));
    let defaults = Settings::new();
    for spec in specs() {
        assert_eq!(shown(&loaded.settings, spec.name), shown(&defaults, spec.name), "{}", spec.name);
    }
    assert_eq!(loaded.stored_only, [""; 0]);
    let long: Vec<_> = text.lines().filter(|line| line.starts_with("# ") && line.len() > 79).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn as_it_stands_it_changes_nothing() {
    let loaded = configured(&settings::example());
    assert_eq!(loaded.settings.get(&["*"]), Settings::new().get(&["*"]));
}
