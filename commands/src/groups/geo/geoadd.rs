//! GEOADD.

use commands_macros::{Args as Options, command};
use keyspace::keys::Key;
use keyspace::zset::Put;
use smallvec::SmallVec;

use super::words::{LON_LAT, place};
use crate::args::{Arg, OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::groups::zset;
use crate::spec::{ArgDoc, ArgType};

#[derive(Options)]
enum Condition {
    Nx,
    Xx,
}

/// Adds places to a sorted set, their cells as scores.
#[command(
    "GEOADD",
    since = "3.2.0",
    complexity = "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, RW | UPDATE)),
    arity(-5),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::one_of("condition", Condition::DOCS).since("6.2.0").optional(),
        ArgDoc::token_only("change").token("CH").since("6.2.0").optional(),
        ArgDoc::block("data", &[LON_LAT[0], LON_LAT[1], ArgDoc::new("member", ArgType::String)]).multiple()
    )
)]
pub(crate) fn geoadd(ctx: &mut Ctx, key: Key, words: Rest) -> Result<usize> {
    let mut words = words.0;
    let (mut nx, mut xx, mut change) = (false, false, false);
    loop {
        if words.take_token("NX") {
            nx = true;
        } else if words.take_token("XX") {
            xx = true;
        } else if words.take_token("CH") {
            change = true;
        } else {
            break;
        }
    }
    if !words.len().is_multiple_of(3) || words.is_empty() || nx && xx {
        return Err(Error::Syntax);
    }
    let mut members: SmallVec<[(&[u8], f64); 8]> = SmallVec::new();
    while !words.is_empty() {
        // All places are read before the first one is written.
        let score = place(&mut words)?.score();
        members.push((words.word()?, score));
    }
    let mut set = ctx.keys.zset_for_write(&key, zset::limits(ctx.node))?;
    if set.is_empty() && xx {
        return Ok(0);
    }
    set.announce(members.len());
    let (mut added, mut updated) = (0, 0);
    for (member, score) in members {
        match set.put_with(member, |old| (if old.is_some() { !nx } else { !xx }).then_some(score)) {
            Put::Added => added += 1,
            Put::Updated(_) => updated += 1,
            Put::Same | Put::Declined => {}
        }
    }
    if added + updated > 0 {
        zset::modified(ctx, &key, zset::ZADD_EVENT, added + updated, false);
    }
    Ok(if change { added + updated } else { added })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn adds_and_changes() {
        check(
            r#"
            > GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
            (integer) 2
            > ZSCORE g Palermo
            "3479099956230698"
            > GEOADD g XX CH 13.4 38.1 Palermo 1 1 new
            (integer) 1
            > GEOADD g NX CH 13.3 38.1 Palermo 1 1 new
            (integer) 1
            > GEOADD g NX XX 1 1 a
            (error) ERR syntax error
            > GEOADD g 1 1 a 2 2
            (error) ERR syntax error
            > GEOADD g 181 1 a
            (error) ERR invalid longitude,latitude pair 181.000000,1.000000
            > GEOADD g x 1 a
            (error) ERR value is not a valid float
            > SET s v
            OK
            > GEOADD s 1 1 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
