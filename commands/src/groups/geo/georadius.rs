//! GEORADIUS and GEORADIUSBYMEMBER, and their read-only twins: GEOSEARCH's older names.

use commands_macros::command;
use keyspace::keys::Key;

use super::search::{ANY, COUNT, From, Grammar, NO_MEMBER, ORDER, Query, WITH};
use super::words::{LON_LAT, UNIT, place};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::request::Request;
use crate::spec::{ArgDoc, ArgType, key};

const KEY: ArgDoc = <Key as Arg>::DOC.named("key");
const MEMBER: ArgDoc = ArgDoc::new("member", ArgType::String);
const RADIUS: ArgDoc = ArgDoc::new("radius", ArgType::Double);
const COUNT_BLOCK: ArgDoc = ArgDoc::block("count-block", &[COUNT, ANY]).optional();
/// ANY came later to the command that names a place.
const COUNT_BLOCK_OF_PLACE: ArgDoc = ArgDoc::block("count-block", &[COUNT, ANY.since("6.2.0")]).optional();
const STORE: ArgDoc = ArgDoc::one_of(
    "store",
    &[
        <Key as Arg>::DOC.named("storekey").display("key").key_spec(1).token("STORE"),
        <Key as Arg>::DOC.named("storedistkey").display("key").key_spec(2).token("STOREDIST"),
    ],
)
.optional();

/// Answers (or stores) the members of a sorted set whose places are in a circle around a place.
#[command(
    "GEORADIUS",
    since = "3.2.0",
    complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(
        KeySpec::one(1, RO | ACCESS),
        KeySpec::after("STORE", 6, OW | UPDATE),
        KeySpec::after("STOREDIST", 6, OW | UPDATE)
    ),
    more_keys(stored_keys),
    arity(-6),
    deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    args(
        KEY,
        LON_LAT[0],
        LON_LAT[1],
        RADIUS,
        UNIT,
        WITH[0],
        WITH[1],
        WITH[2],
        COUNT_BLOCK_OF_PLACE,
        ORDER,
        STORE
    )
)]
pub(crate) fn georadius(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    around_place(ctx, &key, words, true)
}

/// Answers the members of a sorted set whose places are in a circle around a place.
#[command(
    "GEORADIUS_RO",
    since = "3.2.10",
    complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    arity(-6),
    deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
    args(KEY, LON_LAT[0], LON_LAT[1], RADIUS, UNIT, WITH[0], WITH[1], WITH[2], COUNT_BLOCK_OF_PLACE, ORDER)
)]
pub(crate) fn georadius_ro(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    around_place(ctx, &key, words, false)
}

/// Answers (or stores) the members of a sorted set whose places are in a circle around a member.
#[command(
    "GEORADIUSBYMEMBER",
    since = "3.2.0",
    complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(
        KeySpec::one(1, RO | ACCESS),
        KeySpec::after("STORE", 5, OW | UPDATE),
        KeySpec::after("STOREDIST", 5, OW | UPDATE)
    ),
    more_keys(stored_keys),
    arity(-5),
    deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    args(KEY, MEMBER, RADIUS, UNIT, WITH[0], WITH[1], WITH[2], COUNT_BLOCK, ORDER, STORE)
)]
pub(crate) fn georadiusbymember(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    around_member(ctx, &key, words, true)
}

/// Answers the members of a sorted set whose places are in a circle around a member.
#[command(
    "GEORADIUSBYMEMBER_RO",
    since = "3.2.10",
    complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    arity(-5),
    deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    args(KEY, MEMBER, RADIUS, UNIT, WITH[0], WITH[1], WITH[2], COUNT_BLOCK, ORDER)
)]
pub(crate) fn georadiusbymember_ro(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    around_member(ctx, &key, words, false)
}

fn around_place(ctx: &mut Ctx, key: &Key, words: Rest, may_store: bool) -> Result<()> {
    let mut words = words.0;
    ctx.keys.zset(key)?;
    let from = From::Place(place(&mut words)?);
    let mut query = Query::around(from, &mut words)?;
    query.options(ctx, &mut words, Grammar { names_area: false, names_store: may_store, stores: false })?;
    query.run(ctx, key)
}

fn around_member(ctx: &mut Ctx, key: &Key, words: Rest, may_store: bool) -> Result<()> {
    let mut words = words.0;
    let member = words.word()?;
    let mut query = match ctx.keys.zset(key)? {
        Some(set) if set.score(member).is_none() => return Err(NO_MEMBER),
        Some(_) => Query::around(From::Member(member), &mut words)?,
        // Nobody looks at what stands for the radius then.
        None => {
            words.take_first(2)?;
            Query::nowhere(member)
        }
    };
    query.options(ctx, &mut words, Grammar { names_area: false, names_store: may_store, stores: false })?;
    query.run(ctx, key)
}

/// Whatever follows STORE or STOREDIST: of several the last one is meant, and none may be touched unlocked.
fn stored_keys(request: &Request<'_>, visit: &mut dyn FnMut(usize, u16)) {
    for at in 5..request.spans.len().saturating_sub(1) {
        let is = |token: &[u8]| request.word(at).is_some_and(|word| word.eq_ignore_ascii_case(token));
        if is(b"STORE") || is(b"STOREDIST") {
            visit(at + 1, key::OW | key::UPDATE);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn older_names() {
        check(
            r#"
            > GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
            (integer) 2
            > GEORADIUS g 15 37 200 km WITHDIST DESC
            1) 1) "Palermo"
               2) "190.4424"
            2) 1) "Catania"
               2) "56.4413"
            > GEORADIUSBYMEMBER g Palermo 200 km STORE d
            (integer) 2
            > GEORADIUS g 15 37 200 km STORE d STOREDIST e
            (integer) 2
            > ZSCORE e Catania
            "56.4412578701582"
            > GEORADIUS_RO g 15 37 200 km STORE d
            (error) ERR syntax error
            > GEORADIUS g 15 37 200 km WITHDIST STORE d
            (error) ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options
            > GEORADIUSBYMEMBER g none 1 m
            (error) ERR could not decode requested zset member
            > GEORADIUSBYMEMBER g none 1 m WITHDIST STORE d
            (error) ERR could not decode requested zset member
            > GEORADIUSBYMEMBER none x 1 m
            (empty array)
            > GEORADIUSBYMEMBER none x y z COUNT 0
            (error) ERR COUNT must be > 0
            > GEORADIUS none 1 1 1 m STORE d
            (integer) 0
            > EXISTS d
            (integer) 0
            "#,
        );
    }
}
