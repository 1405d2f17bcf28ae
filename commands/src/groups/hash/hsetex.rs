//! HSETEX.

use commands_macros::{Args, command};
use keyspace::change::Event;
use keyspace::hash::{Deadline, HashMut};
use keyspace::keys::Key;
use keyspace::packed::IntText;

use super::deadline::of_expiration;
use super::expired::{announce, announce_end};
use super::{DELETE_EVENT, EXPIRE_EVENT, Field, SET_EVENT, limits};
use crate::args::{self, Arg, Many, OneOf, Pair, Rest, Value};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::expiration::{Expiration, KEEP_TTL_DOCS, KeepTtl};
use crate::spec::{ArgDoc, ArgType};

#[derive(Args, Clone, Copy, PartialEq)]
enum Condition {
    Fnx,
    Fxx,
}

/// Of the key, as Valkey has it.
#[derive(Args, Clone, Copy, PartialEq)]
enum KeyCondition {
    #[arg(since = "9.1.0")]
    Nx,
    #[arg(since = "9.1.0")]
    Xx,
}

const FIELDS: ArgDoc = ArgDoc::block(
    "fields",
    &[ArgDoc::new("numfields", ArgType::Integer), <Many<Pair<Field, Value>>>::DOC.named("data")],
)
.token("FIELDS");

/// What the words ask for.
struct Request<'a> {
    condition: Option<Condition>,
    key_condition: Option<KeyCondition>,
    expiration: Option<Deadline>,
    /// Fields and values, in turn; not empty.
    pairs: args::Args<'a>,
}

impl<'a> Request<'a> {
    fn read(mut words: args::Args<'a>, now_ms: i64) -> Result<Self> {
        let (mut condition, mut key_condition, mut expiration) = (None, None, None);
        loop {
            if let Some(choice) = Condition::take_if(&mut words)? {
                if condition.replace(choice).is_some() {
                    return Err(Error::Plain("ERR Only one of FXX or FNX arguments can be specified"));
                }
                continue;
            }
            if let Some(choice) = KeyCondition::take_if(&mut words)? {
                if key_condition.replace(choice).is_some() {
                    return Err(Error::Syntax);
                }
                continue;
            }
            match Expiration::<KeepTtl>::take_if(&mut words) {
                Ok(None) => {}
                _ if expiration.is_some() => {
                    return Err(Error::Plain(
                        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                Ok(Some(choice)) => {
                    let deadline_ms = of_expiration("hsetex", choice, now_ms)?;
                    expiration = Some(deadline_ms.map_or(Deadline::Keep, Deadline::At));
                    continue;
                }
                Err(error) => return Err(error),
            }
            if words.take_token("FIELDS") {
                return Ok(Self { condition, key_condition, expiration, pairs: read_pairs(words)? });
            }
            let unknown = String::from_utf8_lossy(words.word()?);
            return Err(Error::text(format!("ERR unknown argument: {unknown}")));
        }
    }
}

fn read_pairs(mut words: args::Args<'_>) -> Result<args::Args<'_>> {
    let count = base::number::parse_i64(words.word()?).and_then(|count| i32::try_from(count).ok());
    let count = count.filter(|&count| count > 0).ok_or(Error::Plain("ERR invalid number of fields"))?;
    if words.len() == count as usize * 2 { Ok(words) } else { Err(Error::Arity) }
}

/// Sets fields of a hash together with their deadlines, all or none of them; answers whether it did.
#[command(
    "HSETEX",
    since = "8.0.0",
    complexity = "O(N) where N is the number of fields being set.",
    flags(WRITE | DENYOOM | FAST),
    keys(KeySpec::one(1, RW | UPDATE)),
    args(
        <Key as Arg>::DOC.named("key"),
        ArgDoc::one_of("key-condition", KeyCondition::DOCS).since("9.1.0").optional(),
        ArgDoc::one_of("condition", Condition::DOCS).optional(),
        ArgDoc::one_of("expiration", KEEP_TTL_DOCS).optional(),
        FIELDS
    )
)]
pub(crate) fn hsetex(ctx: &mut Ctx, key: Key, words: Rest) -> Result<bool> {
    let (limits, now_ms) = (limits(ctx), ctx.now_ms());
    let Request { condition, key_condition, expiration, pairs } = Request::read(words.0, now_ms)?;
    if let Some(condition) = key_condition
        && ctx.keys.hash(&key)?.is_some() == (condition == KeyCondition::Nx)
    {
        return Ok(false);
    }
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    if let Some(condition) = condition
        && !holds(&mut hash, condition, pairs)
    {
        return Ok(false);
    }
    let fields = || pairs.iter().step_by(2);
    hash.expect(fields().len());
    let deadline = expiration.unwrap_or(Deadline::Clear);
    for (field, value) in fields().zip(pairs.iter().skip(1).step_by(2)) {
        hash.set(field, value, deadline);
    }
    hash.changed(SET_EVENT, fields().len());
    if let Deadline::At(deadline_ms) = deadline {
        let has_passed = deadline_ms <= now_ms;
        if has_passed {
            for field in fields() {
                hash.take_expired(field);
            }
        }
        let event: Event = if has_passed { DELETE_EVENT } else { EXPIRE_EVENT };
        hash.event(event);
        announce_end(&mut hash);
        if has_passed {
            // Going, each field said so itself.
            ctx.no_words();
        } else {
            say_absolute(ctx, deadline_ms);
        }
    }
    Ok(true)
}

/// The request with its deadline as an absolute one.
fn say_absolute(ctx: &mut Ctx, deadline_ms: i64) {
    const TIMES: [&str; 3] = ["EX", "PX", "EXAT"];
    let (words, mut text) = (ctx.request.words(), IntText::default());
    let options = words.clone().skip(2).take_while(|word| !word.eq_ignore_ascii_case(b"FIELDS"));
    let is_time = |word: &[u8]| TIMES.iter().any(|time| word.eq_ignore_ascii_case(time.as_bytes()));
    let Some(at) = options.into_iter().position(is_time) else { return };
    let absolute = [&b"PXAT"[..], text.spell(deadline_ms)];
    let rest = words.clone().skip(at + 4);
    ctx.say_with("HSETEX", words.skip(1).take(at + 1).chain(absolute).chain(rest));
}

/// Whether all fields are (not) there. Expired ones that it comes upon go.
fn holds(hash: &mut HashMut<'_, '_>, condition: Condition, pairs: args::Args<'_>) -> bool {
    let mut expired = 0;
    let holds = pairs.iter().step_by(2).all(|field| {
        expired += usize::from(hash.take_expired(field));
        hash.contains(field) == (condition == Condition::Fxx)
    });
    announce(hash, expired);
    holds
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn all_or_none() {
        check(
            r#"
            > HSETEX h FXX FIELDS 1 a 1
            (integer) 0
            > HSETEX h FNX EX 100 FIELDS 2 a 1 b 2
            (integer) 1
            > HTTL h FIELDS 2 a b
            1) (integer) 100
            2) (integer) 100
            > HSETEX h FNX FIELDS 2 c 3 a 9
            (integer) 0
            > HSETEX h FXX FIELDS 2 a 9 c 3
            (integer) 0
            > HSETEX h KEEPTTL FXX FIELDS 1 a 9
            (integer) 1
            > HSETEX h FIELDS 1 b 8
            (integer) 1
            > HTTL h FIELDS 2 a b
            1) (integer) 100
            2) (integer) -1
            > HMGET h a b c
            1) "9"
            2) "8"
            3) (nil)
            "#,
        );
    }

    #[test]
    fn only_a_new_or_a_known_key() {
        check(
            r#"
            > HSETEX h XX FIELDS 1 a 1
            (integer) 0
            > EXISTS h
            (integer) 0
            > HSETEX h NX FIELDS 1 a 1
            (integer) 1
            > HSETEX h NX FIELDS 1 b 1
            (integer) 0
            > HSETEX h XX FNX FIELDS 1 b 1
            (integer) 1
            > HSETEX h NX XX FIELDS 1 b 1
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn times_that_are_over() {
        check(
            r#"
            > HSETEX h PXAT 0 FIELDS 2 a 1 b 2
            (integer) 1
            > HLEN h
            (integer) 0
            > HSETEX h PX 10 FIELDS 2 a 1 b 2
            (integer) 1
            + 10ms
            > HSETEX h FXX FIELDS 1 a 3
            (integer) 0
            > HLEN h
            (integer) 1
            > HSETEX h FNX FIELDS 1 b 3
            (integer) 1
            > HTTL h FIELDS 1 b
            1) (integer) -1
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            r#"
            > HSETEX h FNX FXX FIELDS 1 a 1
            (error) ERR Only one of FXX or FNX arguments can be specified
            > HSETEX h EX 10 PX x FIELDS 1 a 1
            (error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
            > HSETEX h EX x FOO 1 a 1
            (error) ERR value is not an integer or out of range
            > HSETEX h EX -1 FOO 1 a 1
            (error) ERR invalid expire time, must be >= 0
            > HSETEX h PXAT 70368744177664 FOO 1 a 1
            (error) ERR invalid expire time in 'hsetex' command
            > HSETEX h PERSIST FIELDS 1 a 1
            (error) ERR unknown argument: PERSIST
            > HSETEX h EX 10 FNX FIELDS
            (error) ERR wrong number of arguments for 'hsetex' command
            > HSETEX h FIELDS 2147483648 a 1
            (error) ERR invalid number of fields
            > HSETEX h FIELDS 0 a 1
            (error) ERR invalid number of fields
            > HSETEX h FIELDS 1 a 1 b
            (error) ERR wrong number of arguments for 'hsetex' command
            > SET k v
            OK
            > HSETEX k FIELDS 2 a 1
            (error) ERR wrong number of arguments for 'hsetex' command
            > HSETEX k FIELDS 1 a 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
