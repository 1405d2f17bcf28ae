//! Serving clients that wait: their requests are run again, in their order, by whoever changed their keys.
//!
//! This happens once the locks of the changing command (or transaction) are free and before its connection runs
//! another one: as in Redis a waiting client comes first. Serving one changes keys as well, so it goes on until
//! nobody is ready; keys are looked at in the order in which they changed.

use std::collections::VecDeque;
use std::sync::Arc;

use keyspace::change::{Change, Classes, Event};
use resp::Writer;

use crate::client::Origin;
use crate::ctx::Ctx;
use crate::error::{Otherwise, Wait};
use crate::execute::{self, Outcome};
use crate::guards;
use crate::node::Node;
use crate::node::blocking::{Waiter, awaited};
use crate::node::core::Core;
use crate::ownership;
use crate::publish;
use crate::request::Request;
use crate::spec::flag;

/// Keys that changed and that somebody waits for, in the order of their changes.
#[derive(Default)]
pub(crate) struct Ready(VecDeque<(usize, Box<[u8]>)>);

impl Ready {
    /// Takes note of a change.
    pub(crate) fn note(&mut self, node: &Node, db: usize, key: &[u8]) {
        if node.blocking.is_awaited(db, key) && !self.0.iter().any(|(at, other)| *at == db && **other == *key) {
            self.0.push_back((db, key.into()));
        }
    }
}

/// After a database took another's keys: those that somebody waits for count as changed.
pub(crate) fn note_database(ctx: &mut Ctx<'_>, db: usize) {
    // Of no class: it is no event that clients hear of.
    const SWAPPED: Event = Event::new(Classes(0), "swapdb");
    for key in ctx.node.blocking.awaited_keys(db) {
        ctx.keys.tally.changes.push(Change { db, event: SWAPPED, key, modified: true });
    }
}

/// Serves all who can be.
pub(crate) fn serve(node: &Node, core: &mut Core, mut ready: Ready) {
    while let Some((db, key)) = ready.0.pop_front() {
        // The changing command may have taken so long that what it brought has expired already.
        core.now.unix_ms = core.now.unix_ms.max(base::clock::unix_ms());
        let _turn = node.blocking.take_turn(node.space.hash(&key));
        let mut after = 0;
        while let Some((number, waiter)) = node.blocking.next_after(db, &key, after) {
            after = number;
            if node.blocking.is_dead(&waiter) || !waiter.claim() {
                continue;
            }
            let ended = serve_one(node, core, &waiter, &mut ready);
            publish::settle(node, core, &mut ready, waiter.client_id());
            // The rest want the same of the same key, unless it is of another type than this one waited for, or they
            // want to know that it is gone.
            if !ended && !is_there(node, db, &key) && !node.blocking.heeds_loss() {
                break;
            }
        }
    }
}

/// Goes on with the request of a waiter whose work elsewhere is done, on its own connection's core.
pub fn resume(node: &Node, core: &mut Core, waiter: &Arc<Waiter>) {
    if node.blocking.is_dead(waiter) || !waiter.claim() {
        return;
    }
    core.begin_batch(node);
    let mut ready = Ready::default();
    if serve_one(node, core, waiter, &mut ready) {
        // It may have been refused, and not have asked for what was done.
        node.migrations.forget(waiter.client_id());
    }
    publish::publish(node, core, waiter.client_id());
    serve(node, core, ready);
}

fn is_there(node: &Node, db: usize, key: &[u8]) -> bool {
    let hash = node.space.hash(key);
    node.space.with_table(node.space.shard_of(hash), db, |table| table.find(hash, key).is_some()).unwrap_or(false)
}

/// A handler that panics is a defect of ours: as on its own connection, the waiting client is sent away instead of
/// being left claimed for ever.
struct Guard<'g> {
    node: &'g Node,
    waiter: &'g Waiter,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.node.blocking.give_up(self.node, self.waiter);
        }
    }
}

/// Runs a claimed waiter's request; whether it got a reply.
fn serve_one(node: &Node, core: &mut Core, waiter: &Arc<Waiter>, ready: &mut Ready) -> bool {
    let _guard = Guard { node, waiter };
    loop {
        let mut client = waiter.stand_in(node);
        let mut reply = Writer::new(client.proto);
        core.last = core.clock.ticks();
        let outcome = execute::run(node, core, &mut client, Origin::Wakened, waiter.request(), &mut reply);
        if outcome == Outcome::Fetch {
            continue;
        }
        if core.own.owes() {
            ownership::settle_owed(node, core, ready, waiter.client_id());
        }
        if matches!(outcome, Outcome::Done | Outcome::Refused) {
            node.blocking.end(node, waiter, &reply);
            return true;
        }
        if node.blocking.put_back(node, waiter) {
            return false;
        }
    }
}

/// Runs the request of a waiter on locked keys, when one of those holds what it waits for.
pub(crate) fn call(ctx: &mut Ctx<'_>, request: &Request<'_>) -> Outcome {
    let wanted = request.row.group.waits_for();
    let is_ready = request.row.command.has(flag::HEEDS_LOSS | flag::ASIDE)
        || awaited(request).any(|bytes| {
            let key = ctx.keys.key(bytes);
            ctx.keys.type_of(&key).is_some_and(|found| wanted.is_none_or(|wanted| wanted == found))
        });
    if is_ready {
        // Its user's rules may have changed while it waited.
        if let Err(error) = guards::permitted(ctx.node, ctx.client, request, ctx.origin) {
            execute::refuse(ctx, request.row, &error);
            return Outcome::Refused;
        }
        execute::call(ctx, request)
    } else {
        Outcome::Wait(Wait { until_ms: None, otherwise: Otherwise::Null })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn in_order_of_arrival() {
        check(
            r#"
            @2> BLPOP k l 0
            (waits)
            @3> BRPOP l 0
            (waits)
            @4> BLMPOP 0 2 k l LEFT COUNT 10
            (waits)
            > RPUSH l a b c d
            (integer) 4
            @2
            1) "l"
            2) "a"
            @3
            1) "l"
            2) "d"
            @4
            1) "l"
            2) 1) "b"
               2) "c"
            > EXISTS l
            (integer) 0
            @2> PING
            PONG
            "#,
        );
    }

    #[test]
    fn one_serves_the_next() {
        check(
            r#"
            @2> BLMOVE a b LEFT LEFT 0
            (waits)
            @3> BRPOPLPUSH b c 0
            (waits)
            @4> BLPOP c 0
            (waits)
            > RPUSH a x y
            (integer) 2
            @2
            "x"
            @3
            "x"
            @4
            1) "c"
            2) "x"
            > LRANGE a 0 -1
            1) "y"
            @5> BLMOVE z z LEFT RIGHT 0
            (waits)
            > RPUSH z 1 2
            (integer) 2
            > LRANGE z 0 -1
            1) "2"
            2) "1"
            "#,
        );
    }

    #[test]
    fn only_its_type_wakes_a_waiter() {
        check(
            r#"
            @2> BLPOP k 0
            (waits)
            @3> BZPOPMIN k 0
            (waits)
            > SET k v
            OK
            @2
            (nothing)
            > DEL k
            (integer) 1
            > ZADD k 1 m 2 n
            (integer) 2
            @3
            1) "k"
            2) "m"
            3) "1"
            @2
            (nothing)
            > DEL k
            (integer) 1
            > LPUSH other v
            (integer) 1
            > RENAME other k
            OK
            @2
            1) "k"
            2) "v"
            @4> BLPOP s l 0
            (waits)
            > SET s v
            OK
            > RPUSH l x
            (integer) 1
            @4
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            @4> BLMOVE src s LEFT LEFT 0
            (waits)
            > RPUSH src x
            (integer) 1
            @4
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LLEN src
            (integer) 1
            "#,
        );
    }

    #[test]
    fn a_transaction_serves_at_its_end() {
        check(
            r#"
            @2> BLPOP k 0
            (waits)
            > MULTI
            OK
            > RPUSH k a b
            QUEUED
            > LPOP k
            QUEUED
            > BLPOP nothing 0
            QUEUED
            > BLMOVE nothing k LEFT LEFT 0
            QUEUED
            > EXEC
            1) (integer) 2
            2) "a"
            3) (nil)
            4) (nil)
            @2
            1) "k"
            2) "b"
            @2> BLPOP k 0
            (waits)
            > MULTI
            OK
            > RPUSH k a
            QUEUED
            > DEL k
            QUEUED
            > EXEC
            1) (integer) 1
            2) (integer) 1
            @2
            (nothing)
            "#,
        );
    }

    #[test]
    fn time_ends() {
        let mut fixture = Fixture::new();
        check_with(
            &mut fixture,
            r#"
            @2> BLPOP k 0.1
            (waits)
            @3> BLMOVE k l LEFT LEFT 10
            (waits)
            + 50ms
            @2
            (nothing)
            + 51ms
            @2
            (nil)
            > RPUSH k v
            (integer) 1
            @3
            "v"
            @2> PING
            PONG
            "#,
        );
        assert_eq!((fixture.node.blocking.clients(), fixture.node.blocking.keys()), (0, 0));
        assert_eq!(fixture.node.space.interest(), 0);
    }

    #[test]
    fn client_unblock() {
        check(
            r#"
            @2> CLIENT ID
            (integer) 1
            @2> BLPOP k k l 0
            (waits)
            > CLIENT UNBLOCK 1
            (integer) 1
            @2
            (nil)
            > CLIENT UNBLOCK 1
            (integer) 0
            @2> BLPOP k 0
            (waits)
            > CLIENT UNBLOCK 1 ERROR
            (integer) 1
            @2
            (error) UNBLOCKED client unblocked via CLIENT UNBLOCK
            > RPUSH k v
            (integer) 1
            > LLEN k
            (integer) 1
            "#,
        );
    }

    #[test]
    fn a_client_that_is_unblocked_with_an_error_has_failed() {
        let mut fixture = Fixture::new();
        for (client, line) in [(2, "PING"), (2, "BLPOP k 0"), (1, "CLIENT UNBLOCK 1 ERROR")] {
            fixture.cli(client, line);
        }
        let stats = fixture.cli(1, "INFO commandstats");
        let blpop = stats.split("cmdstat_blpop:").nth(1).and_then(|rest| rest.split("\\r").next()).unwrap_or(&stats);
        assert!(blpop.starts_with("calls=1,") && blpop.ends_with("rejected_calls=0,failed_calls=1"), "{blpop}");
    }

    #[test]
    fn lists_that_come_from_elsewhere() {
        check(
            r#"
            > SELECT 1
            OK
            > RPUSH k a b
            (integer) 2
            @2> BLPOP k 0
            (waits)
            > MOVE k 0
            (integer) 1
            @2
            1) "k"
            2) "a"
            @2> BLPOP j 0
            (waits)
            > RPUSH j c
            (integer) 1
            @2
            (nothing)
            > SWAPDB 0 1
            OK
            @2
            1) "j"
            2) "c"
            "#,
        );
    }

    #[test]
    fn a_client_that_goes_takes_nothing() {
        let mut fixture = Fixture::new();
        check_with(&mut fixture, "@2> BLPOP k 0\n(waits)");
        let node = fixture.node.clone();
        fixture.client(2).leave(&node);
        check_with(&mut fixture, "> RPUSH k v\n(integer) 1\n> LLEN k\n(integer) 1");
        assert_eq!(node.blocking.clients(), 0);
    }
}
