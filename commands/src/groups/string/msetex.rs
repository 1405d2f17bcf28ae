//! MSETEX.

use commands_macros::{Args, command};
use keyspace::keys::Key;
use keyspace::packed::IntText;

use super::SET_EVENT;
use super::set::EXPIRE_EVENT;
use crate::args::{Arg, Many, OneOf, Options, Pair, Rest, Value};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::expiration::{Expiration, KeepTtl};
use crate::spec::{ArgDoc, ArgType};

type Data<'a> = Many<'a, Pair<Key<'a>, Value<'a>>>;

#[derive(Args, Default)]
struct MsetexOptions<'a> {
    condition: Option<Condition>,
    expiration: Option<Expiration<'a, KeepTtl>>,
}

#[derive(Args, Clone, Copy, PartialEq)]
enum Condition {
    Nx,
    Xx,
}

/// Sets several keys at once, with one time to live for all of them; answers whether it did.
#[command(
    "MSETEX",
    since = "8.4.0",
    complexity = "O(N) where N is the number of keys to set.",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(KeySpec::counted_by(1, 2, OW | UPDATE)),
    tips("request_policy:multi_shard", "response_policy:all_succeeded"),
    arity(-4),
    args(
        ArgDoc::new("numkeys", ArgType::Integer),
        <Many<Pair<Key, Value>> as Arg>::DOC,
        ArgDoc::one_of("condition", <Condition as OneOf>::DOCS).optional(),
        ArgDoc::one_of("expiration", <Expiration<KeepTtl> as OneOf>::DOCS).optional()
    )
)]
pub(crate) fn msetex(ctx: &mut Ctx, words: Rest) -> Result<bool> {
    let Rest(mut words) = words;
    let numkeys = words.word()?;
    let count = base::number::parse_i64(numkeys).and_then(|count| i32::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or(Error::Plain("ERR invalid numkeys value"))?;
    let data = usize::try_from(count).ok().and_then(|count| words.take_first(count.checked_mul(2)?).ok());
    let mut data = data.ok_or(Error::Plain("ERR wrong number of key-value pairs"))?;
    let data: Data = Many::take(&mut data)?;
    let how = MsetexOptions::take(&mut words)?;
    let now_ms = ctx.now_ms();
    let deadline_ms = how.expiration.map_or(Ok(None), |expiration| expiration.deadline_ms(now_ms, "msetex"))?;
    if let Some(condition) = how.condition {
        for pair in data.iter() {
            if ctx.keys.exists(&pair?.0) != (condition == Condition::Xx) {
                return Ok(false);
            }
        }
    }
    set_all(ctx, &data, deadline_ms, matches!(how.expiration, Some(Expiration::Own(KeepTtl))))?;
    if let (Some(Expiration::Ex(_) | Expiration::Px(_) | Expiration::ExAt(_)), Some(deadline_ms)) =
        (how.expiration, deadline_ms)
    {
        // Not when: it was asked for in time that passes.
        let mut text = IntText::default();
        let until = ["PXAT".as_bytes(), text.spell(deadline_ms)];
        ctx.say_with("MSETEX", std::iter::once(numkeys).chain(data.words().iter()).chain(until));
    }
    Ok(true)
}

fn set_all(ctx: &mut Ctx, data: &Data, deadline_ms: Option<i64>, keeps: bool) -> Result<()> {
    for pair in data.iter() {
        let Pair(key, Value(value)) = pair?;
        let mut deadline_ms = deadline_ms;
        if keeps && let Some(slot) = ctx.keys.find_untouched(&key) {
            deadline_ms = ctx.keys.entry(&key, slot).deadline_ms();
        }
        ctx.keys.set_string(&key, value, deadline_ms);
        ctx.keys.changed(&key, SET_EVENT);
        if deadline_ms.is_some() && !keeps {
            ctx.keys.event(&key, EXPIRE_EVENT);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn all_or_nothing() {
        check(
            r#"
            > MSETEX 2 a 1 b 2 NX EX 10
            (integer) 1
            > TTL b
            (integer) 10
            > MSETEX 2 b 1 c 2 NX
            (integer) 0
            > MSETEX 2 b 1 c 2 XX
            (integer) 0
            > MSETEX 2 a 3 b 4 KEEPTTL XX
            (integer) 1
            > MGET a b c
            1) "3"
            2) "4"
            3) (nil)
            > TTL a
            (integer) 10
            > MSETEX 1 a 5
            (integer) 1
            > TTL a
            (integer) -1
            > MSETEX a 1 EX 10
            (error) ERR invalid numkeys value
            > MSETEX 2 a 1 b
            (error) ERR wrong number of key-value pairs
            > MSETEX 2147483647 a 1
            (error) ERR wrong number of key-value pairs
            > MSETEX 2147483648 a 1
            (error) ERR invalid numkeys value
            > MSETEX 1 a 1 NX XX
            (error) ERR syntax error
            > MSETEX 1 a 1 EX 0
            (error) ERR invalid expire time in 'msetex' command
            "#,
        );
    }
}
