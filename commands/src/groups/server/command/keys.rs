//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a whole command.

use commands_macros::command;

use super::info::write_key_flags;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::{FoundKeys, find_sound_keys};
use crate::request::OwnedRequest;
use crate::spec::{ArgDoc, ArgType};

const COMMAND: ArgDoc = ArgDoc::new("command", ArgType::String);
const ARG: ArgDoc = ArgDoc::new("arg", ArgType::String).optional().multiple();

/// Answers the keys of a whole command.
#[command(
    "GETKEYS",
    since = "2.8.13",
    complexity = "O(N) where N is the number of arguments to the command",
    flags(LOADING | STALE),
    categories(CONNECTION),
    arity(-3),
    args(COMMAND, ARG)
)]
pub(crate) fn getkeys(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let (request, found) = find(ctx, words)?;
    let request = request.request();
    ctx.out.array(found.len());
    found.iter().filter_map(|key| request.word(key.word)).for_each(|word| ctx.out.bulk(word));
    Ok(())
}

/// Answers the keys of a whole command, and what it does with each.
#[command(
    "GETKEYSANDFLAGS",
    since = "7.0.0",
    complexity = "O(N) where N is the number of arguments to the command",
    flags(LOADING | STALE),
    categories(CONNECTION),
    arity(-3),
    args(COMMAND, ARG)
)]
pub(crate) fn getkeysandflags(ctx: &mut Ctx, words: Rest) -> Result<()> {
    let (request, found) = find(ctx, words)?;
    let request = request.request();
    ctx.out.array(found.len());
    for key in &found {
        ctx.out.array(2);
        ctx.out.bulk(request.word(key.word).unwrap_or_default());
        write_key_flags(ctx.out, key.flags);
    }
    Ok(())
}

fn find(ctx: &Ctx, words: Rest) -> Result<(OwnedRequest, FoundKeys)> {
    let words: Vec<&[u8]> = words.0.iter().collect();
    let row = words.first().and_then(|name| ctx.node.table.resolve(name, words.get(1).copied()));
    let row = row.ok_or(Error::Plain("ERR Invalid command specified"))?;
    if row.command.keys.is_empty() {
        return Err(Error::Plain("ERR The command has no key arguments"));
    }
    if !row.takes(words.len()) {
        return Err(Error::Plain("ERR Invalid number of arguments specified for command"));
    }
    let request = OwnedRequest::new(row, &words);
    let found =
        find_sound_keys(&request.request()).ok_or(Error::Plain("ERR Invalid arguments specified for command"))?;
    Ok((request, found))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn keys_of_commands() {
        check(
            r#"
            > COMMAND GETKEYS mset a 1 b 2
            1) "a"
            2) "b"
            > COMMAND GETKEYSANDFLAGS get a
            1) 1) "a"
               2) 1) RO
                  2) access
            > COMMAND GETKEYSANDFLAGS set a 1
            1) 1) "a"
               2) 1) OW
                  2) update
            > COMMAND GETKEYSANDFLAGS set a 1 get
            1) 1) "a"
               2) 1) RW
                  2) access
                  3) update
            > COMMAND GETKEYSANDFLAGS bitfield a get u8 0
            1) 1) "a"
               2) 1) RO
                  2) access
            > COMMAND GETKEYS ping
            (error) ERR The command has no key arguments
            > COMMAND GETKEYS get
            (error) ERR Invalid number of arguments specified for command
            > COMMAND GETKEYS nope a
            (error) ERR Invalid command specified
            "#,
        );
    }
}
