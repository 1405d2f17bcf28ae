//! SAVE, BGSAVE and LASTSAVE.

use std::time::Duration;

use commands_macros::command;
use resp::Writer;

use crate::args::Rest;
use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::node::snapshot::Job;
use crate::spec::ArgDoc;

const SCHEDULE: ArgDoc = ArgDoc::token_only("schedule").token("SCHEDULE").since("3.2.2").optional();
/// Between two looks whether a rewrite of the log is done.
const NAP: Duration = Duration::from_millis(5);
const CANCEL: ArgDoc = ArgDoc::token_only("cancel").token("CANCEL").since("8.1.0").optional();
const IN_PROGRESS: Error = Error::Plain("ERR Background save already in progress");

/// Writes a snapshot and answers once it is on disk; others are served meanwhile.
#[command(
    "SAVE",
    since = "1.0.0",
    complexity = "O(N) where N is the total number of keys in all databases",
    flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI)
)]
pub(crate) fn save(ctx: &mut Ctx) -> Result<()> {
    let job = ctx.node.snapshots.job();
    if matches!(job, Some(Job::Background | Job::Save)) {
        return Err(IN_PROGRESS);
    }
    let (client, proto) = (ctx.client.shared.id, ctx.out.proto());
    let node = ctx.node.arc().ok_or(Error::Plain("ERR the server is going down"))?;
    let run = move || {
        let mut reply = Writer::new(proto);
        let result = loop {
            match node.save() {
                None if node.snapshots.job() == Some(Job::Rewrite) => std::thread::sleep(NAP),
                result => break result,
            }
        };
        match result {
            Some(Ok(())) => reply.ok(),
            Some(Err(_)) => reply.error("ERR"),
            None => reply.error("ERR Background save already in progress"),
        }
        node.blocking.answer(&node, client, &reply);
    };
    std::thread::Builder::new().name("save".into()).spawn(run).map_err(|_| Error::Plain("ERR"))?;
    Err(Error::Wait(Wait { until_ms: None, otherwise: Otherwise::Null }))
}

/// Writes a snapshot in the background.
#[command(
    "BGSAVE",
    since = "1.0.0",
    complexity = "O(1)",
    flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    args(SCHEDULE, CANCEL)
)]
pub(crate) fn bgsave(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    let schedules = words.take_token("SCHEDULE");
    let cancels = !schedules && words.take_token("CANCEL");
    if !words.is_empty() {
        return Err(Error::Syntax);
    }
    let snapshots = &ctx.node.snapshots;
    if cancels {
        return cancel(ctx);
    }
    // A transaction goes on, and the snapshot is not to show half of it.
    let waits = ctx.origin == Origin::Transaction;
    match snapshots.job() {
        Some(Job::Background | Job::Save) => return Err(IN_PROGRESS),
        Some(Job::Rewrite) if !schedules && !waits => {
            return Err(Error::Plain(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to \
                 schedule a BGSAVE whenever possible.",
            ));
        }
        Some(Job::Rewrite) => {}
        None if waits => {}
        None if ctx.node.save_in_background() => {
            ctx.out.simple("Background saving started");
            return Ok(());
        }
        None => return Err(IN_PROGRESS),
    }
    snapshots.schedule();
    ctx.out.simple("Background saving scheduled");
    Ok(())
}

/// Valkey's BGSAVE CANCEL: takes back what was scheduled, and breaks off what runs.
fn cancel(ctx: &mut Ctx) -> Result<()> {
    let snapshots = &ctx.node.snapshots;
    if snapshots.unschedule() {
        ctx.out.simple("Scheduled background saving cancelled");
    } else if snapshots.job() == Some(Job::Background) {
        snapshots.stop();
        ctx.out.simple("Background saving cancelled");
    } else {
        return Err(Error::Plain("ERR Background saving is currently not in progress or scheduled"));
    }
    Ok(())
}

/// Answers when the last snapshot was written, as a unix time in seconds.
#[command(
    "LASTSAVE",
    since = "1.0.0",
    complexity = "O(1)",
    flags(LOADING | STALE | FAST),
    categories(ADMIN | DANGEROUS),
    tips("nondeterministic_output")
)]
pub(crate) fn lastsave(ctx: &mut Ctx) -> Result<()> {
    ctx.out.int(ctx.node.snapshots.figures().last_save_seconds);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use settings::{Settings, Startup};

    use crate::testing::{Fixture, check_with};

    /// An instance with a directory of its own.
    struct Home {
        fixture: Fixture,
        dir: PathBuf,
    }

    impl Home {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("save-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&dir).expect("a directory");
            let dir_text = dir.display().to_string();
            let words = ["--dir", &dir_text, "--enable-debug-command", "yes"].map(|word| word.as_bytes().to_vec());
            let Ok(Startup::Serve(configured)) = Settings::load(&words, &mut std::io::empty()) else {
                unreachable!("the words are in order")
            };
            Self { fixture: Fixture::with_settings(configured.settings), dir }
        }

        fn file(&self) -> PathBuf {
            self.dir.join("dump.rdb")
        }

        /// Waits until `is_it`, ticking.
        fn until(&mut self, is_it: impl Fn(&Fixture) -> bool) {
            let start = Instant::now();
            while !is_it(&self.fixture) {
                assert!(start.elapsed() < Duration::from_secs(20), "it takes too long");
                self.fixture.tick();
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        fn at_rest(&mut self) {
            self.until(|fixture| fixture.node.snapshots.job().is_none());
        }
    }

    impl Drop for Home {
        fn drop(&mut self) {
            self.at_rest();
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_was_saved_comes_back() {
        let mut home = Home::new("back");
        for line in
            ["SET k v", "RPUSH l 1 2", "HSET h f v", "SADD s a", "ZADD z 1 m", "DEBUG POPULATE 3000", "SELECT 1"]
        {
            home.fixture.cli(1, line);
        }
        home.fixture.cli(1, "SET elsewhere 1 EX 1000");
        let fields: Vec<String> = (0..5000).map(|n| format!("HSET large f{n} v{n}")).collect();
        fields.iter().for_each(|line| drop(home.fixture.cli(1, line)));
        let digest = home.fixture.cli(1, "DEBUG DIGEST");
        assert!(home.fixture.node.changes_since_save() > 0);
        assert_eq!(home.fixture.cli(1, "SAVE"), "(waits)");
        home.at_rest();
        let start = Instant::now();
        while home.fixture.received(1) != "OK" {
            assert!(start.elapsed() < Duration::from_secs(20));
        }
        assert_eq!(home.fixture.node.changes_since_save(), 0);
        assert_eq!(names(&home.dir), ["dump.rdb"]);
        home.fixture.cli(1, "FLUSHALL");
        home.at_rest();
        check_with(&mut home.fixture, "> DEBUG RELOAD NOSAVE\nOK");
        assert_eq!(home.fixture.cli(1, "DEBUG DIGEST"), digest);
        check_with(&mut home.fixture, "> DEBUG RELOAD\nOK\n> DEBUG RELOAD NOFLUSH MERGE\nOK");
        assert_eq!(home.fixture.cli(1, "DEBUG DIGEST"), digest);
        check_with(
            &mut home.fixture,
            "> DEBUG RELOAD NOFLUSH NOSAVE\n(error) ERR Error trying to load the RDB dump, check server logs",
        );
    }

    #[test]
    fn in_the_background_one_at_a_time() {
        let mut home = Home::new("background");
        home.fixture.configure("rdb-key-save-delay", "20000");
        check_with(
            &mut home.fixture,
            "
            > DEBUG POPULATE 20
            OK
            > BGSAVE
            Background saving started
            > BGSAVE
            (error) ERR Background save already in progress
            > SAVE
            (error) ERR Background save already in progress
            > BGSAVE what
            (error) ERR syntax error
            ",
        );
        assert!(home.fixture.node.snapshots.figures().job.is_some());
        home.fixture.configure("rdb-key-save-delay", "0");
        home.at_rest();
        assert!(home.file().exists());
        check_with(
            &mut home.fixture,
            "> MULTI\nOK\n> BGSAVE\nQUEUED\n> SET k v\nQUEUED\n> EXEC\n1) Background saving scheduled\n2) OK",
        );
        let before = home.fixture.node.snapshots.figures().count;
        home.until(|fixture| fixture.node.snapshots.figures().count > before);
        home.at_rest();
        assert_eq!(home.fixture.node.changes_since_save(), 0);
    }

    #[test]
    fn a_flush_ends_the_snapshot_under_way_and_save_points_make_the_next() {
        let mut home = Home::new("flush");
        home.fixture.configure("rdb-key-save-delay", "10000000");
        check_with(&mut home.fixture, "> SET k v\nOK\n> BGSAVE\nBackground saving started\n> FLUSHALL\nOK");
        home.until(|fixture| fixture.node.snapshots.figures().count == 2);
        home.at_rest();
        assert!(!home.fixture.node.snapshots.has_failed());
        assert_eq!(names(&home.dir), ["dump.rdb"]);
        home.fixture.configure("rdb-key-save-delay", "0");
        home.fixture.configure("save", "1 2");
        check_with(&mut home.fixture, "> MSET a 1 b 2\nOK\n> SET c 3\nOK\n+ 3000ms\n");
        home.until(|fixture| fixture.node.snapshots.figures().count == 3);
        home.at_rest();
        assert_eq!(home.fixture.node.changes_since_save(), 0);
    }

    #[test]
    fn writes_are_refused_while_snapshots_fail() {
        let mut home = Home::new("fails");
        std::fs::remove_dir_all(&home.dir).expect("it is there");
        check_with(&mut home.fixture, "> SET k v\nOK\n> BGSAVE\nBackground saving started");
        home.at_rest();
        let refused = "(error) MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist \
                       to disk. Commands that may modify the data set are disabled, because this instance is \
                       configured to report errors during writes if RDB snapshotting fails \
                       (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
                       error.";
        for line in ["SET k w", "PING"] {
            assert_eq!(home.fixture.cli(1, line), refused);
        }
        check_with(&mut home.fixture, "> GET k\n\"v\"");
        home.fixture.configure("stop-writes-on-bgsave-error", "no");
        check_with(&mut home.fixture, "> SET k w\nOK");
        home.fixture.configure("stop-writes-on-bgsave-error", "yes");
        std::fs::create_dir_all(&home.dir).expect("a directory");
        assert_eq!(home.fixture.cli(1, "BGSAVE"), "Background saving started");
        home.at_rest();
        check_with(&mut home.fixture, "> SET k w\nOK");
    }
}
