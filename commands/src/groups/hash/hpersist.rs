//! HPERSIST.

use commands_macros::command;
use keyspace::keys::Key;

use super::fields::Fields;
use super::{PERSIST_EVENT, limits};
use crate::ctx::Ctx;
use crate::error::Result;

/// Takes away the deadlines of fields of a hash.
#[command(
    "HPERSIST",
    since = "7.4.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | UPDATE))
)]
pub(crate) fn hpersist(ctx: &mut Ctx, key: Key, fields: Fields) -> Result<()> {
    let limits = limits(ctx);
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    let names = fields.read()?;
    let mut changed = false;
    ctx.out.array(names.len());
    for name in names.iter() {
        let deadline_ms = hash.find(name).map(|(_, deadline_ms)| deadline_ms);
        ctx.out.int(match deadline_ms {
            None => -2,
            Some(None) => -1,
            Some(Some(_)) => {
                changed |= hash.set_deadline(name, None);
                1
            }
        });
    }
    if changed {
        hash.changed(PERSIST_EVENT, 1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn deadlines_go() {
        check(
            r#"
            > HSET h a 1 b 2 c 3
            (integer) 3
            > HEXPIRE h 10 FIELDS 1 a
            1) (integer) 1
            > HPEXPIRE h 10 FIELDS 1 b
            1) (integer) 1
            + 10ms
            > HPERSIST h FIELDS 5 a a b c x
            1) (integer) 1
            2) (integer) -1
            3) (integer) -2
            4) (integer) -1
            5) (integer) -2
            > HTTL h FIELDS 1 a
            1) (integer) -1
            > HPERSIST missing FIELDS 2 a b
            1) (integer) -2
            2) (integer) -2
            > HPERSIST missing FOO 2 a
            (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HPERSIST missing FIELDS 2 a
            (error) ERR The `numfields` parameter must match the number of arguments
            > HPERSIST h FIELDS 1
            (error) ERR wrong number of arguments for 'hpersist' command
            > SET k v
            OK
            > HPERSIST k FOO 1 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
