//! COPY.

use commands_macros::{Args, command};
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;

use crate::args::Database;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const COPY_TO: Event = Event::new(Classes::GENERIC, "copy_to");

#[derive(Args, Default)]
pub(crate) struct CopyOptions {
    #[arg(token = "DB", name = "destination-db")]
    db: Option<Database>,
    replace: bool,
}

/// Copies the value at a key to another key, with its deadlines.
#[command(
    "COPY",
    since = "6.2.0",
    complexity = "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RO | ACCESS | VALUELESS), KeySpec::one(2, OW | UPDATE | VALUELESS)),
    args(
        ArgDoc::new("source", ArgType::Key).key_spec(0),
        ArgDoc::new("destination", ArgType::Key).key_spec(1),
        ArgDoc::flatten(<CopyOptions as crate::args::Options>::DOCS)
    )
)]
pub(crate) fn copy(ctx: &mut Ctx, source: Key, destination: Key, #[options] how: CopyOptions) -> Result<bool> {
    let from = ctx.keys.db_index();
    let to = how.db.map_or(from, |Database(db)| db);
    if from == to && source.bytes == destination.bytes {
        return Err(Error::Plain("ERR source and destination objects are the same"));
    }
    let Some(slot) = ctx.keys.find(&source) else { return Ok(false) };
    ctx.keys.select(to);
    let is_free = how.replace || !ctx.keys.exists(&destination);
    ctx.keys.select(from);
    if !is_free {
        return Ok(false);
    }
    let deadline_ms = ctx.keys.entry(&source, slot).deadline_ms();
    let Some(value) = ctx.keys.db(source.hash).map(|db| db.copy_value(slot)) else { return Ok(false) };
    ctx.keys.select(to);
    ctx.keys.remove(&destination);
    ctx.keys.put(&destination, value, deadline_ms);
    ctx.keys.changed(&destination, COPY_TO);
    ctx.keys.select(from);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn copies_with_the_deadline() {
        check(
            r#"
            > SET k v PXAT 33177117420000
            OK
            > COPY k k
            (error) ERR source and destination objects are the same
            > COPY k c DB 16 foo
            (error) ERR DB index is out of range
            > COPY k c DB 2147483648
            (error) ERR value is out of range, value must between -2147483648 and 2147483647
            > COPY k c DB
            (error) ERR syntax error
            > COPY nokey c
            (integer) 0
            > COPY k c
            (integer) 1
            > COPY k c
            (integer) 0
            > SET k w
            OK
            > GET c
            "v"
            > PEXPIRETIME c
            (integer) 33177117420000
            > COPY k c REPLACE
            (integer) 1
            > TTL c
            (integer) -1
            > COPY k k DB 3
            (integer) 1
            > SWAPDB 0 3
            OK
            > GET k
            "w"
            > DBSIZE
            (integer) 1
            "#,
        );
    }
}
