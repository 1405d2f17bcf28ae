//! What all searches by place share: the words, the walk over the cells that cover the area, and the answers.

use commands_macros::Args as Options;
use keyspace::keys::Key;
use keyspace::packed::Element;
use keyspace::zset::{ScoreBound, SortedSet, ZsetRef};
use resp::Writer;

use super::area::{Area, Shape};
use super::cell::Place;
use super::words::{Unit, length, place, write_distance, write_place};
use crate::args::{Args, OneOf};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::groups::zset;
use crate::spec::{ArgDoc, ArgType};

#[derive(Options, Clone, Copy, PartialEq)]
enum Order {
    Asc,
    Desc,
}

pub(super) const ORDER: ArgDoc = ArgDoc::one_of("order", Order::DOCS).optional();
pub(super) const COUNT: ArgDoc = ArgDoc::new("count", ArgType::Integer).token("COUNT");
pub(super) const ANY: ArgDoc = ArgDoc::token_only("any").token("ANY").optional();
pub(super) const WITH: [ArgDoc; 3] = [
    ArgDoc::token_only("withcoord").token("WITHCOORD").optional(),
    ArgDoc::token_only("withdist").token("WITHDIST").optional(),
    ArgDoc::token_only("withhash").token("WITHHASH").optional(),
];

/// Which words a command takes.
#[derive(Clone, Copy)]
pub(super) struct Grammar {
    /// FROMMEMBER, FROMLONLAT, BYRADIUS and BYBOX (GEOSEARCH); else the area stands before the options.
    pub(super) names_area: bool,
    /// STORE and STOREDIST with a key (GEORADIUS).
    pub(super) names_store: bool,
    /// The result is stored in any case, and STOREDIST is a flag (GEOSEARCHSTORE).
    pub(super) stores: bool,
}

/// What a search was asked for.
#[derive(Default)]
pub(super) struct Query<'a> {
    from: Option<From<'a>>,
    by: Option<(Shape, f64)>,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    count: usize,
    any: bool,
    order: Option<Order>,
    pub(super) destination: Option<Key<'a>>,
    store_distance: bool,
    store_event: &'static str,
}

pub(super) const NO_MEMBER: Error = Error::Plain("ERR could not decode requested zset member");

/// Where the middle is.
pub(super) enum From<'a> {
    Place(Place),
    Member(&'a [u8]),
}

/// A member in the area.
struct Hit<'a> {
    member: Element<'a>,
    score: f64,
    place: Place,
    distance_m: f64,
}

impl<'a> Query<'a> {
    /// A circle whose middle is known, as GEORADIUS begins.
    pub(super) fn around(from: From<'a>, words: &mut Args<'a>) -> Result<Self> {
        let by = Some(circle(words)?);
        Ok(Self { from: Some(from), by, ..Self::default() })
    }

    /// A circle around a member of nothing.
    pub(super) fn nowhere(member: &'a [u8]) -> Self {
        let by = Some((Shape::Circle { radius_m: 0.0 }, 1.0));
        Self { from: Some(From::Member(member)), by, ..Self::default() }
    }

    /// Reads the words of GEOSEARCH. Of all that is wrong with them a member that is not there is told first.
    pub(super) fn words(&mut self, ctx: &mut Ctx, source: &Key, words: &mut Args<'a>, grammar: Grammar) -> Result<()> {
        ctx.keys.zset(source)?;
        let read = self.options(ctx, words, grammar);
        if let Some(From::Member(member)) = self.from
            && ctx.keys.zset(source)?.is_some_and(|set| set.score(member).is_none())
        {
            return Err(NO_MEMBER);
        }
        read
    }

    /// Reads the options behind.
    pub(super) fn options(&mut self, ctx: &Ctx, words: &mut Args<'a>, grammar: Grammar) -> Result<()> {
        while !words.is_empty() {
            let left = words.len() - 1;
            if words.take_token("WITHDIST") {
                self.with_distance = true;
            } else if words.take_token("WITHHASH") {
                self.with_hash = true;
            } else if words.take_token("WITHCOORD") {
                self.with_place = true;
            } else if words.take_token("ANY") {
                self.any = true;
            } else if let Some(order) = Order::take_if(words)? {
                self.order = Some(order);
            } else if left >= 1 && words.take_token("COUNT") {
                let count = base::number::parse_i64(words.word()?).ok_or(Error::NotAnInteger)?;
                let count = usize::try_from(count).ok().filter(|&count| count > 0);
                self.count = count.ok_or(Error::Plain("ERR COUNT must be > 0"))?;
            } else if grammar.names_store && left >= 1 && words.take_token("STORE") {
                (self.destination, self.store_distance) = (Some(words.key()?), false);
            } else if grammar.names_store && left >= 1 && words.take_token("STOREDIST") {
                (self.destination, self.store_distance) = (Some(words.key()?), true);
            } else if grammar.stores && words.take_token("STOREDIST") {
                self.store_distance = true;
            } else if !(grammar.names_area && self.area_word(words, left)?) {
                return Err(Error::Syntax);
            }
        }
        self.store_event = if grammar.stores { "geosearchstore" } else { "georadiusstore" };
        self.check(ctx, grammar)
    }

    /// Takes one of the words that name an area; false when there is none.
    fn area_word(&mut self, words: &mut Args<'a>, left: usize) -> Result<bool> {
        if self.from.is_none() && left >= 1 && words.take_token("FROMMEMBER") {
            self.from = Some(From::Member(words.word()?));
        } else if self.from.is_none() && left >= 2 && words.take_token("FROMLONLAT") {
            self.from = Some(From::Place(place(words)?));
        } else if self.by.is_none() && left >= 2 && words.take_token("BYRADIUS") {
            self.by = Some(circle(words)?);
        } else if self.by.is_none() && left >= 3 && words.take_token("BYBOX") {
            let width = length(words, "ERR need numeric width")?;
            let height = length(words, "ERR need numeric height")?;
            if height < 0.0 || width < 0.0 {
                return Err(Error::Plain("ERR height or width cannot be negative"));
            }
            let metres = Unit::take(words)?.metres();
            self.by = Some((Shape::Box { width_m: width * metres, height_m: height * metres }, metres));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn check(&mut self, ctx: &Ctx, grammar: Grammar) -> Result<()> {
        let stores = self.destination.is_some() || grammar.stores;
        if stores && (self.with_distance || self.with_hash || self.with_place) {
            let who = if grammar.stores { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::text(format!(
                "ERR {who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let name = || String::from_utf8_lossy(ctx.request.word(0).unwrap_or_default()).into_owned();
        if self.from.is_none() {
            return Err(Error::text(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}",
                name()
            )));
        }
        if self.by.is_none() {
            return Err(Error::text(format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", name())));
        }
        if self.any && self.count == 0 {
            return Err(Error::Plain("ERR the ANY argument requires COUNT argument"));
        }
        if self.count > 0 && !self.any {
            // The nearest ones are meant.
            self.order = self.order.or(Some(Order::Asc));
        }
        Ok(())
    }

    /// Searches, and answers or stores what was found.
    pub(super) fn run(&self, ctx: &mut Ctx, source: &Key) -> Result<()> {
        let seed = ctx.random_below(u64::MAX);
        let hits = match ctx.keys.zset(source)? {
            Some(set) => self.search(set)?,
            None => Vec::new(),
        };
        if let Some(destination) = &self.destination {
            let set = self.collect(&hits, seed);
            let stored = zset::store(ctx, destination, set, self.store_event);
            ctx.out.int(stored as i64);
        } else {
            self.answer(ctx.out, &hits);
        }
        Ok(())
    }

    fn search<'s>(&self, set: ZsetRef<'s>) -> Result<Vec<Hit<'s>>> {
        let (Some(from), Some((shape, _))) = (&self.from, self.by) else { return Err(Error::Syntax) };
        let middle = match from {
            From::Place(place) => *place,
            From::Member(member) => set.score(member).map(Place::of_score).ok_or(NO_MEMBER)?,
        };
        let area = Area::new(middle, shape);
        let enough = if self.any { self.count } else { usize::MAX };
        let mut hits = Vec::new();
        for cell in area.cells() {
            let (first, end) = cell.scores();
            let ranks = set.ranks_by_score(ScoreBound::inclusive(first), ScoreBound::exclusive(end));
            // In pieces, so that ANY need not walk a cell to its end.
            for start in ranks.clone().step_by(PIECE) {
                if hits.len() >= enough {
                    break;
                }
                set.for_each_in(start..ranks.end.min(start + PIECE), false, |member, score| {
                    let place = Place::of_score(score);
                    if let Some(distance_m) = area.distance_m(place).filter(|_| hits.len() < enough) {
                        hits.push(Hit { member, score, place, distance_m });
                    }
                });
            }
        }
        match self.order {
            Some(Order::Asc) => hits.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m)),
            Some(Order::Desc) => hits.sort_by(|a, b| b.distance_m.total_cmp(&a.distance_m)),
            None => {}
        }
        if self.count > 0 {
            hits.truncate(self.count);
        }
        Ok(hits)
    }

    fn metres(&self) -> f64 {
        self.by.map_or(1.0, |(_, metres)| metres)
    }

    fn answer(&self, out: &mut Writer, hits: &[Hit]) {
        let metres = self.metres();
        let parts = [self.with_distance, self.with_hash, self.with_place].iter().filter(|with| **with).count();
        out.array(hits.len());
        for hit in hits {
            if parts > 0 {
                out.array(1 + parts);
            }
            zset::write_member(out, hit.member);
            if self.with_distance {
                write_distance(out, hit.distance_m / metres);
            }
            if self.with_hash {
                out.int(hit.score as i64);
            }
            if self.with_place {
                write_place(out, hit.place);
            }
        }
    }

    fn collect(&self, hits: &[Hit], seed: u64) -> SortedSet {
        let (metres, mut set, mut text) = (self.metres(), SortedSet::new(seed), Vec::new());
        for hit in hits {
            text.clear();
            hit.member.write_to(&mut text);
            set.put(&text, if self.store_distance { hit.distance_m / metres } else { hit.score });
        }
        set
    }
}

/// Members looked at in one go.
const PIECE: usize = 256;

fn circle(words: &mut Args) -> Result<(Shape, f64)> {
    let radius = length(words, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(Error::Plain("ERR radius cannot be negative"));
    }
    let metres = Unit::take(words)?.metres();
    Ok((Shape::Circle { radius_m: radius * metres }, metres))
}
