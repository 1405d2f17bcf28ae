//! WAIT and WAITAOF: until what the client wrote is safe. There are no replicas to be safe on.

use commands_macros::command;

use crate::args::UnreadWord;
use crate::ctx::Ctx;
use crate::error::{Error, Otherwise, Result, Wait};
use crate::spec::{ArgDoc, ArgType};
use crate::waiting::until_ms;

const NUMREPLICAS: ArgDoc = ArgDoc::new("numreplicas", ArgType::Integer);
const TIMEOUT: ArgDoc = ArgDoc::new("timeout", ArgType::Integer);

/// Waits until so many replicas have what the client wrote, and answers how many have.
#[command(
    "WAIT",
    since = "3.0.0",
    complexity = "O(1)",
    flags(BLOCKING),
    categories(CONNECTION),
    tips("request_policy:all_shards", "response_policy:agg_min"),
    args(NUMREPLICAS, TIMEOUT)
)]
pub(crate) fn wait(ctx: &mut Ctx, numreplicas: i64, timeout: &[u8]) -> Result<()> {
    let until_ms = until_ms(timeout, ctx.now_ms())?;
    if numreplicas > 0 {
        return Err(Error::Wait(Wait { until_ms, otherwise: Otherwise::Replicas }));
    }
    ctx.out.int(0);
    Ok(())
}

/// Waits until the log on this server's disk, and those of so many replicas, have what the client wrote.
#[command(
    "WAITAOF",
    since = "7.2.0",
    complexity = "O(1)",
    flags(BLOCKING),
    categories(CONNECTION),
    tips("request_policy:all_shards", "response_policy:agg_min"),
    args(ArgDoc::new("numlocal", ArgType::Integer), NUMREPLICAS, TIMEOUT)
)]
pub(crate) fn waitaof(ctx: &mut Ctx, numlocal: i64, numreplicas: UnreadWord<i64>, timeout: &[u8]) -> Result<()> {
    if !(0..=1).contains(&numlocal) {
        return Err(Error::Plain("ERR value is out of range, value must between 0 and 1"));
    }
    let numreplicas = numreplicas.read().ok().filter(|&count| count >= 0);
    let numreplicas = numreplicas.ok_or(Error::Plain("ERR value is out of range, must be positive"))?;
    let until_ms = until_ms(timeout, ctx.now_ms())?;
    if numlocal > 0 && !ctx.node.is_logging() {
        return Err(Error::Plain("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
    }
    let place = ctx.client.last_place;
    let otherwise = Otherwise::Durable { place, wakes: numreplicas == 0 };
    if numreplicas > 0 || numlocal > 0 && !ctx.node.is_durable(place) {
        return Err(Error::Wait(Wait { until_ms, otherwise }));
    }
    otherwise.write(ctx.node, ctx.out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, check, check_with};

    #[test]
    fn nobody_else_has_it() {
        check(
            "
            > WAIT 0 0
            (integer) 0
            > WAIT -1 0
            (integer) 0
            > WAIT a 0
            (error) ERR value is not an integer or out of range
            > WAIT 1 -1
            (error) ERR timeout is negative
            > WAIT 1 a
            (error) ERR timeout is not an integer or out of range
            > WAITAOF 2 0 0
            (error) ERR value is out of range, value must between 0 and 1
            > WAITAOF a 0 0
            (error) ERR value is not an integer or out of range
            > WAITAOF 1 -1 0
            (error) ERR value is out of range, must be positive
            > WAITAOF 1 a 0
            (error) ERR value is out of range, must be positive
            > WAITAOF 0 0 -1
            (error) ERR timeout is negative
            > WAITAOF 1 0 0
            (error) ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.
            > WAITAOF 0 0 0
            1) (integer) 0
            2) (integer) 0
            > WAIT 1 50
            (waits)
            + 51ms
            @1
            (integer) 0
            > WAITAOF 0 1 50
            (waits)
            + 51ms
            @1
            1) (integer) 0
            2) (integer) 0
            > MULTI
            OK
            > WAIT 1 0
            QUEUED
            > EXEC
            1) (integer) 0
            ",
        );
    }

    #[test]
    fn waits_for_the_disk() {
        let mut fixture = Fixture::new();
        fixture.keep_effects();
        fixture.set_durable(0);
        check_with(
            &mut fixture,
            "
            > WAITAOF 1 0 0
            1) (integer) 1
            2) (integer) 0
            > SET k v
            OK
            > WAITAOF 1 0 100
            (waits)
            + 101ms
            @1
            1) (integer) 0
            2) (integer) 0
            > WAITAOF 0 0 0
            1) (integer) 0
            2) (integer) 0
            ",
        );
        fixture.set_durable(1);
        check_with(&mut fixture, "> WAITAOF 1 0 0\n1) (integer) 1\n2) (integer) 0");
    }

    #[test]
    fn a_log_that_fails_refuses_writes() {
        let mut fixture = Fixture::new();
        check_with(&mut fixture, "> SET k v\nOK");
        fixture.keep_effects();
        fixture.fail_log("No space left on device");
        check_with(
            &mut fixture,
            "
            > SET k w
            (error) MISCONF Errors writing to the AOF file: No space left on device
            > GET k
            \"v\"
            > MULTI
            OK
            > GET k
            QUEUED
            > EXEC
            1) \"v\"
            ",
        );
        assert!(fixture.take_effects().is_empty());
    }
}
