//! GEOPOS, GEOHASH and GEODIST: what scores of members mean.

use commands_macros::command;
use keyspace::keys::Key;
use keyspace::zset::ZsetRef;

use super::cell::Place;
use super::words::{UNIT, Unit, write_distance, write_place};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const KEY: ArgDoc = <Key as Arg>::DOC.named("key");
const MEMBERS: ArgDoc = ArgDoc::new("member", ArgType::String).optional().multiple();

/// Answers the places of members.
#[command(
    "GEOPOS",
    since = "3.2.0",
    complexity = "O(1) for each member requested.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    arity(-2),
    args(KEY, MEMBERS)
)]
pub(crate) fn geopos(ctx: &mut Ctx, key: Key, members: Rest) -> Result<()> {
    let set = ctx.keys.zset(&key)?;
    ctx.out.array(members.0.len());
    for member in members.0.iter() {
        match place_of(set, member) {
            Some(place) => write_place(ctx.out, place),
            None => ctx.out.null_array(),
        }
    }
    Ok(())
}

/// Answers the places of members as standard geohashes.
#[command(
    "GEOHASH",
    since = "3.2.0",
    complexity = "O(1) for each member requested.",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    arity(-2),
    args(KEY, MEMBERS)
)]
pub(crate) fn geohash(ctx: &mut Ctx, key: Key, members: Rest) -> Result<()> {
    let set = ctx.keys.zset(&key)?;
    ctx.out.array(members.0.len());
    for member in members.0.iter() {
        match place_of(set, member) {
            Some(place) => ctx.out.bulk(&place.geohash()),
            None => ctx.out.null(),
        }
    }
    Ok(())
}

/// Answers how far two members are from each other.
#[command(
    "GEODIST",
    since = "3.2.0",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    arity(-4),
    args(KEY, ArgDoc::new("member1", ArgType::String), ArgDoc::new("member2", ArgType::String), UNIT.optional())
)]
pub(crate) fn geodist(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let mut words = words.0;
    let (first, second) = (words.word()?, words.word()?);
    let unit = match words.len() {
        0 => Unit::M,
        1 => Unit::take(&mut words)?,
        _ => return Err(Error::Syntax),
    };
    let set = ctx.keys.zset(&key)?;
    match place_of(set, first).zip(place_of(set, second)) {
        Some((first, second)) => write_distance(ctx.out, first.distance_m(second) / unit.metres()),
        None => ctx.out.null(),
    }
    Ok(())
}

fn place_of(set: Option<ZsetRef<'_>>, member: &[u8]) -> Option<Place> {
    set?.score(member).map(Place::of_score)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check3};

    #[test]
    fn of_members() {
        check(
            r#"
            > GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
            (integer) 2
            > GEOPOS g Palermo none
            1) 1) "13.361389338970184"
               2) "38.1155563954963"
            2) (nil)
            > GEOPOS none x
            1) (nil)
            > GEOHASH g Palermo Catania none
            1) "sqc8b49rny0"
            2) "sqdtr74hyu0"
            3) (nil)
            > GEODIST g Palermo Catania
            "166274.1516"
            > GEODIST g Palermo Catania km
            "166.2742"
            > GEODIST g Palermo none
            (nil)
            > GEODIST g Palermo Catania yards
            (error) ERR unsupported unit provided. please use M, KM, FT, MI
            > GEODIST g a b m m
            (error) ERR syntax error
            "#,
        );
        check3(
            r#"
            > GEOADD g 13.361389 38.115556 Palermo
            (integer) 1
            > GEOPOS g Palermo none
            1) 1) (double) 13.361389338970184
               2) (double) 38.1155563954963
            2) (nil)
            "#,
        );
    }
}
