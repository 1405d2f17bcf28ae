//! OBJECT and its subcommands: how a value is stored and when it was used.

use commands_macros::command;
use keyspace::keys::Key;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::Command;

pub(crate) static OBJECT: Command =
    Command::container("OBJECT", "2.2.3", "Holds the commands that look into values.", &[&ENCODING]);

/// Answers how the value at a key is stored.
#[command(
    "ENCODING",
    since = "2.2.3",
    complexity = "O(1)",
    flags(READONLY),
    keys(KeySpec::one(2, RO)),
    tips("nondeterministic_output")
)]
pub(crate) fn encoding(ctx: &mut Ctx, key: Key) -> Result<()> {
    let encoding = ctx.keys.find_unclocked(&key).and_then(|slot| Some(ctx.keys.db(key.hash)?.encoding(slot)));
    match encoding {
        Some(name) => ctx.out.bulk(name.as_bytes()),
        None => ctx.out.null(),
    }
    Ok(())
}
