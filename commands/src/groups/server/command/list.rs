//! COMMAND LIST: the names of commands.

use commands_macros::{Args, command};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType, category, flag};
use crate::table::Row;

const FILTER: ArgDoc = ArgDoc::one_of(
    "filterby",
    &[
        ArgDoc::new("module-name", ArgType::String).token("MODULE"),
        ArgDoc::new("category", ArgType::String).token("ACLCAT"),
        ArgDoc::new("pattern", ArgType::Pattern).token("PATTERN"),
    ],
)
.token("FILTERBY")
.optional();

#[derive(Args)]
enum Filter<'a> {
    Module(&'a [u8]),
    AclCat(&'a [u8]),
    Pattern(&'a [u8]),
}

/// Answers the names of all commands, or of those that a filter lets pass.
#[command(
    "LIST",
    since = "7.0.0",
    complexity = "O(N) where N is the total number of Redis commands",
    flags(LOADING | STALE),
    categories(CONNECTION),
    tips("nondeterministic_output_order"),
    args(FILTER)
)]
pub(crate) fn list(ctx: &mut Ctx, words: crate::args::Rest) -> Result<()> {
    let mut words = words.0;
    let filter = if words.is_empty() {
        None
    } else {
        words.expect_token("FILTERBY")?;
        let filter = <Filter as crate::args::OneOf>::take_if(&mut words)?.ok_or(crate::error::Error::Syntax)?;
        words.end()?;
        Some(filter)
    };
    let names: Vec<&'static Row> = ctx.node.table.all().filter(|row| passes(filter.as_ref(), row)).collect();
    ctx.out.array(names.len());
    names.iter().for_each(|row| ctx.out.bulk(row.name.as_bytes()));
    Ok(())
}

fn passes(filter: Option<&Filter>, row: &Row) -> bool {
    match filter {
        None => true,
        Some(Filter::Module(name)) => row.command.has(flag::MODULE) && row.group.name().as_bytes() == *name,
        Some(Filter::AclCat(name)) => {
            let found = category::NAMES.iter().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name));
            found.is_some_and(|(bit, _)| row.categories & bit != 0)
        }
        Some(Filter::Pattern(pattern)) => base::glob::matches(pattern, row.name.as_bytes(), true),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn filters() {
        check(
            r#"
            > COMMAND LIST FILTERBY PATTERN get
            1) "get"
            > COMMAND LIST FILTERBY ACLCAT nope
            (empty array)
            > COMMAND LIST FILTERBY MODULE nope
            (empty array)
            > COMMAND LIST FILTERBY what x
            (error) ERR syntax error
            > COMMAND LIST what
            (error) ERR syntax error
            > COMMAND what
            (error) ERR unknown subcommand 'what'. Try COMMAND HELP.
            "#,
        );
    }
}
