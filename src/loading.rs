//! What a server starts with: the snapshot in `dir`, loaded while clients that come already hear -LOADING.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use commands::node::Node;
use persistence::rdb::file::{Fault, LoadError, Loader, Map, Report};
use settings::{LogLevel, Settings};

use crate::log;

/// How often the log says how far a long load has come.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// The data is there and cannot be loaded; the log says why.
#[derive(Debug)]
pub(crate) struct Refused;

/// Where the snapshot is.
pub(crate) fn snapshot_path(settings: &Settings) -> PathBuf {
    settings.dir().as_path().join(settings.dbfilename().as_path())
}

/// Whether there is something to load.
pub(crate) fn has_data(settings: &Settings) -> bool {
    // What cannot be looked at is not absent: the load will say what is wrong with it.
    !std::fs::metadata(snapshot_path(settings)).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Loads the snapshot, if there is one.
pub(crate) fn load(node: &Node) -> Result<(), Refused> {
    load_file(node, &snapshot_path(&node.settings))
}

/// Loads a snapshot from anywhere.
pub(crate) fn load_file(node: &Node, path: &std::path::Path) -> Result<(), Refused> {
    let map = match File::open(path).and_then(|file| Map::of(&file)) {
        Ok(map) => map,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let (path, reason) = (path.display(), base::system::reason(&error));
            log::warning(&format!("Fatal error: can't open the RDB file {path} for reading: {reason}"));
            log::warning(&format!("Fatal error loading the DB: {reason}. Exiting."));
            return Err(Refused);
        }
    };
    if map.is_empty() {
        return Ok(());
    }
    let start = Instant::now();
    let now_ms = base::clock::unix_ms();
    node.loading.begin(map.len() as u64, now_ms);
    let loader = Loader {
        space: &node.space,
        limits: node.limits(),
        now_ms,
        access: node.access_at(now_ms),
        skips_expired: true,
        replaces: false,
        checks_sum: node.settings.rdbchecksum(),
        threads: node.cores.len(),
        progress: &node.loading,
        after_batch: &|shard, db, keys| node.after_loading(shard, db, keys),
    };
    match watched(node, || loader.load(&map)) {
        Ok(report) => {
            tell(&report, now_ms);
            node.load_libraries(&report.functions, false).map_err(|reason| {
                log::warning(&reason);
                log::warning("Fatal error loading the DB, check server logs. Exiting.");
                Refused
            })?;
            take_rules(node, &report);
            log::notice(&format!("DB loaded from disk: {:.3} seconds", start.elapsed().as_secs_f64()));
            Ok(())
        }
        Err(error) => {
            refuse(&error);
            Err(Refused)
        }
    }
}

/// Takes over the ownership graph that a file of keys brings along, and lists the keys that it is about.
pub(crate) fn take_rules(node: &Node, report: &Report) {
    let text = report.aux.iter().rev().find(|(name, _)| **name == *commands::ownership::AUX.as_bytes());
    if let Err(reason) = node.restore_manifest(text.map(|(_, text)| &**text)) {
        log::warning(&format!("The rules of ownership in the snapshot do not hold and are left out: {reason}"));
    }
    let state = report.aux.iter().rev().find(|(name, _)| **name == *commands::ownership::STATE_AUX.as_bytes());
    if let Some((_, text)) = state
        && let Err(reason) = node.restore_ownership_state(text)
    {
        log::warning(&format!("What the snapshot tells of leases does not hold and is left out from there: {reason}"));
    }
}

/// Runs a load, and says now and then how far it has come.
pub(crate) fn watched<T>(node: &Node, load: impl FnOnce() -> T) -> T {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            loop {
                thread::park_timeout(SAY_EVERY);
                if is_done.load(Relaxed) {
                    return;
                }
                let (done, total) = (node.loading.loaded_bytes.load(Relaxed), node.loading.total_bytes.load(Relaxed));
                let (percent, keys) = (done * 100 / total.max(1), node.loading.keys.load(Relaxed));
                log::notice(&format!("Loading the dataset: {percent}% of {total} bytes, {keys} keys"));
            }
        });
        let answer = load();
        is_done.store(true, Relaxed);
        watcher.thread().unpark();
        answer
    })
}

/// What the file tells about itself, and what became of its keys.
pub(crate) fn tell(report: &Report, now_ms: i64) {
    for (name, value) in &report.aux {
        let text = String::from_utf8_lossy(value);
        let number = base::number::parse_i64(value);
        match (&name[..], number) {
            (b"redis-ver" | b"valkey-ver", _) => log::notice(&format!("Loading RDB produced by version {text}")),
            (b"ctime", Some(at)) => log::notice(&format!("RDB age {} seconds", (now_ms / 1000 - at).max(0))),
            (b"used-mem", Some(bytes)) => {
                log::notice(&format!("RDB memory usage when created {:.2} Mb", bytes as f64 / f64::from(1 << 20)));
            }
            (b"aof-base", Some(1)) => log::notice("RDB is base AOF"),
            (b"aof-preamble", Some(1)) => log::notice("RDB has an AOF tail"),
            (name, _) if *name == *commands::ownership::AUX.as_bytes() => {}
            (name, _) if *name == *commands::ownership::STATE_AUX.as_bytes() => {}
            _ => {
                let name = String::from_utf8_lossy(name);
                log::log(LogLevel::Debug, &format!("RDB AUX field without a meaning here: {name} = '{text}'"));
            }
        }
    }
    if report.has_no_sum {
        log::notice("RDB file was saved with checksum disabled: no check performed.");
    }
    for name in &report.empty_names {
        log::notice(&format!("The snapshot's reader is skipping empty key: {}", String::from_utf8_lossy(name)));
    }
    for (name, count) in &report.of_modules {
        log::warning(&format!("Left out {count} values or records of the module type '{name}': it is not loaded here"));
    }
    let empty = if report.empty > 0 { format!(", empty keys skipped: {}", report.empty) } else { String::new() };
    log::notice(&format!("Done loading RDB, keys loaded: {}, keys expired: {}{empty}.", report.keys, report.expired));
}

fn refuse(error: &LoadError) {
    match error {
        LoadError::Fault(Fault::Signature | Fault::Version(_)) => {
            log::warning(&error.to_string());
            log::warning("Fatal error loading the DB, check server logs. Exiting.");
        }
        LoadError::Fault(fault) => {
            if fault.is_cut_off() {
                log::warning("Short read or OOM loading DB. Unrecoverable error, aborting now.");
            }
            log::warning(&error.to_string());
            if matches!(fault, Fault::Checksum { .. }) {
                log::warning("RDB CRC error");
            }
            log::warning("Terminating server after rdb file reading failure.");
        }
        LoadError::Duplicate(..) | LoadError::Database { .. } | LoadError::Threads => log::warning(&error.to_string()),
    }
}
