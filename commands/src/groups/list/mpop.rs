//! LMPOP and BLMPOP.

use commands_macros::command;
use keyspace::list::End;

use super::pop::pop_some;
use super::{Place, limits};
use crate::args::Choice;
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Otherwise, Result};
use crate::waiting::{CountedKeys, PopCount, Timeout};

/// Takes elements off one end of the first list that there is.
#[command(
    "LMPOP",
    since = "7.0.0",
    complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    flags(WRITE | MOVABLEKEYS),
    keys(KeySpec::counted(1, RW | ACCESS | DELETE))
)]
pub(crate) fn lmpop(
    ctx: &mut Ctx,
    keys: CountedKeys,
    r#where: Choice<Place>,
    #[arg(token = "COUNT")] count: Option<PopCount>,
) -> Result<()> {
    if !mpop(ctx, keys, r#where.0, count)? {
        ctx.out.null_array();
    }
    Ok(())
}

/// Takes elements off one end of the first list that there is, and waits for one when there is none.
#[command(
    "BLMPOP",
    since = "7.0.0",
    complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    flags(WRITE | BLOCKING | MOVABLEKEYS),
    keys(KeySpec::counted(2, RW | ACCESS | DELETE))
)]
pub(crate) fn blmpop(
    ctx: &mut Ctx,
    timeout: Timeout,
    keys: CountedKeys,
    r#where: Choice<Place>,
    #[arg(token = "COUNT")] count: Option<PopCount>,
) -> Result<()> {
    let wait = timeout.wait(ctx.now_ms(), Otherwise::NullArray)?;
    if mpop(ctx, keys, r#where.0, count)? { Ok(()) } else { Err(wait) }
}

fn mpop(ctx: &mut Ctx, keys: CountedKeys, place: Place, count: Option<PopCount>) -> Result<bool> {
    let count = count.map_or(1, |count| count.0);
    for key in keys.0.keys() {
        if ctx.keys.list_for_write(&key, limits(ctx.node))?.is_empty() {
            continue;
        }
        ctx.out.array(2);
        ctx.out.bulk(key.bytes);
        let popped = pop_some(ctx, &key, count, place.end())?;
        let name = if place.end() == End::Front { "LPOP" } else { "RPOP" };
        effect!(ctx, name, key.bytes, popped);
        return Ok(true);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn mpop() {
        check(
            r#"
            > RPUSH l a b c
            (integer) 3
            > LMPOP 2 nothing l RIGHT COUNT 2
            1) "l"
            2) 1) "c"
               2) "b"
            > LMPOP 3 l LEFT
            (error) ERR syntax error
            > LMPOP 1 l LEFT COUNT 1 COUNT 1
            (error) ERR syntax error
            > LMPOP 1 l LEFT COUNT 0
            (error) ERR count should be greater than 0
            > BLMPOP -1 0 l LEFT
            (error) ERR numkeys should be greater than 0
            > BLMPOP -1 1 l LEFT
            (error) ERR timeout is negative
            > BLMPOP 0 1 l LEFT
            1) "l"
            2) 1) "a"
            > LMPOP 1 l LEFT
            (nil)
            "#,
        );
    }
}
