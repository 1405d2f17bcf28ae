//! GEOSEARCH and GEOSEARCHSTORE.

use commands_macros::command;
use keyspace::keys::Key;

use super::search::{ANY, COUNT, Grammar, ORDER, Query, WITH};
use super::words::{LON_LAT, UNIT};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType};

const FROM: ArgDoc = ArgDoc::one_of(
    "from",
    &[
        ArgDoc::new("member", ArgType::String).token("FROMMEMBER"),
        ArgDoc::block("fromlonlat", &LON_LAT).token("FROMLONLAT"),
    ],
);
const BY: ArgDoc = ArgDoc::one_of(
    "by",
    &[
        ArgDoc::block("circle", &[ArgDoc::new("radius", ArgType::Double).token("BYRADIUS"), UNIT]),
        ArgDoc::block(
            "box",
            &[ArgDoc::new("width", ArgType::Double).token("BYBOX"), ArgDoc::new("height", ArgType::Double), UNIT],
        ),
    ],
);
const COUNT_BLOCK: ArgDoc = ArgDoc::block("count-block", &[COUNT, ANY]).optional();

/// Answers the members of a sorted set whose places are in a circle or a box.
#[command(
    "GEOSEARCH",
    since = "6.2.0",
    complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    arity(-7),
    args(<Key as Arg>::DOC.named("key"), FROM, BY, ORDER, COUNT_BLOCK, WITH[0], WITH[1], WITH[2])
)]
pub(crate) fn geosearch(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let mut query = Query::default();
    query.words(ctx, &key, &mut { words.0 }, Grammar { names_area: true, names_store: false, stores: false })?;
    query.run(ctx, &key)
}

/// Stores the members of a sorted set whose places are in a circle or a box.
#[command(
    "GEOSEARCHSTORE",
    since = "6.2.0",
    complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape",
    flags(WRITE | DENYOOM),
    keys(KeySpec::one(1, OW | UPDATE), KeySpec::one(2, RO | ACCESS)),
    arity(-8),
    args(
        <Key as Arg>::DOC.named("destination"),
        <Key as Arg>::DOC.named("source").key_spec(1),
        FROM,
        BY,
        ORDER,
        COUNT_BLOCK,
        ArgDoc::token_only("storedist").token("STOREDIST").optional()
    )
)]
pub(crate) fn geosearchstore(ctx: &mut Ctx, destination: Key, source: Key, words: Rest) -> Result<()> {
    let mut query = Query::default();
    query.words(ctx, &source, &mut { words.0 }, Grammar { names_area: true, names_store: false, stores: true })?;
    query.destination = Some(destination);
    query.run(ctx, &source)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn circles_and_boxes() {
        check(
            r#"
            > GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2
            (integer) 4
            > GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC
            1) "Catania"
            2) "Palermo"
            > GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD WITHDIST
            1) 1) "Catania"
               2) "56.4413"
               3) 1) "15.087267458438873"
                  2) "37.50266842333162"
            2) 1) "Palermo"
               2) "190.4424"
               3) 1) "13.361389338970184"
                  2) "38.1155563954963"
            3) 1) "edge2"
               2) "279.7403"
               3) 1) "17.241510450839996"
                  2) "38.78813451624225"
            4) 1) "edge1"
               2) "279.7405"
               3) 1) "12.75848776102066"
                  2) "38.78813451624225"
            > GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 1 m WITHHASH
            1) 1) "Palermo"
               2) (integer) 3479099956230698
            > GEOSEARCHSTORE near Sicily FROMLONLAT 15 37 BYBOX 400 400 km COUNT 2 STOREDIST
            (integer) 2
            > ZRANGE near 0 -1
            1) "Catania"
            2) "Palermo"
            > GEOSEARCHSTORE near none FROMLONLAT 15 37 BYBOX 400 400 km
            (integer) 0
            > EXISTS near
            (integer) 0
            > GEOSEARCH none FROMMEMBER x BYRADIUS 1 m
            (empty array)
            "#,
        );
    }

    #[test]
    fn mistakes() {
        check(
            r#"
            > GEOADD g 1 1 a
            (integer) 1
            > GEOSEARCH g FROMMEMBER none BYRADIUS 1 m
            (error) ERR could not decode requested zset member
            > GEOSEARCH g FROMLONLAT 1 1 FROMMEMBER a BYRADIUS 1 m
            (error) ERR syntax error
            > GEOSEARCH g BYRADIUS 1 m BYBOX 1 1 m ASC
            (error) ERR syntax error
            > GEOSEARCH g FROMMEMBER a ASC DESC WITHDIST WITHHASH
            (error) ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH
            > GEOSEARCH g BYRADIUS 1 m ASC DESC WITHDIST
            (error) ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
            > GEOSEARCH g FROMMEMBER a BYRADIUS -1 m
            (error) ERR radius cannot be negative
            > GEOSEARCH g FROMMEMBER a BYRADIUS x m
            (error) ERR need numeric radius
            > GEOSEARCH g FROMMEMBER a BYBOX 1 -1 m
            (error) ERR height or width cannot be negative
            > GEOSEARCH g FROMMEMBER a BYRADIUS 1 m ANY
            (error) ERR the ANY argument requires COUNT argument
            > GEOSEARCH g FROMMEMBER a BYRADIUS 1 m COUNT 0
            (error) ERR COUNT must be > 0
            > GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1 m WITHDIST
            (error) ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options
            "#,
        );
    }
}
