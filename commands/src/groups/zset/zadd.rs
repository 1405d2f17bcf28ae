//! ZADD and ZINCRBY.

use commands_macros::{Args as Options, command};
use keyspace::change::Event;
use keyspace::keys::Key;
use keyspace::zset::{Put, ZsetMut};
use smallvec::SmallVec;

use super::{limits, modified, zset_event};
use crate::args::{Arg, Args, OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

pub(in crate::groups) const ZADD_EVENT: Event = zset_event("zadd");
const ZINCR_EVENT: Event = zset_event("zincr");
const NOT_A_NUMBER: Error = Error::Plain("ERR resulting score is not a number (NaN)");

/// The tokens between key and scores.
#[derive(Clone, Copy, Default)]
struct How {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    change: bool,
    increment: bool,
}

#[derive(Options)]
enum Condition {
    Nx,
    Xx,
}

#[derive(Options)]
enum Comparison {
    Gt,
    Lt,
}

/// The argument tree of ZADD; the handler reads the words itself, because contradictions have errors of their own.
const ZADD_ARGS: [ArgDoc; 6] = [
    <Key as Arg>::DOC.named("key"),
    ArgDoc::one_of("condition", Condition::DOCS).since("3.0.2").optional(),
    ArgDoc::one_of("comparison", Comparison::DOCS).since("6.2.0").optional(),
    ArgDoc::token_only("change").token("CH").since("3.0.2").optional(),
    ArgDoc::token_only("increment").token("INCR").since("3.0.2").optional(),
    ArgDoc::block("data", &[ArgDoc::new("score", ArgType::Double), ArgDoc::new("member", ArgType::String)]).multiple(),
];

impl How {
    /// Takes the tokens; the scores begin at the first word that is none.
    fn take(args: &mut Args) -> Result<Self> {
        let mut how = Self::default();
        loop {
            // A score begins with none of these letters, and so mostly ends the search at once.
            let flag = match args.peek().and_then(<[u8]>::first) {
                Some(b'n' | b'N') if args.take_token("NX") => &mut how.nx,
                Some(b'x' | b'X') if args.take_token("XX") => &mut how.xx,
                Some(b'c' | b'C') if args.take_token("CH") => &mut how.change,
                Some(b'i' | b'I') if args.take_token("INCR") => &mut how.increment,
                Some(b'g' | b'G') if args.take_token("GT") => &mut how.gt,
                Some(b'l' | b'L') if args.take_token("LT") => &mut how.lt,
                _ => return how.checked(args.len()),
            };
            *flag = true;
        }
    }

    fn checked(self, words: usize) -> Result<Self> {
        if words == 0 || !words.is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        if self.nx && self.xx {
            return Err(Error::Plain("ERR XX and NX options at the same time are not compatible"));
        }
        if (self.gt && self.lt) || (self.nx && (self.gt || self.lt)) {
            return Err(Error::Plain("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.increment && words > 2 {
            return Err(Error::Plain("ERR INCR option supports a single increment-element pair"));
        }
        Ok(self)
    }

    /// Whether any score is written as it stands.
    fn is_plain(self) -> bool {
        !(self.nx || self.xx || self.gt || self.lt)
    }

    /// The score that a member with the score `old` shall have, if it is to change.
    fn admits(self, old: Option<f64>, new: f64) -> Option<f64> {
        let keeps = match old {
            None => self.xx,
            Some(old) => self.nx || (self.gt && new <= old) || (self.lt && new >= old),
        };
        (!keeps).then_some(new)
    }
}

/// What was done to the members of one command.
#[derive(Default)]
struct Done {
    added: usize,
    updated: usize,
}

impl Done {
    fn count(&mut self, put: Put) {
        match put {
            Put::Added => self.added += 1,
            Put::Updated(_) => self.updated += 1,
            Put::Same | Put::Declined => {}
        }
    }
}

/// Adds members with their scores to a sorted set, or changes the scores of those that it has.
#[command(
    "ZADD",
    since = "1.2.0",
    complexity = "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | UPDATE)),
    args(
        ZADD_ARGS[0],
        ZADD_ARGS[1],
        ZADD_ARGS[2],
        ZADD_ARGS[3],
        ZADD_ARGS[4],
        ZADD_ARGS[5]
    )
)]
pub(crate) fn zadd(ctx: &mut Ctx, key: Key, data: Rest) -> Result<()> {
    let Rest(mut data) = data;
    let how = How::take(&mut data)?;
    let pairs = data.len() / 2;
    let mut words = data.iter();
    let mut scores: SmallVec<[f64; 8]> = SmallVec::with_capacity(pairs);
    // All scores are read before the first one is written.
    while let (Some(score), Some(_)) = (words.next(), words.next()) {
        scores.push(base::number::parse_f64(score).ok_or(Error::NotAFloat)?);
    }
    let limits = limits(ctx.node);
    let mut set = ctx.keys.zset_for_write(&key, limits)?;
    if how.increment {
        let score = increment(&mut set, how, data.get(1).unwrap_or_default(), scores[0])?;
        return finish_increment(ctx, &key, score);
    }
    if set.is_empty() && how.xx {
        ctx.out.int(0);
        return Ok(());
    }
    set.announce(pairs);
    let mut done = Done::default();
    let members = data.iter().skip(1).step_by(2);
    if how.is_plain() {
        members.zip(&scores).for_each(|(member, &score)| done.count(set.put(member, score)));
    } else {
        members.zip(&scores).for_each(|(member, &score)| {
            done.count(set.put_with(member, |old| how.admits(old, score)));
        });
    }
    let changes = done.added + done.updated;
    if changes > 0 {
        modified(ctx, &key, ZADD_EVENT, changes, false);
    }
    ctx.out.int(if how.change { changes } else { done.added } as i64);
    Ok(())
}

/// Adds to the score of a member of a sorted set, which begins at 0 where there is none.
#[command(
    "ZINCRBY",
    since = "1.2.0",
    complexity = "O(log(N)) where N is the number of elements in the sorted set.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE)),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::new("increment", ArgType::Integer),
        ArgDoc::new("member", ArgType::String)
    )
)]
pub(crate) fn zincrby(ctx: &mut Ctx, key: Key, by: f64, member: &[u8]) -> Result<()> {
    let limits = limits(ctx.node);
    let mut set = ctx.keys.zset_for_write(&key, limits)?;
    let score = increment(&mut set, How::default(), member, by)?;
    finish_increment(ctx, &key, score)
}

/// The new score, unless the options forbid it, and what was done.
fn increment(set: &mut ZsetMut, how: How, member: &[u8], by: f64) -> Result<Option<(f64, Put)>> {
    let (mut answer, mut is_nan) = (None, false);
    let put = set.put_with(member, |old| {
        if old.map_or(how.xx, |_| how.nx) {
            return None;
        }
        let new = old.map_or(by, |old| old + by);
        is_nan = new.is_nan();
        let new = if is_nan { None } else { how.admits(old, new) };
        answer = new;
        new
    });
    if is_nan { Err(NOT_A_NUMBER) } else { Ok(answer.map(|score| (score, put))) }
}

fn finish_increment(ctx: &mut Ctx, key: &Key, score: Option<(f64, Put)>) -> Result<()> {
    let Some((score, put)) = score else {
        ctx.out.null();
        return Ok(());
    };
    if matches!(put, Put::Added | Put::Updated(_)) {
        modified(ctx, key, ZINCR_EVENT, 1, false);
    }
    ctx.out.double(score);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn options() {
        check(
            r#"
            > ZADD z 1 a 2 b
            (integer) 2
            > ZADD z CH NX 9 a 3 c
            (integer) 1
            > ZADD z CH XX 9 a 3 d
            (integer) 1
            > ZADD z GT CH 1 a 10 b 5 e
            (integer) 2
            > ZADD z LT CH 1 a 11 b
            (integer) 1
            > ZADD z INCR 1.5 a
            "2.5"
            > ZADD z NX INCR 1 a
            (nil)
            > ZADD z GT INCR -1 a
            (nil)
            > ZADD none XX INCR 1 a
            (nil)
            > ZADD none XX 1 a
            (integer) 0
            > EXISTS none
            (integer) 0
            > ZRANGE z 0 -1 WITHSCORES
            1) "a"
            2) "2.5"
            3) "c"
            4) "3"
            5) "e"
            6) "5"
            7) "b"
            8) "10"
            "#,
        );
    }

    #[test]
    fn errors_come_in_order() {
        check(
            r#"
            > SET s v
            OK
            > ZADD s 1
            (error) ERR wrong number of arguments for 'zadd' command
            > ZADD s NX XX
            (error) ERR syntax error
            > ZADD s 1 a 2
            (error) ERR syntax error
            > ZADD s NX XX 1 a
            (error) ERR XX and NX options at the same time are not compatible
            > ZADD s GT NX 1 a
            (error) ERR GT, LT, and/or NX options at the same time are not compatible
            > ZADD s GT LT 1 a
            (error) ERR GT, LT, and/or NX options at the same time are not compatible
            > ZADD s INCR 1 a 2 b
            (error) ERR INCR option supports a single increment-element pair
            > ZADD s 1 a x b
            (error) ERR value is not a valid float
            > ZADD s nan a
            (error) ERR value is not a valid float
            > ZADD s 1 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZINCRBY s x a
            (error) ERR value is not a valid float
            > ZINCRBY s 1 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZINCRBY z inf a
            "inf"
            > ZINCRBY z -inf a
            (error) ERR resulting score is not a number (NaN)
            > ZADD z INCR -inf a
            (error) ERR resulting score is not a number (NaN)
            "#,
        );
    }

    #[test]
    fn sets_grow_into_the_large_form() {
        check(
            r#"
            > ZADD z 1 short
            (integer) 1
            > OBJECT ENCODING z
            "listpack"
            > ZADD z 2 a-member-that-is-longer-than-the-sixty-four-bytes-of-the-small-form
            (integer) 1
            > OBJECT ENCODING z
            "skiplist"
            > ZREM z a-member-that-is-longer-than-the-sixty-four-bytes-of-the-small-form
            (integer) 1
            > OBJECT ENCODING z
            "skiplist"
            > ZINCRBY z 0.5 short
            "1.5"
            > ZADD z 1.5 short
            (integer) 0
            > ZADD z CH 4 short
            (integer) 1
            > ZSCORE z short
            "4"
            "#,
        );
    }
}
