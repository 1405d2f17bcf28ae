//! SLOWLOG and its subcommands.

use commands_macros::command;

use crate::args::UnreadWord;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;
use crate::spec::Command;

pub(crate) static SLOWLOG: Command = Command::container(
    "SLOWLOG",
    "2.2.12",
    "Holds the commands about the log of slow commands.",
    &[&GET, &HELP, &LEN, &RESET],
);

/// Entries that GET answers when it is not told.
const COUNT_DEFAULT: i64 = 10;

/// Answers the newest entries of the slow log.
#[command(
    "GET",
    since = "2.2.12",
    complexity = "O(N) where N is the number of entries returned",
    flags(ADMIN | LOADING | STALE),
    tips("request_policy:all_nodes", "nondeterministic_output")
)]
pub(crate) fn get(ctx: &mut Ctx, count: Option<UnreadWord<i64>>) -> Result<()> {
    const RANGE: Error = Error::Plain("ERR count should be greater than or equal to -1");
    let count = match count {
        Some(word) => word.read().ok().filter(|count| *count >= -1).ok_or(RANGE)?,
        None => COUNT_DEFAULT,
    };
    let entries = ctx.node.monitoring.slow_log.newest(usize::try_from(count).unwrap_or(usize::MAX));
    ctx.out.array(entries.len());
    for entry in entries {
        ctx.out.array(6);
        ctx.out.int(entry.id as i64);
        ctx.out.int(entry.unix_seconds);
        ctx.out.int(entry.us as i64);
        ctx.out.array(entry.words.len());
        entry.words.iter().for_each(|word| ctx.out.bulk(word));
        ctx.out.bulk(entry.addr.as_bytes());
        ctx.out.bulk(&entry.name);
    }
    Ok(())
}

/// Answers the number of entries in the slow log.
#[command(
    "LEN",
    since = "2.2.12",
    complexity = "O(1)",
    flags(ADMIN | LOADING | STALE),
    tips("request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output")
)]
pub(crate) fn len(ctx: &mut Ctx) -> Result<usize> {
    Ok(ctx.node.monitoring.slow_log.len())
}

/// Empties the slow log.
#[command(
    "RESET",
    since = "2.2.12",
    complexity = "O(N) where N is the number of entries in the slowlog",
    flags(ADMIN | LOADING | STALE),
    tips("request_policy:all_nodes", "response_policy:all_succeeded")
)]
pub(crate) fn reset(ctx: &mut Ctx) -> Result<Done> {
    ctx.node.monitoring.slow_log.reset();
    Ok(Done)
}

/// Answers the subcommands with a line about each.
#[command("HELP", since = "6.2.0", complexity = "O(1)", flags(LOADING | STALE))]
pub(crate) fn help(ctx: &mut Ctx) -> Result<()> {
    crate::reply::help(
        ctx.out,
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    Return the newest <count> entries (default: 10, -1: all), each with its",
            "    id, unix time, microseconds, words, client address and client name.",
            "LEN",
            "    Return the number of entries.",
            "RESET",
            "    Remove all entries.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check};

    #[test]
    fn entries_are_trimmed_and_secrets_hidden() {
        check(
            "
            > CONFIG SET slowlog-log-slower-than 0
            OK
            > SLOWLOG RESET
            OK
            > CONFIG SET masterauth abc
            OK
            > CONFIG SET slowlog-log-slower-than -1
            OK
            > SLOWLOG LEN
            (integer) 2
            > SLOWLOG GET -2
            (error) ERR count should be greater than or equal to -1
            > SLOWLOG RESET
            OK
            > SLOWLOG GET
            (empty array)
            ",
        );
    }

    #[test]
    fn a_log_without_room_counts_nothing() {
        let mut fixture = Fixture::new();
        for line in ["CONFIG SET slowlog-max-len 0 slowlog-log-slower-than 0", "PING", "CONFIG SET slowlog-max-len 9"] {
            fixture.cli(1, line);
        }
        fixture.cli(1, "PING");
        let ids: Vec<u64> = fixture.node.monitoring.slow_log.newest(9).iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [1, 0]);
    }
}
