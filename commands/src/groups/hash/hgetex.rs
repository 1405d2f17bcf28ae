//! HGETEX.

use commands_macros::command;
use keyspace::hash::HashMut;
use keyspace::keys::Key;
use keyspace::packed::IntText;

use super::deadline::of_expiration;
use super::expired::{announce_end, purge};
use super::{DELETE_EVENT, EXPIRE_EVENT, PERSIST_EVENT, fields, limits};
use crate::args::{self, Arg, OneOf, Rest};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::expiration::{Expiration, OwnToken, Persist};
use crate::reply;
use crate::spec::ArgDoc;

/// What becomes of the fields' deadlines.
#[derive(Clone, Copy)]
enum Change {
    /// Nothing.
    None,
    /// They go.
    Clear,
    /// They are this one.
    At(i64),
    /// The fields go: the time is over.
    Remove(i64),
}

impl Change {
    fn take(words: &mut args::Args<'_>, now_ms: i64) -> Result<Self> {
        let Some(expiration) = Expiration::<Persist>::take_if(words)? else { return Ok(Self::None) };
        let Some(deadline_ms) = of_expiration("hgetex", expiration, now_ms)? else { return Ok(Self::Clear) };
        Ok(if deadline_ms <= now_ms { Self::Remove(deadline_ms) } else { Self::At(deadline_ms) })
    }

    /// Whether the field changed.
    fn apply(self, hash: &mut HashMut<'_, '_>, field: &[u8], has_deadline: bool) -> bool {
        match self {
            Self::None => false,
            Self::Clear => has_deadline && hash.set_deadline(field, None),
            Self::At(deadline_ms) => hash.set_deadline(field, Some(deadline_ms)),
            Self::Remove(deadline_ms) => hash.set_deadline(field, Some(deadline_ms)) && hash.take_expired(field),
        }
    }

    /// The change in words of its own.
    fn say(self, ctx: &mut Ctx, key: &Key, names: args::Args<'_>) {
        let (mut deadline, mut count) = (IntText::default(), IntText::default());
        let fields = [&b"FIELDS"[..], count.spell(names.len() as i64)].into_iter().chain(names.iter());
        match self {
            Self::None => {}
            Self::Clear => ctx.say_with("HPERSIST", std::iter::once(key.bytes).chain(fields)),
            Self::At(deadline_ms) => {
                let head = [key.bytes, deadline.spell(deadline_ms)].into_iter();
                ctx.say_with("HPEXPIREAT", head.chain(fields));
            }
            // Going, each field said so itself.
            Self::Remove(_) => ctx.no_words(),
        }
    }

    fn announce(self, hash: &mut HashMut<'_, '_>, count: usize) {
        match self {
            Self::None => {}
            Self::Clear => hash.changed(PERSIST_EVENT, count),
            Self::At(_) => hash.changed(EXPIRE_EVENT, count),
            Self::Remove(_) => {
                hash.changed(DELETE_EVENT, count);
                announce_end(hash);
            }
        }
    }
}

/// Answers the values of fields of a hash, and may set or clear their deadlines.
#[command(
    "HGETEX",
    since = "8.0.0",
    complexity = "O(N) where N is the number of specified fields",
    flags(WRITE | FAST),
    keys(KeySpec::one(1, RW | ACCESS | UPDATE).notes("RW and UPDATE because it changes the TTL")),
    args(<Key as Arg>::DOC.named("key"), ArgDoc::one_of("expiration", Persist::DOCS).optional(), fields::DOC)
)]
pub(crate) fn hgetex(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let (limits, now_ms) = (limits(ctx), ctx.now_ms());
    let mut hash = ctx.keys.hash_for_write(&key, limits)?;
    let mut words = words.0;
    let change = Change::take(&mut words, now_ms)?;
    let names = fields::read(words, fields::NOT_POSITIVE)?;
    purge(&mut hash, names.iter());
    if !matches!(change, Change::None) {
        hash.expect_deadlines();
    }
    let mut changed = 0;
    ctx.out.array(names.len());
    for name in names.iter() {
        let Some((value, deadline_ms)) = hash.find(name) else {
            ctx.out.null();
            continue;
        };
        reply::element(ctx.out, value);
        changed += usize::from(change.apply(&mut hash, name, deadline_ms.is_some()));
    }
    if changed > 0 {
        change.announce(&mut hash, changed);
        change.say(ctx, &key, names);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn values_and_new_deadlines() {
        check(
            r#"
            > HSET h a 1 b 2 c 3
            (integer) 3
            > HGETEX h FIELDS 2 a x
            1) "1"
            2) (nil)
            > HGETEX h EX 100 FIELDS 2 a b
            1) "1"
            2) "2"
            > HTTL h FIELDS 3 a b c
            1) (integer) 100
            2) (integer) 100
            3) (integer) -1
            > HGETEX h persist fields 1 a
            1) "1"
            > HPTTL h FIELDS 1 a
            1) (integer) -1
            > HGETEX h PXAT 70368744177663 FIELDS 1 a
            1) "1"
            > HPEXPIRETIME h FIELDS 1 a
            1) (integer) 70368744177663
            > HGETEX h PX 10 FIELDS 1 b
            1) "2"
            + 10ms
            > HGETEX h FIELDS 1 b
            1) (nil)
            > HLEN h
            (integer) 2
            > HGETEX h EXAT 1 FIELDS 2 a c
            1) "1"
            2) "3"
            > HLEN h
            (integer) 0
            > HGETEX h EX 10 FIELDS 1 a
            1) (nil)
            "#,
        );
    }

    #[test]
    fn errors_in_their_order() {
        check(
            r#"
            > HGETEX h EX x FOO 1 a
            (error) ERR value is not an integer or out of range
            > HGETEX h EX -1 FOO 1 a
            (error) ERR invalid expire time, must be >= 0
            > HGETEX h PX 70368744177664 FOO 1 a
            (error) ERR invalid expire time in 'hgetex' command
            > HGETEX h EX 9223372036854775807 FOO 1 a
            (error) ERR invalid expire time in 'hgetex' command
            > HGETEX h EX 10 FIELDS
            (error) ERR wrong number of arguments for 'hgetex' command
            > HGETEX h EX 10 PERSIST FIELDS 1 a
            (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HGETEX h EX 10 FIELDS 0 a
            (error) ERR Number of fields must be a positive integer
            > HGETEX h FIELDS 1 a EX 10
            (error) ERR The `numfields` parameter must match the number of arguments
            > SET k v
            OK
            > HGETEX k EX x FOO 1 a
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
