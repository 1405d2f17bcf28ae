//! HDEL.

use commands_macros::command;
use keyspace::keys::Key;

use super::expired::announce_end;
use super::{DELETE_EVENT, Field, limits};
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Removes fields from a hash and answers how many there were; the key goes with the last one.
#[command(
    "HDEL",
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields to be removed.",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | DELETE))
)]
pub(crate) fn hdel(ctx: &mut Ctx, key: Key, field: Many<Field>) -> Result<usize> {
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    let mut removed = 0;
    for name in field.words().iter() {
        if hash.is_gone() {
            break;
        }
        removed += usize::from(hash.remove(name));
    }
    if removed > 0 {
        hash.changed(DELETE_EVENT, removed);
        announce_end(&mut hash);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts_what_was_there() {
        check(
            r#"
            > HSET h a 1 b 2 c 3
            (integer) 3
            > HDEL h a x a
            (integer) 1
            > HDEL h b c d
            (integer) 2
            > HGETALL h
            (empty array)
            > HDEL h a
            (integer) 0
            > SET k v
            OK
            > HDEL k a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn an_expired_field_counts_until_it_is_gone() {
        check(
            r#"
            > HSET h a 1 b 2
            (integer) 2
            > HPEXPIRE h 10 FIELDS 1 a
            1) (integer) 1
            + 10ms
            > HDEL h a
            (integer) 1
            > HDEL h a
            (integer) 0
            "#,
        );
    }
}
