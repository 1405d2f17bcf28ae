//! EXEC.

use commands_macros::command;

use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::execute::run_queued;

/// Runs the queued commands, with nobody else's in between.
#[command(
    "EXEC",
    since = "1.2.0",
    complexity = "Depends on commands in the transaction",
    flags(NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | UNQUEUED),
    locks(Queued)
)]
pub(crate) fn exec(ctx: &mut Ctx) -> Result<()> {
    let Some(transaction) = ctx.transaction else {
        return Err(Error::Plain("ERR EXEC without MULTI"));
    };
    let is_stale = ctx.client.take_watches(&mut ctx.keys);
    if transaction.broken || is_stale {
        ctx.client.tell_multi();
        if transaction.broken {
            return Err(Error::Plain("EXECABORT Transaction discarded because of previous errors."));
        }
        ctx.out.null_array();
        return Ok(());
    }
    let (origin, request) = (ctx.origin, ctx.request);
    ctx.origin = Origin::Transaction;
    ctx.out.array(transaction.queue.len());
    for queued in &transaction.queue {
        run_queued(ctx, queued.request());
    }
    (ctx.origin, ctx.request) = (origin, request);
    // Until here, CLIENT LIST shows a client in a transaction.
    ctx.client.tell_multi();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn all_replies_come_in_order_and_errors_stop_nothing() {
        check(
            "
            > EXEC
            (error) ERR EXEC without MULTI
            > MULTI
            OK
            > SADD s a
            QUEUED
            > GET s
            QUEUED
            > SPOP s
            QUEUED
            > EXISTS s
            QUEUED
            > DBSIZE
            QUEUED
            > FLUSHALL
            QUEUED
            > EXEC
            1) (integer) 1
            2) (error) WRONGTYPE Operation against a key holding the wrong kind of value
            3) \"a\"
            4) (integer) 0
            5) (integer) 0
            6) OK
            > EXEC
            (error) ERR EXEC without MULTI
            ",
        );
    }

    #[test]
    fn a_command_that_could_not_be_queued_spoils_it() {
        for (wrong, error) in [
            ("SET k", "ERR wrong number of arguments for 'set' command"),
            ("NOSUCH a", "ERR unknown command 'NOSUCH', with args beginning with: 'a' "),
            ("WATCH", "ERR wrong number of arguments for 'watch' command"),
            ("DISCARD x", "ERR wrong number of arguments for 'discard' command"),
        ] {
            let mut fixture = Fixture::new();
            check_with(&mut fixture, "> WATCH k\nOK\n> MULTI\nOK\n> SET k v\nQUEUED");
            assert_eq!(fixture.cli(1, wrong).trim_end(), format!("(error) {error}").trim_end());
            check_with(
                &mut fixture,
                "> EXEC\n(error) EXECABORT Transaction discarded because of previous errors.\n> EXISTS k\n(integer) 0",
            );
            assert_eq!(fixture.node.space.watching(), 0);
        }
    }

    #[test]
    fn a_database_selected_inside_stays_selected() {
        check(
            "
            > MULTI
            OK
            > SET k 0
            QUEUED
            > SELECT 1
            QUEUED
            > SET k 1
            QUEUED
            > SELECT 99
            QUEUED
            > SWAPDB 0 1
            QUEUED
            > GET k
            QUEUED
            > EXEC
            1) OK
            2) OK
            3) OK
            4) (error) ERR DB index is out of range
            5) OK
            6) \"0\"
            > GET k
            \"0\"
            @2> GET k
            \"1\"
            > WATCH k
            OK
            > SELECT 0
            OK
            > SET k 2
            OK
            > MULTI
            OK
            > GET k
            QUEUED
            > EXEC
            1) \"2\"
            ",
        );
    }

    #[test]
    fn a_client_that_queues_too_much_is_closed() {
        let mut fixture = Fixture::new();
        fixture.configure("client-query-buffer-limit", "1mb");
        check_with(&mut fixture, "> MULTI\nOK\n> SET k v\nQUEUED");
        assert!(!fixture.client(1).closing);
        fixture.run(1, &[b"SET", b"k", &vec![b'x'; 1 << 20]]);
        assert!(fixture.client(1).closing);
    }

    #[test]
    fn a_refused_exec_ends_the_transaction() {
        check(
            "
            > MULTI
            OK
            > EXEC x
            (error) EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
            > EXEC
            (error) ERR EXEC without MULTI
            ",
        );
    }

    #[test]
    fn inner_commands_are_counted_with_their_own_times() {
        let mut fixture = Fixture::new();
        check_with(&mut fixture, "> MULTI\nOK\n> SET k v\nQUEUED\n> GET k\nQUEUED\n> SADD k a\nQUEUED");
        assert_eq!(fixture.client(1).shared.facts.multi.load(Relaxed), 3);
        assert!(fixture.client(1).shared.facts.multi_bytes.load(Relaxed) > 0);
        fixture.run(1, &[b"EXEC"]);
        let stats = |name: &[u8]| {
            let row = fixture.node.table.find(name).expect("in the table");
            let stats = &fixture.node.cores[0].by_command[row.index];
            (stats.calls.get(), stats.failed.get(), stats.ns.get())
        };
        let (set, get, sadd, exec) = (stats(b"SET"), stats(b"GET"), stats(b"SADD"), stats(b"EXEC"));
        assert_eq!((set.0, get.0, sadd.0, exec.0), (1, 1, 1, 1));
        assert_eq!((set.1, get.1, sadd.1, exec.1), (0, 0, 1, 0));
        assert!(set.2 + get.2 + sadd.2 <= exec.2);
        assert_eq!(fixture.client(1).shared.facts.multi.load(Relaxed), -1);
        assert_eq!(fixture.client(1).shared.facts.multi_bytes.load(Relaxed), 0);
    }
}
