//! ZRANDMEMBER.

use commands_macros::command;
use keyspace::keys::Key;

use super::{write_entry, write_header, write_member};
use crate::args::{Arg, Rest};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

const OPTIONS: &[ArgDoc] = &[
    ArgDoc::new("count", ArgType::Integer),
    ArgDoc::token_only("withscores").token("WITHSCORES").optional(),
];

/// Answers members of a sorted set chosen by chance; a negative count allows repetitions.
#[command(
    "ZRANDMEMBER",
    since = "6.2.0",
    complexity = "O(N) where N is the number of members returned",
    flags(READONLY),
    keys(KeySpec::one(1, RO | ACCESS)),
    tips("nondeterministic_output"),
    args(<Key as Arg>::DOC.named("key"), ArgDoc::block("options", OPTIONS).optional())
)]
pub(crate) fn zrandmember(ctx: &mut Ctx, key: Key, options: Rest) -> Result<()> {
    let Rest(mut options) = options;
    if !options.is_empty() {
        let count = i64::take(&mut options)?;
        if count == i64::MIN {
            let text = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
            return Err(Error::Plain(text));
        }
        let with_scores = options.take_token("WITHSCORES");
        options.end()?;
        if with_scores && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
            return Err(Error::OutOfRange);
        }
        return many(ctx, &key, count, with_scores);
    }
    let random = ctx.core.random;
    match ctx.keys.zset(&key)? {
        Some(set) => {
            let below = |limit| random.borrow_mut().below(limit);
            set.random_many(1, below, |member, _| write_member(ctx.out, member));
        }
        None => ctx.out.null(),
    }
    Ok(())
}

fn many(ctx: &mut Ctx, key: &Key, count: i64, with_scores: bool) -> Result<()> {
    let random = ctx.core.random;
    let Some(set) = ctx.keys.zset(key)? else {
        ctx.out.empty_array();
        return Ok(());
    };
    let below = |limit| random.borrow_mut().below(limit);
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        write_header(ctx.out, wanted, with_scores);
        set.random_many(wanted, below, |member, score| write_entry(ctx.out, member, score, with_scores));
    } else {
        let wanted = wanted.min(set.len());
        write_header(ctx.out, wanted, with_scores);
        set.sample(wanted, below, |member, score| write_entry(ctx.out, member, score, with_scores));
    }
    Ok(())
}
