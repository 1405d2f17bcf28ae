//! HGETDEL.

use commands_macros::command;
use keyspace::keys::Key;

use super::expired::{announce_end, purge};
use super::fields::Fields;
use super::{DELETE_EVENT, limits};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Answers the values of fields of a hash and removes them; the key goes with the last one.
#[command(
    "HGETDEL",
    since = "8.0.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | DELETE))
)]
pub(crate) fn hgetdel(ctx: &mut Ctx, key: Key, fields: Fields) -> Result<()> {
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    let names = fields.read()?;
    purge(&mut hash, names.iter());
    let mut removed = 0;
    ctx.out.array(names.len());
    for name in names.iter() {
        match hash.get(name) {
            Some(value) => reply::element(ctx.out, value),
            None => {
                ctx.out.null();
                continue;
            }
        }
        removed += usize::from(hash.remove(name));
    }
    if removed > 0 {
        hash.changed(DELETE_EVENT, removed);
        announce_end(&mut hash);
        ctx.say_with("HDEL", std::iter::once(key.bytes).chain(names.iter()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn values_go_with_their_fields() {
        check(
            r#"
            > HSET h a 1 b 2 c 3
            (integer) 3
            > HGETDEL h FIELDS 3 a x a
            1) "1"
            2) (nil)
            3) (nil)
            > HPEXPIRE h 10 FIELDS 1 b
            1) (integer) 1
            + 10ms
            > HGETDEL h FIELDS 2 b c
            1) (nil)
            2) "3"
            > HLEN h
            (integer) 0
            > HGETDEL h FIELDS 1 a
            1) (nil)
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            r#"
            > HGETDEL h FIELDS 1
            (error) ERR wrong number of arguments for 'hgetdel' command
            > HGETDEL h FOO 0 a
            (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HGETDEL h FIELDS 0 a
            (error) ERR Number of fields must be a positive integer
            > HGETDEL h FIELDS x a b
            (error) ERR Number of fields must be a positive integer
            > HGETDEL h FIELDS 2 a
            (error) ERR The `numfields` parameter must match the number of arguments
            > SET k v
            OK
            > HGETDEL k FOO 0 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
