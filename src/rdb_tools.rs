//! `redis-check-rdb` (by that name, or as `--check-rdb FILE`) and `--import FILE`: snapshots judged, and
//! these and append-only files taken over without serving anybody.
#![allow(clippy::print_stderr)] // They talk to whoever started them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use commands::node::Node;
use commands::node::shapes::limits_of;
use commands::table::Table;
use keyspace::export::{Head, Sink, Usage, View};
use persistence::aof::begins_with_snapshot;
use persistence::rdb::Version;
use persistence::rdb::file::{Checked, Map, Options, Scanner, Writer, check};
use settings::{Configured, Settings};

use crate::cli::{Product, VERSION};
use crate::durability::theirs::{Theirs, is_manifest};
use crate::{loading, log};

/// Whether a program of this name is to check snapshots.
pub(crate) fn is_checker(program: &[u8]) -> bool {
    program.rsplit(|byte| *byte == b'/').next() == Some(b"redis-check-rdb")
}

/// Judges a snapshot: `words` are those of redis-check-rdb.
pub(crate) fn check_rdb(program: &str, words: &[Vec<u8>]) -> ExitCode {
    let out = &mut io::stdout().lock();
    let path = match words {
        [word] if word == b"-v" || word == b"--version" => {
            let reported = Settings::new().redis_version_reported().to_string_lossy().into_owned();
            return told(writeln!(out, "redis-check-rdb {reported} (build {VERSION})").map(|()| ExitCode::SUCCESS));
        }
        [path] => Path::new(OsStr::from_bytes(path)),
        _ => {
            eprintln!("Usage: {program} <rdb-file-name>");
            return ExitCode::FAILURE;
        }
    };
    match File::open(path).and_then(|file| Map::of(&file)) {
        Ok(map) => told(judge(out, path, &map).map(|end| match end {
            Some(_) => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        })),
        Err(error) => {
            eprintln!("Cannot open file {}: {}", path.display(), base::system::reason(&error));
            ExitCode::FAILURE
        }
    }
}

/// What a program ends with whose answer was written, or not: a pipe that nobody reads any more is no reason to say
/// anything, and no success either, as the answer was not heard.
fn told(answer: io::Result<ExitCode>) -> ExitCode {
    answer.unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("Cannot write to the standard output: {}", base::system::reason(&error));
        }
        ExitCode::FAILURE
    })
}

/// Judges a snapshot that something follows: where it ends, if it is sound.
pub(crate) fn judge_preamble(path: &Path, map: &Map) -> io::Result<Option<usize>> {
    judge(&mut io::stdout().lock(), path, map)
}

fn judge(out: &mut impl Write, path: &Path, map: &Map) -> io::Result<Option<usize>> {
    writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
    let limits = limits_of(&Settings::new(), 0);
    let (checked, fault) = check(map, &limits, base::clock::unix_ms());
    tell(out, &checked)?;
    let Some((fault, key)) = fault else {
        let word = if checked.has_no_sum {
            "RDB file was saved with checksum disabled: no check performed."
        } else {
            "Checksum OK"
        };
        writeln!(out, "[offset {}] {word}", checked.end)?;
        writeln!(out, "[offset {}] \\o/ RDB looks OK! \\o/", checked.end)?;
        counts(out, &checked)?;
        return Ok(Some(checked.end));
    };
    writeln!(out, "--- RDB ERROR DETECTED ---")?;
    writeln!(out, "[offset {}] {fault}", fault.offset().unwrap_or(checked.end))?;
    if let Some(key) = key {
        writeln!(out, "[additional info] While doing: read-object-value")?;
        writeln!(out, "[additional info] Reading key '{}'", String::from_utf8_lossy(&key))?;
    }
    counts(out, &checked)?;
    Ok(None)
}

fn tell(out: &mut impl Write, checked: &Checked) -> io::Result<()> {
    for (name, value) in &checked.aux {
        writeln!(out, "[info] AUX FIELD {name} = '{value}'")?;
    }
    for db in &checked.databases {
        writeln!(out, "[info] Selecting DB ID {db}")?;
    }
    Ok(())
}

fn counts(out: &mut impl Write, checked: &Checked) -> io::Result<()> {
    writeln!(out, "[info] {} keys read", checked.keys)?;
    writeln!(out, "[info] {} expires", checked.expiring)?;
    writeln!(out, "[info] {} already expired", checked.expired)?;
    writeln!(out, "[info] {} functions", checked.functions)?;
    if checked.of_modules > 0 {
        writeln!(out, "[info] {} values or records of modules, which this server leaves out", checked.of_modules)?;
    }
    Ok(())
}

/// Takes a snapshot over: loads it and writes it again as the one that a server with these settings starts with.
pub(crate) fn import(words: &[Vec<u8>]) -> ExitCode {
    let Some((path, rest)) = words.split_first() else {
        eprintln!("Usage: stateless-server --import <file> [/path/to/redis.conf] [options]");
        return ExitCode::FAILURE;
    };
    let configured = match Settings::load(rest, &mut io::empty()) {
        Ok(settings::Startup::Serve(configured)) => *configured,
        Ok(settings::Startup::Act(action)) => return crate::cli::act(action, Product::named_by(b"stateless-server")),
        Err(error) => {
            let _ = io::stderr().write_all(&error.report(VERSION));
            return ExitCode::FAILURE;
        }
    };
    log::open(&configured.settings);
    match import_file(Path::new(OsStr::from_bytes(path)), configured) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn import_file(path: &Path, configured: Configured) -> Result<(), String> {
    let said = |error: io::Error| base::system::reason(&error);
    if !path.is_file() {
        return Err(format!("Cannot import {}: there is no such file", path.display()));
    }
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let node = Node::new(configured.settings, Table::new(&[])?, cores).map_err(said)?;
    let is_loaded = if is_append_only(path).map_err(said)? {
        Theirs::at(path).and_then(|theirs| theirs.load(&node)).is_ok()
    } else {
        loading::load_file(&node, path).is_ok()
    };
    if !is_loaded {
        return Err(format!("Cannot import {}: see the lines above", path.display()));
    }
    let to = loading::snapshot_path(&node.settings);
    let keys = write(&node, &to).map_err(|error| format!("Cannot write {}: {}", to.display(), said(error)))?;
    // The keys are durable whether or not anybody hears it.
    let _ = writeln!(
        io::stdout(),
        "Imported {keys} keys into {} in {:.3} seconds",
        to.display(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Whether a file is an append-only file or the manifest of one, rather than a snapshot: a snapshot may stand in front,
/// but something follows.
fn is_append_only(path: &Path) -> io::Result<bool> {
    let map = Map::of(&File::open(path)?)?;
    if !begins_with_snapshot(&map) {
        return Ok(map.starts_with(b"*") || map.starts_with(b"#") || is_manifest(&map));
    }
    let Ok(mut scanner) = Scanner::new(&map, false) else { return Ok(false) };
    loop {
        match scanner.next_record() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(scanner.offset() < map.len()),
            Err(_) => return Ok(false),
        }
    }
}

/// Writes all keys of an instance that nobody else uses; a file of this name is replaced when the new one is durable.
fn write(node: &Node, to: &Path) -> io::Result<usize> {
    let temporary = to.with_file_name(format!("temp-import-{}.rdb", std::process::id()));
    let options = Options {
        version: Version(node.settings.rdb_version() as u16),
        compresses: node.settings.rdbcompression(),
        sums: node.settings.rdbchecksum(),
    };
    let mut writer = Writer::new(BufWriter::new(File::create(&temporary)?), options);
    writer.aux("redis-ver", node.settings.redis_version_reported().to_string_lossy().as_bytes())?;
    writer.aux("redis-bits", b"64")?;
    writer.aux("ctime", (base::clock::unix_ms() / 1000).to_string().as_bytes())?;
    for source in node.library_sources() {
        writer.function(&source)?;
    }
    let mut keys = 0;
    for db in 0..node.space.databases() {
        let sizes = |shard| node.space.with_table(shard, db, |table| (table.len(), table.expiring()));
        let sizes = (0..node.space.shards()).filter_map(sizes);
        let (len, expiring) = sizes.fold((0, 0), |sum, table| (sum.0 + table.0, sum.1 + table.1));
        if len > 0 {
            writer.database(db, len, expiring)?;
        }
        for shard in 0..node.space.shards() {
            let written = node.space.with_table(shard, db, |table| {
                let mut result = Ok(());
                table.dict().for_each(|record| {
                    let entry = table.entry_of(record);
                    let head = Head { db, key: entry.key(), deadline_ms: entry.deadline_ms(), usage: Usage::Untold };
                    if result.is_ok() {
                        result = writer.entry(head, View::of(entry));
                    }
                });
                result.map(|()| table.len())
            });
            keys += written.transpose()?.unwrap_or(0);
        }
    }
    let file = writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&temporary, to)?;
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()?;
    Ok(keys)
}
