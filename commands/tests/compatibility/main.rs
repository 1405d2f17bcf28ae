//! `docs/compatibility.md` is what the tables of commands and of settings say, held against what Redis 8.0 and Valkey
//! 9.1 say of themselves (`tests/data`, `settings/tests/data`).
//!
//! A command works when the table has it: every row has a handler behind its grammar. So nothing is told twice.

mod facts;
mod page;

use std::path::Path;
use std::{env, fs};

/// `UPDATE=1 cargo test -p commands --test compatibility` writes the file.
#[test]
fn the_committed_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let text = page::page();
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} is old: run make generate", path.display());
}

#[test]
fn what_is_there_and_what_is_not_is_told() {
    let text = page::page();
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default();
    assert!(line("CLUSTER SLOTS").contains("| 3.0.0 | alone |"), "{}", line("CLUSTER SLOTS"));
    assert!(line("MODULE LIST").contains("| 4.0.0 | works |"), "{}", line("MODULE LIST"));
    assert!(line("GETDEL").contains("| 6.2.0 | works |"), "{}", line("GETDEL"));
    assert!(line("SET").contains("EX seconds (2.6.12)"), "{}", line("SET"));
    assert!(line("`maxmemory`").contains("| works | `0` |"), "{}", line("`maxmemory`"));
}
