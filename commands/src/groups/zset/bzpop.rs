//! BZPOPMIN, BZPOPMAX and BZMPOP.

use commands_macros::command;

use super::zpop::{Shape, Where, pop, pop_first_of};
use crate::args::Choice;
use crate::ctx::Ctx;
use crate::effect::effect;
use crate::error::{Otherwise, Result};
use crate::waiting::{CountedKeys, LeadingKeys, PopCount, Timeout};

/// As ZPOPMIN, from the first of some sorted sets that is there; waits for one where none is.
#[command(
    "BZPOPMIN",
    since = "5.0.0",
    complexity = "O(log(N)) with N being the number of elements in the sorted set.",
    flags(WRITE | BLOCKING | FAST),
    keys(KeySpec::range(1, -2, 1, RW | ACCESS | DELETE))
)]
pub(crate) fn bzpopmin(ctx: &mut Ctx, key: LeadingKeys, timeout: Timeout) -> Result<()> {
    pop_one(ctx, key, timeout, Where::Min)
}

/// As ZPOPMAX, from the first of some sorted sets that is there; waits for one where none is.
#[command(
    "BZPOPMAX",
    since = "5.0.0",
    complexity = "O(log(N)) with N being the number of elements in the sorted set.",
    flags(WRITE | BLOCKING | FAST),
    keys(KeySpec::range(1, -2, 1, RW | ACCESS | DELETE))
)]
pub(crate) fn bzpopmax(ctx: &mut Ctx, key: LeadingKeys, timeout: Timeout) -> Result<()> {
    pop_one(ctx, key, timeout, Where::Max)
}

fn pop_one(ctx: &mut Ctx, keys: LeadingKeys, timeout: Timeout, side: Where) -> Result<()> {
    let wait = timeout.wait(ctx.now_ms(), Otherwise::NullArray)?;
    for key in keys.0.keys() {
        if pop(ctx, &key, side, 1, Shape::Triple(key.bytes))? > 0 {
            effect!(ctx, side.command(), key.bytes);
            return Ok(());
        }
    }
    Err(wait)
}

/// As ZMPOP; waits for a sorted set where none is there.
#[command(
    "BZMPOP",
    since = "7.0.0",
    complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
    flags(WRITE | BLOCKING | MOVABLEKEYS),
    keys(KeySpec::counted(2, RW | ACCESS | DELETE))
)]
pub(crate) fn bzmpop(
    ctx: &mut Ctx,
    timeout: Timeout,
    keys: CountedKeys,
    r#where: Choice<Where>,
    #[arg(token = "COUNT")] count: Option<PopCount>,
) -> Result<()> {
    let wait = timeout.wait(ctx.now_ms(), Otherwise::NullArray)?;
    if pop_first_of(ctx, keys, r#where.0, count)? { Ok(()) } else { Err(wait) }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_is_there_comes_at_once() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c
            (integer) 3
            > BZPOPMIN none z 0
            1) "z"
            2) "a"
            3) "1"
            > BZPOPMAX z 0.5
            1) "z"
            2) "c"
            3) "3"
            > BZMPOP 1 1 z MIN COUNT 5
            1) "z"
            2) 1) 1) "b"
                  2) "2"
            > BZPOPMIN z x
            (error) ERR timeout is not a float or out of range
            > BZPOPMIN z -1
            (error) ERR timeout is negative
            > BZPOPMIN z 1e300
            (error) ERR timeout is out of range
            > BZMPOP x 1 z MIN
            (error) ERR timeout is not a float or out of range
            > SET s v
            OK
            > BZPOPMIN none s 0
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
