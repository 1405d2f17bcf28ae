//! EXISTS and TOUCH.

use commands_macros::command;
use keyspace::keys::Key;

use crate::args::Many;
use crate::ctx::Ctx;
use crate::error::Result;

/// Answers how many of the keys are there; a key named twice counts twice.
#[command(
    "EXISTS",
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys to check.",
    flags(READONLY | FAST),
    keys(KeySpec::range(1, -1, 1, RO | VALUELESS)),
    tips("request_policy:multi_shard", "response_policy:agg_sum")
)]
pub(crate) fn exists(ctx: &mut Ctx, key: Many<Key>) -> Result<usize> {
    let mut found = 0;
    for key in key.iter() {
        found += usize::from(ctx.keys.find_unclocked(&key?).is_some());
    }
    Ok(found)
}

/// Counts as an access of the keys, and answers how many are there.
#[command(
    "TOUCH",
    since = "3.2.1",
    complexity = "O(N) where N is the number of keys that will be touched.",
    flags(READONLY | FAST | TOUCHES),
    keys(KeySpec::range(1, -1, 1, RO | VALUELESS)),
    tips("request_policy:multi_shard", "response_policy:agg_sum")
)]
pub(crate) fn touch(ctx: &mut Ctx, key: Many<Key>) -> Result<usize> {
    let mut found = 0;
    for key in key.iter() {
        found += usize::from(ctx.keys.find(&key?).is_some());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn counts_every_mention() {
        check(
            "
            > MSET a 1 b 2
            OK
            > EXISTS a a b nokey
            (integer) 3
            > TOUCH a nokey
            (integer) 1
            ",
        );
    }

    #[test]
    fn touches_in_spite_of_no_touch() {
        let mut fixture = crate::testing::Fixture::new();
        fixture.cli(1, "CLIENT NO-TOUCH on");
        fixture.cli(1, "SET k v");
        fixture.advance_ms(5000);
        fixture.cli(1, "GET k");
        assert_eq!(fixture.cli(1, "OBJECT IDLETIME k"), "(integer) 5");
        fixture.cli(1, "TOUCH k");
        assert_eq!(fixture.cli(1, "OBJECT IDLETIME k"), "(integer) 0");
    }
}
