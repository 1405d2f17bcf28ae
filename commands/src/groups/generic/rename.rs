//! RENAME, RENAMENX and MOVE: a value changes its place and keeps its deadlines and its access clock.

use commands_macros::command;
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;

use crate::args::Database;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::reply::Ok as Done;

const RENAME_FROM: Event = Event::new(Classes::GENERIC, "rename_from");
const RENAME_TO: Event = Event::new(Classes::GENERIC, "rename_to");
const MOVE_FROM: Event = Event::new(Classes::GENERIC, "move_from");
const MOVE_TO: Event = Event::new(Classes::GENERIC, "move_to");

/// Gives a key another name; a key of that name goes.
#[command(
    "RENAME",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE),
    keys(KeySpec::one(1, RW | ACCESS | DELETE | VALUELESS), KeySpec::one(2, OW | UPDATE | VALUELESS)),
    args(crate::groups::generic::KEY, crate::groups::generic::NEW_KEY)
)]
pub(crate) fn rename(ctx: &mut Ctx, key: Key, new_key: Key) -> Result<Done> {
    if !ctx.keys.exists(&key) {
        return Err(Error::NoSuchKey);
    }
    if key.bytes != new_key.bytes {
        give_name(ctx, &key, &new_key);
    }
    Ok(Done)
}

/// Gives a key another name, unless there is a key of that name.
#[command(
    "RENAMENX",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE | VALUELESS), KeySpec::one(2, OW | INSERT | VALUELESS)),
    args(crate::groups::generic::KEY, crate::groups::generic::NEW_KEY)
)]
pub(crate) fn renamenx(ctx: &mut Ctx, key: Key, new_key: Key) -> Result<bool> {
    if !ctx.keys.exists(&key) {
        return Err(Error::NoSuchKey);
    }
    let is_free = key.bytes != new_key.bytes && !ctx.keys.exists(&new_key);
    if is_free {
        give_name(ctx, &key, &new_key);
    }
    Ok(is_free)
}

/// Moves a key to another database, unless that has a key of the name.
#[command(
    "MOVE",
    since = "1.0.0",
    complexity = "O(1)",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE | VALUELESS))
)]
pub(crate) fn r#move(ctx: &mut Ctx, key: Key, db: Database) -> Result<bool> {
    let (from, to) = (ctx.keys.db_index(), db.0);
    if from == to {
        return Err(Error::Plain("ERR source and destination objects are the same"));
    }
    if !ctx.keys.exists(&key) {
        return Ok(false);
    }
    ctx.keys.select(to);
    let is_free = !ctx.keys.exists(&key);
    ctx.keys.select(from);
    if is_free {
        relocate(ctx, (&key, from), (&key, to));
        ctx.keys.changed(&key, MOVE_FROM);
        ctx.keys.select(to);
        ctx.keys.changed_with(&key, MOVE_TO);
        ctx.keys.select(from);
    }
    Ok(is_free)
}

fn give_name(ctx: &mut Ctx, key: &Key, new_key: &Key) {
    let db = ctx.keys.db_index();
    relocate(ctx, (key, db), (new_key, db));
    ctx.keys.changed(key, RENAME_FROM);
    ctx.keys.changed_with(new_key, RENAME_TO);
}

/// Moves the value of a key that is there; the place that it goes to is cleared first.
fn relocate(ctx: &mut Ctx, (key, from): (&Key, usize), (new_key, to): (&Key, usize)) {
    let keys = &mut ctx.keys;
    let Some(slot) = keys.find_for_write(key) else { return };
    let clock = keys.entry(key, slot).clock();
    let Some((value, deadline_ms)) = keys.take(key) else { return };
    keys.select(to);
    keys.remove(new_key);
    keys.put(new_key, value, deadline_ms);
    if let Some(slot) = keys.find_untouched(new_key) {
        keys.db_mut(new_key.hash).set_clock(slot, clock);
    }
    keys.select(from);
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn renames() {
        check(
            r#"
            > RENAME nokey nokey
            (error) ERR no such key
            > SET a 1 PXAT 33177117420000
            OK
            > SET b 2
            OK
            > RENAME a a
            OK
            > RENAMENX a a
            (integer) 0
            > RENAMENX a b
            (integer) 0
            > RENAME a b
            OK
            > PEXPIRETIME b
            (integer) 33177117420000
            > RENAMENX b c
            (integer) 1
            > GET c
            "1"
            > DBSIZE
            (integer) 1
            > EXPIRE c 10
            (integer) 1
            + 10000ms
            > RENAME c d
            (error) ERR no such key
            "#,
        );
    }

    #[test]
    fn moves() {
        check(
            r#"
            > SET k v PXAT 33177117420000
            OK
            > MOVE k 16
            (error) ERR DB index is out of range
            > MOVE k abc
            (error) ERR value is not an integer or out of range
            > MOVE k 0
            (error) ERR source and destination objects are the same
            > MOVE nokey 1
            (integer) 0
            > MOVE k 1
            (integer) 1
            > SET k w
            OK
            > MOVE k 1
            (integer) 0
            > SWAPDB 0 1
            OK
            > PEXPIRETIME k
            (integer) 33177117420000
            "#,
        );
    }
}
