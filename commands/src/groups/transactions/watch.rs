//! WATCH and UNWATCH.

use std::sync::atomic::Ordering::Relaxed;

use commands_macros::command;
use keyspace::keys::Key;

use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

/// Watches keys: the next transaction runs only if nobody changes them before.
#[command(
    "WATCH",
    since = "2.2.0",
    complexity = "O(1) for every key.",
    flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED),
    keys(KeySpec::range(1, -1, 1, RO | VALUELESS))
)]
pub(crate) fn watch(ctx: &mut Ctx, key: Many<Key>) -> Result<Done> {
    if ctx.client.multi.is_some() {
        return Err(Error::Plain("ERR WATCH inside MULTI is not allowed"));
    }
    let db = ctx.keys.db_index();
    for key in key.words().keys() {
        // An expired key goes before it is watched, so that its going later is no change.
        ctx.keys.find_untouched(&key);
        if ctx.keys.watch(&key, &ctx.client.watch_flag) {
            ctx.client.watched.push((db, key.bytes.into()));
            let bytes = size_of::<(usize, Box<[u8]>)>() + key.bytes.len();
            ctx.client.shared.facts.watched_bytes.fetch_add(bytes as u64, Relaxed);
        }
    }
    ctx.client.tell_watched();
    Ok(Done)
}

/// Drops the watches.
#[command(
    "UNWATCH",
    since = "2.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
)]
pub(crate) fn unwatch(ctx: &mut Ctx) -> Result<Done> {
    ctx.client.unwatch(&ctx.node.space);
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn a_change_by_anybody_counts() {
        check(
            "
            > SET k 1
            OK
            > WATCH other k
            OK
            @2> SET k 2
            OK
            > MULTI
            OK
            > GET k
            QUEUED
            > EXEC
            (nil)
            > MULTI
            OK
            > GET k
            QUEUED
            > EXEC
            1) \"2\"
            > WATCH k
            OK
            > SET k 3
            OK
            > UNWATCH
            OK
            > MULTI
            OK
            > UNWATCH
            QUEUED
            > EXEC
            1) OK
            > WATCH k
            OK
            > EXPIRE k 100
            (integer) 1
            > MULTI
            OK
            > EXEC
            (nil)
            > MULTI
            OK
            > WATCH k
            (error) ERR WATCH inside MULTI is not allowed
            > EXEC
            (empty array)
            ",
        );
    }

    #[test]
    fn a_move_that_adds_nothing_leaves_its_destination_unchanged() {
        check(
            "
            > SADD from a b
            (integer) 2
            > SADD to a
            (integer) 1
            > WATCH to
            OK
            @2> SMOVE from to a
            (integer) 1
            > MULTI
            OK
            > SADD to c
            QUEUED
            > EXEC
            1) (integer) 1
            ",
        );
    }

    #[test]
    fn a_key_that_expires_has_changed_and_one_that_had_expired_has_not() {
        check(
            "
            > SET k v PX 100
            OK
            > WATCH k
            OK
            + 101ms
            > MULTI
            OK
            > GET k
            QUEUED
            > EXEC
            (nil)
            > SET k v PX 100
            OK
            + 101ms
            > WATCH k
            OK
            > EXISTS k
            (integer) 0
            > FLUSHALL
            OK
            > MULTI
            OK
            > EXEC
            (empty array)
            ",
        );
    }

    #[test]
    fn emptied_and_exchanged_databases_change_the_keys_that_are_there() {
        check(
            "
            > WATCH k
            OK
            > FLUSHALL
            OK
            > MULTI
            OK
            > EXEC
            (empty array)
            > SET k v
            OK
            > WATCH k
            OK
            > SWAPDB 0 1
            OK
            > MULTI
            OK
            > EXEC
            (nil)
            > WATCH k
            OK
            > SWAPDB 0 1
            OK
            > MULTI
            OK
            > EXEC
            (nil)
            > WATCH k
            OK
            > FLUSHDB
            OK
            > MULTI
            OK
            > EXEC
            (nil)
            > SET k v PX 100
            OK
            > SWAPDB 0 1
            OK
            + 101ms
            > WATCH k
            OK
            > SWAPDB 0 1
            OK
            > MULTI
            OK
            > EXEC
            (empty array)
            ",
        );
    }

    #[test]
    fn nothing_is_left_of_watches() {
        let mut fixture = Fixture::new();
        for end in ["UNWATCH\nOK", "MULTI\nOK\n> EXEC\n(empty array)", "MULTI\nOK\n> DISCARD\nOK"] {
            check_with(&mut fixture, "> WATCH a a b\nOK");
            assert_eq!(fixture.node.space.watching(), 2);
            assert_eq!(fixture.client(1).shared.facts.watched.load(Relaxed), 2);
            check_with(&mut fixture, &format!("> {end}"));
            assert_eq!(fixture.node.space.watching(), 0);
            assert_eq!(fixture.client(1).shared.facts.watched.load(Relaxed), 0);
        }
    }
}
