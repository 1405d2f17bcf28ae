//! ACL LOG.

use commands_macros::command;

use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

/// How many entries are shown by default.
const COUNT: usize = 10;

/// Shows what was refused, latest first, or forgets it.
#[command(
    "LOG",
    since = "6.0.0",
    complexity = "O(N) with N being the number of entries shown.",
    flags(ADMIN | NOSCRIPT | LOADING | STALE),
    arity(-2),
    args(
        ArgDoc::one_of("operation", &[
            ArgDoc::new("count", ArgType::Integer),
            ArgDoc::token_only("reset").token("RESET"),
        ])
        .optional()
    )
)]
pub(crate) fn log(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let mut words = words.0;
    let count = match words.len() {
        0 => COUNT,
        1 if words.take_token("RESET") => {
            ctx.node.acl.log.lock().clear();
            ctx.out.ok();
            return Ok(());
        }
        1 => {
            let count = base::number::parse_i64(words.word()?);
            count.ok_or(Error::Plain("ERR value is not an integer or out of range"))?.max(0) as usize
        }
        _ => return Err(super::wrong_arguments("LOG")),
    };
    let now_ms = base::clock::unix_ms();
    let (log, out) = (ctx.node.acl.log.lock(), &mut *ctx.out);
    out.array(log.entries().len().min(count));
    for entry in log.entries().take(count) {
        out.map(10);
        out.bulk(b"count");
        out.int(entry.count as i64);
        for (name, text) in [
            ("reason", entry.reason.name().as_bytes()),
            ("context", entry.context.name().as_bytes()),
            ("object", &entry.object),
            ("username", &entry.username),
        ] {
            out.bulk(name.as_bytes());
            out.bulk(text);
        }
        out.bulk(b"age-seconds");
        out.double((now_ms - entry.created_ms).max(0) as f64 / 1000.0);
        out.bulk(b"client-info");
        out.bulk(entry.client_info.as_bytes());
        for (name, value) in [
            ("entry-id", entry.id as i64),
            ("timestamp-created", entry.created_ms),
            ("timestamp-last-updated", entry.updated_ms),
        ] {
            out.bulk(name.as_bytes());
            out.int(value);
        }
    }
    Ok(())
}
