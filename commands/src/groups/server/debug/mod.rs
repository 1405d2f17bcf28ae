//! DEBUG: what tests and developers need to look inside. It is off unless `enable-debug-command` allows it.

mod allocator;
mod digest;
mod object;
mod populate;
mod protocol;
mod reload;
mod tables;

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use commands_macros::command;
use settings::LogLevel;

use super::{config, is_local};
use crate::args::{Args, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::node::host::Crash;

/// A subcommand: its name, how many words follow it, and what runs it.
type Subcommand = (&'static str, RangeInclusive<usize>, fn(&mut Ctx, Args) -> Result<()>);

const ANY: usize = usize::MAX;

const SUBCOMMANDS: &[Subcommand] = &[
    ("ASSERT", 0..=0, fail_assertion),
    ("CHANGE-REPL-ID", 0..=0, change_repl_id),
    ("CONFIG-REWRITE-FORCE-ALL", 0..=0, rewrite_all_settings),
    ("COOL", 0..=0, cool),
    ("DICT-RESIZING", 1..=1, nothing_to_do),
    ("DIGEST", 0..=0, digest::of_everything),
    ("DIGEST-VALUE", 0..=ANY, digest::of_values),
    ("ERROR", 1..=1, error),
    ("HELP", 0..=0, write_help),
    ("HTSTATS", 1..=2, tables::of_database),
    ("HTSTATS-KEY", 1..=2, tables::of_key),
    ("LISTPACK", 1..=1, object::list_packed),
    ("LOADAOF", 0..=0, reload::load_log),
    ("LOG", 1..=1, log),
    ("MALLCTL", 1..=1, allocator::number),
    ("MALLCTL-STR", 1..=1, allocator::text),
    ("OBJECT", 1..=2, object::describe),
    ("PANIC", 0..=0, panic),
    ("PAUSE-CRON", 1..=1, pause_cron),
    ("POPULATE", 1..=3, populate::populate),
    ("PROTOCOL", 1..=1, protocol::reply),
    ("QUICKLIST-PACKED-THRESHOLD", 1..=1, packed_threshold),
    ("RELOAD", 0..=ANY, reload::reload),
    ("REPLYBUFFER", 2..=2, reply_buffer),
    ("SEGFAULT", 0..=0, segfault),
    ("SET-ACTIVE-EXPIRE", 1..=1, set_active_expire),
    ("SET-DISABLE-DENY-SCRIPTS", 1..=1, allow_all_in_scripts),
    ("SET-SKIP-CHECKSUM-VALIDATION", 1..=1, skip_payload_checksums),
    ("SLEEP", 1..=1, sleep),
    ("STRINGMATCH-LEN", 2..=2, string_match),
];

/// Subcommands that look at everything at once. LOADAOF and RELOAD are none: they take the locks themselves.
const WHOLE: &[&str] = &[
    "CHANGE-REPL-ID",
    "COOL",
    "DICT-RESIZING",
    "DIGEST",
    "DIGEST-VALUE",
    "ERROR",
    "HTSTATS",
    "HTSTATS-KEY",
    "LISTPACK",
    "LOG",
    "OBJECT",
    "PAUSE-CRON",
    "POPULATE",
    "PROTOCOL",
    "QUICKLIST-PACKED-THRESHOLD",
    "REPLYBUFFER",
    "SET-ACTIVE-EXPIRE",
    "SLEEP",
    "STRINGMATCH-LEN",
];

/// Looks inside the server and changes how it behaves, for tests.
#[command(
    "DEBUG",
    since = "1.0.0",
    complexity = "Depends on subcommand.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE | SYSTEM),
    arity(-2),
    locks(AllIf(WHOLE)),
    args()
)]
pub(crate) fn debug(ctx: &mut Ctx, words: Rest) -> Result<()> {
    if !ctx.node.settings.enable_debug_command().allows(is_local(ctx)) {
        return Err(Error::Plain(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        ));
    }
    let mut words = words.0;
    let name = words.word()?;
    let found = SUBCOMMANDS
        .iter()
        .find(|(known, counts, _)| known.as_bytes().eq_ignore_ascii_case(name) && counts.contains(&words.len()));
    match found {
        Some((_, _, run)) => run(ctx, words),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &[u8]) -> Error {
    let name = String::from_utf8_lossy(&name[..name.len().min(128)]);
    Error::text(format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."))
}

fn ok(ctx: &mut Ctx) -> Result<()> {
    ctx.out.ok();
    Ok(())
}

/// A switch of a mechanism that this server does not need: its tables grow by segments, there are no scripts to
/// deny, and the allocator has its own profiler.
fn nothing_to_do(ctx: &mut Ctx, _: Args) -> Result<()> {
    ok(ctx)
}

fn segfault(ctx: &mut Ctx, _: Args) -> Result<()> {
    ctx.node.host().crash(Crash::Segfault);
    ok(ctx)
}

fn fail_assertion(ctx: &mut Ctx, _: Args) -> Result<()> {
    ctx.node.host().crash(Crash::Assert);
    ok(ctx)
}

fn panic(ctx: &mut Ctx, _: Args) -> Result<()> {
    ctx.node.host().crash(Crash::Panic("called by DEBUG PANIC"));
    ok(ctx)
}

fn cool(ctx: &mut Ctx, _: Args) -> Result<()> {
    if !ctx.node.warm.is_on() {
        return Err(Error::Plain("ERR there is no warm tier: warm-tier-path names its directory"));
    }
    let moved = ctx.node.cool_everything(&mut ctx.keys);
    ctx.out.int(moved.len() as i64);
    Ok(())
}

fn change_repl_id(ctx: &mut Ctx, _: Args) -> Result<()> {
    let id = base::id::new_run_id().map_err(|error| Error::text(format!("ERR No random numbers: {error}")))?;
    *ctx.node.monitoring.replication_id.lock() = id;
    ok(ctx)
}

fn rewrite_all_settings(ctx: &mut Ctx, _: Args) -> Result<()> {
    config::rewrite_file(ctx, settings::Extent::All)?;
    ok(ctx)
}

/// Answers the text as an error.
fn error(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let line = String::from_utf8_lossy(words.word()?).into_owned();
    crate::execute::count_error(ctx.node, ctx.core.stats, &line);
    ctx.out.error(&line);
    Ok(())
}

fn log(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let text = String::from_utf8_lossy(words.word()?).into_owned();
    ctx.node.host().log(LogLevel::Warning, &format!("DEBUG LOG: {text}"));
    ok(ctx)
}

/// A switch: anything that does not begin with another number than 0 is off, as `atoi` reads it.
fn switch(words: &mut Args) -> Result<bool> {
    let word = words.word()?;
    let digits = word.iter().skip(usize::from(word.starts_with(b"-"))).take_while(|byte| byte.is_ascii_digit());
    Ok(digits.into_iter().any(|digit| *digit != b'0'))
}

fn pause_cron(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    ctx.node.monitoring.cron_paused.store(switch(&mut words)?, Relaxed);
    ok(ctx)
}

fn set_active_expire(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    ctx.node.set_active_expire(switch(&mut words)?);
    ok(ctx)
}

fn skip_payload_checksums(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    ctx.node.skips_payload_checksums.store(switch(&mut words)?, Relaxed);
    ok(ctx)
}

fn allow_all_in_scripts(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    ctx.node.scripts.allows_all.store(switch(&mut words)?, Relaxed);
    ok(ctx)
}

fn packed_threshold(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    const BOUND: u64 = 4 << 30;
    let bytes = base::size::parse(words.word()?).filter(|bytes| *bytes < BOUND);
    let bytes = bytes.ok_or(Error::Plain("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))?;
    ctx.node.list_packed_threshold.store(bytes as usize, Relaxed);
    ok(ctx)
}

/// Buffers for replies belong to cores here and are not resized for a client; the words are checked.
fn reply_buffer(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    if words.take_token("RESIZING") || words.take_token("PEAK-RESET-TIME") {
        return ok(ctx);
    }
    Err(unknown(b"replybuffer"))
}

/// Everybody waits, since all shards are locked.
fn sleep(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    const SECONDS_MAX: f64 = 3600.0;
    let seconds = base::number::parse_f64(words.word()?).unwrap_or(0.0);
    let asleep = &ctx.node.monitoring.asleep;
    asleep.store(true, Relaxed);
    std::thread::sleep(Duration::from_secs_f64(seconds.clamp(0.0, SECONDS_MAX)));
    asleep.store(false, Relaxed);
    ok(ctx)
}

fn string_match(ctx: &mut Ctx, mut words: Args) -> Result<()> {
    let (pattern, text) = (words.word()?, words.word()?);
    ctx.out.int(i64::from(base::glob::matches(pattern, text, false)));
    Ok(())
}

fn write_help(ctx: &mut Ctx, _: Args) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "DEBUG",
        &[
            "ASSERT",
            "    End the process as if a condition did not hold.",
            "CHANGE-REPL-ID",
            "    Take a new replication id.",
            "CONFIG-REWRITE-FORCE-ALL",
            "    As CONFIG REWRITE, with a line for every setting.",
            "COOL",
            "    Move every value to the warm tier, however small or hot; return how many moved.",
            "DIGEST",
            "    Return a digest of all databases: equal contents have equal digests.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Return a digest of each value.",
            "ERROR <string>",
            "    Return <string> as an error.",
            "HTSTATS <dbid> [full]",
            "    Return figures about the tables of a database.",
            "HTSTATS-KEY <key> [full]",
            "    Return figures about the table of a large hash, set or sorted set.",
            "LISTPACK <key>",
            "    Write the packed value at <key> to the log.",
            "LOADAOF",
            "    Empty the data set and load the log from the disk.",
            "LOG <message>",
            "    Write <message> to the log.",
            "MALLCTL <name>",
            "    Return a number that the allocator has by this name.",
            "MALLCTL-STR <name>",
            "    Return a text that the allocator has by this name.",
            "OBJECT <key>",
            "    Return how the value at <key> is stored.",
            "PANIC",
            "    End the process as if it were in an impossible state.",
            "PAUSE-CRON <0|1>",
            "    Stop the work that runs by the clock, or let it run.",
            "POPULATE <count> [<prefix>] [<size>]",
            "    Create <count> strings named <prefix>:<number>, unless they are there.",
            "PROTOCOL <type>",
            "    Return an example of a type of reply.",
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Give list elements of <size> and more a node of their own; 0 is the default.",
            "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
            "    Save a snapshot, empty the data set and load the snapshot, or leave out some of that.",
            "SEGFAULT",
            "    End the process by an access to memory that is not there.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Stop looking for expired keys, or begin again.",
            "SLEEP <seconds>",
            "    Let everybody wait.",
            "STRINGMATCH-LEN <pattern> <string>",
            "    Return whether a glob matches.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with, settings};

    fn allowed() -> Fixture {
        Fixture::with_settings(settings(&["--enable-debug-command", "yes"]))
    }

    #[test]
    fn it_is_off_by_default() {
        check(
            "> DEBUG SLEEP 0\n(error) ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
        );
    }

    #[test]
    fn equal_contents_have_equal_digests() {
        let mut fixture = allowed();
        assert_eq!(fixture.cli(1, "DEBUG DIGEST"), "0".repeat(40));
        for line in ["SADD s a b c", "HSET h f v g w", "ZADD z 1 a 2 b", "RPUSH l 1 2", "SET k 5"] {
            fixture.cli(1, line);
        }
        let first = fixture.cli(1, "DEBUG DIGEST");
        fixture.cli(1, "FLUSHALL");
        for line in ["SET k 5", "RPUSH l 1 2", "ZADD z 2 b 1 a", "HSET h g w f v", "SADD s c b a"] {
            fixture.cli(1, line);
        }
        assert_eq!(fixture.cli(1, "DEBUG DIGEST"), first);
        fixture.cli(1, "LSET l 0 2");
        assert_ne!(fixture.cli(1, "DEBUG DIGEST"), first);
        check_with(
            &mut fixture,
            "
            > DEBUG DIGEST-VALUE nokey
            1) 0000000000000000000000000000000000000000
            > DEBUG DIGEST-VALUE
            (empty array)
            ",
        );
    }

    #[test]
    fn subcommands_check_their_words() {
        check_with(
            &mut allowed(),
            r#"
            > DEBUG SLEEP
            (error) ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.
            > DEBUG POPULATE 3
            OK
            > DEBUG POPULATE 2 foo 5
            OK
            > GET foo:1
            "value"
            > STRLEN foo:0
            (integer) 5
            > DBSIZE
            (integer) 5
            > DEBUG QUICKLIST-PACKED-THRESHOLD 5gb
            (error) ERR argument must be a memory value bigger than 1 and smaller than 4gb
            > DEBUG OBJECT nokey
            (error) ERR no such key
            > DEBUG LISTPACK nokey
            (error) ERR no such key
            > DEBUG LISTPACK foo:1
            (error) ERR Not a listpack encoded object.
            > HSET h f v
            (integer) 1
            > DEBUG LISTPACK h
            Listpack structure printed to the log
            > DEBUG PROTOCOL set
            1) (integer) 0
            2) (integer) 1
            3) (integer) 2
            > DEBUG ERROR "FOO bar"
            (error) FOO bar
            > DEBUG HTSTATS 99
            (error) ERR Out of range database
            > DEBUG CONFIG-REWRITE-FORCE-ALL
            (error) ERR The server is running without a config file
            > DEBUG RELOAD what
            (error) ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.
            "#,
        );
    }
}
