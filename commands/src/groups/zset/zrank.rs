//! ZRANK and ZREVRANK.

use commands_macros::command;
use keyspace::keys::Key;

use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const ARGS: [ArgDoc; 3] = [
    <Key as Arg>::DOC.named("key"),
    ArgDoc::new("member", ArgType::String),
    ArgDoc::token_only("withscore").token("WITHSCORE").optional(),
];

/// Answers how many members of a sorted set stand before a member.
#[command(
    "ZRANK",
    since = "2.0.0",
    complexity = "O(log(N))",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(ARGS[0], ARGS[1], ARGS[2])
)]
pub(crate) fn zrank(ctx: &mut Ctx, key: Key, member: &[u8], options: Rest) -> Result<()> {
    answer(ctx, &key, member, options, false)
}

/// Answers how many members of a sorted set stand after a member.
#[command(
    "ZREVRANK",
    since = "2.0.0",
    complexity = "O(log(N))",
    flags(READONLY | FAST),
    keys(KeySpec::one(1, RO | ACCESS)),
    args(ARGS[0], ARGS[1], ARGS[2])
)]
pub(crate) fn zrevrank(ctx: &mut Ctx, key: Key, member: &[u8], options: Rest) -> Result<()> {
    answer(ctx, &key, member, options, true)
}

fn answer(ctx: &mut Ctx, key: &Key, member: &[u8], options: Rest, reverse: bool) -> Result<()> {
    let Rest(mut options) = options;
    if options.len() > 1 {
        return Err(Error::Arity);
    }
    let with_score = options.take_token("WITHSCORE");
    options.end()?;
    let found = ctx.keys.zset(key)?.and_then(|set| set.rank(member, reverse));
    match (found, with_score) {
        (Some((rank, _)), false) => ctx.out.int(rank as i64),
        (Some((rank, score)), true) => {
            ctx.out.array(2);
            ctx.out.int(rank as i64);
            ctx.out.double(score);
        }
        (None, false) => ctx.out.null(),
        (None, true) => ctx.out.null_array(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ranks_from_both_ends() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c
            (integer) 3
            > ZRANK z b
            (integer) 1
            > ZREVRANK z a
            (integer) 2
            > ZRANK z c WITHSCORE
            1) (integer) 2
            2) "3"
            > ZRANK z x
            (nil)
            > ZREVRANK none x
            (nil)
            > ZRANK z a FOO
            (error) ERR syntax error
            > ZRANK z a WITHSCORE FOO
            (error) ERR wrong number of arguments for 'zrank' command
            "#,
        );
    }
}
