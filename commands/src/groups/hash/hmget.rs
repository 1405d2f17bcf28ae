//! HMGET.

use commands_macros::command;
use keyspace::keys::Key;

use super::Field;
use super::expired::purge_after_read;
use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::reply;

/// Answers the values of fields of a hash, a null for each that is not there.
#[command(
    "HMGET",
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields being requested.",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS))
)]
pub(crate) fn hmget(ctx: &mut Ctx, key: Key, field: Many<Field>) -> Result<()> {
    let names = field.words();
    let hash = ctx.keys.hash(&key)?;
    let has_expired = hash.is_some_and(|hash| hash.has_expired());
    ctx.out.array(names.len());
    for name in names.iter() {
        match hash.and_then(|hash| hash.get(name)) {
            Some(value) => reply::element(ctx.out, value),
            None => ctx.out.null(),
        }
    }
    if has_expired {
        purge_after_read(ctx, &key, names.iter())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn a_value_or_null_for_each_field() {
        let transcript = r#"
            > HSET h a 1 b x
            (integer) 2
            > HMGET h b c a b
            1) "x"
            2) (nil)
            3) "1"
            4) "x"
            > HMGET missing a b
            1) (nil)
            2) (nil)
            > SET k v
            OK
            > HMGET k a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HMGET h
            (error) ERR wrong number of arguments for 'hmget' command
            "#;
        check(transcript);
        check3(transcript);
    }
}
