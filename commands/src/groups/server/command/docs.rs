//! COMMAND DOCS: the documentation of commands, for people and code generators.

use commands_macros::command;
use resp::Writer;

use super::row_named;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType, flag};
use crate::table::Row;

/// Answers the documentation of some commands, or of all.
#[command(
    "DOCS",
    since = "7.0.0",
    complexity = "O(N) where N is the number of commands to look up",
    flags(LOADING | STALE),
    categories(CONNECTION),
    tips("nondeterministic_output_order"),
    args(ArgDoc::new("command-name", ArgType::String).optional().multiple())
)]
pub(crate) fn docs(ctx: &mut Ctx, names: Rest) -> Result<()> {
    let rows: Vec<&'static Row> = if names.0.is_empty() {
        ctx.node.table.rows().to_vec()
    } else {
        names.0.iter().filter_map(|name| row_named(ctx, name)).collect()
    };
    ctx.out.map(rows.len());
    rows.iter().for_each(|row| write_named(ctx.out, row));
    Ok(())
}

fn write_named(out: &mut Writer, row: &Row) {
    out.bulk(row.name.as_bytes());
    write(out, row);
}

fn write(out: &mut Writer, row: &Row) {
    let command = row.command;
    let args = flat(command.args);
    let doc_flags = [(command.deprecated.is_some(), "deprecated"), (command.has(flag::SYSTEM), "syscmd")];
    let doc_flags: Vec<&str> = doc_flags.iter().filter_map(|(is_set, name)| is_set.then_some(*name)).collect();
    let fields = 3
        + usize::from(!command.complexity.is_empty())
        + usize::from(!doc_flags.is_empty())
        + if command.deprecated.is_some() { 2 } else { 0 }
        + usize::from(!args.is_empty())
        + usize::from(!row.subcommands.is_empty());
    out.map(fields);
    field(out, "summary", command.summary);
    field(out, "since", command.since);
    field(out, "group", row.group.name());
    if !command.complexity.is_empty() {
        field(out, "complexity", command.complexity);
    }
    if !doc_flags.is_empty() {
        out.bulk(b"doc_flags");
        out.set(doc_flags.len());
        doc_flags.iter().for_each(|flag| out.simple(flag));
    }
    if let Some((since, instead)) = command.deprecated {
        field(out, "deprecated_since", since);
        field(out, "replaced_by", instead);
    }
    if !args.is_empty() {
        out.bulk(b"arguments");
        write_args(out, &args);
    }
    if !row.subcommands.is_empty() {
        out.bulk(b"subcommands");
        out.map(row.subcommands.len());
        row.subcommands.iter().for_each(|sub| write_named(out, sub));
    }
}

fn field(out: &mut Writer, name: &str, text: &str) {
    out.bulk(name.as_bytes());
    out.bulk(text.as_bytes());
}

/// The nodes with those of flattened ones in their parents' place.
fn flat(args: &'static [ArgDoc]) -> Vec<&'static ArgDoc> {
    let mut found = Vec::new();
    for arg in args {
        match arg.kind {
            ArgType::Flatten => found.extend(flat(arg.children)),
            _ => found.push(arg),
        }
    }
    found
}

fn write_args(out: &mut Writer, args: &[&'static ArgDoc]) {
    out.array(args.len());
    args.iter().for_each(|arg| write_arg(out, arg));
}

fn write_arg(out: &mut Writer, arg: &'static ArgDoc) {
    let children = flat(arg.children);
    let is_shown = !matches!(arg.kind, ArgType::OneOf | ArgType::Block);
    let flags: Vec<&str> =
        [(arg.optional, "optional"), (arg.multiple, "multiple"), (arg.multiple_token, "multiple_token")]
            .into_iter()
            .filter_map(|(is_set, name)| is_set.then_some(name))
            .collect();
    let fields = [
        is_shown,
        arg.key_spec.is_some(),
        arg.token.is_some(),
        arg.since.is_some(),
        arg.deprecated_since.is_some(),
        !flags.is_empty(),
        !children.is_empty(),
    ];
    out.map(2 + fields.iter().filter(|is_there| **is_there).count());
    field(out, "name", arg.name);
    field(out, "type", type_name(arg.kind));
    if is_shown {
        field(out, "display_text", arg.display.unwrap_or(arg.name));
    }
    if let Some(index) = arg.key_spec {
        out.bulk(b"key_spec_index");
        out.int(i64::from(index));
    }
    if let Some(token) = arg.token {
        field(out, "token", token);
    }
    if let Some(since) = arg.since {
        field(out, "since", since);
    }
    if let Some(version) = arg.deprecated_since {
        field(out, "deprecated_since", version);
    }
    if !flags.is_empty() {
        out.bulk(b"flags");
        out.set(flags.len());
        flags.iter().for_each(|flag| out.simple(flag));
    }
    if !children.is_empty() {
        out.bulk(b"arguments");
        write_args(out, &children);
    }
}

fn type_name(kind: ArgType) -> &'static str {
    match kind {
        ArgType::Key => "key",
        ArgType::String => "string",
        ArgType::Integer => "integer",
        ArgType::Double => "double",
        ArgType::Pattern => "pattern",
        ArgType::UnixTime => "unix-time",
        ArgType::Token => "pure-token",
        ArgType::OneOf => "oneof",
        ArgType::Block | ArgType::Flatten => "block",
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn an_argument_has_its_name_type_and_key() {
        check(
            r#"
            > COMMAND DOCS get nope
            1) "get"
            2)  1) "summary"
                2) "Answers the string at a key."
                3) "since"
                4) "1.0.0"
                5) "group"
                6) "string"
                7) "complexity"
                8) "O(1)"
                9) "arguments"
               10) 1) 1) "name"
                      2) "key"
                      3) "type"
                      4) "key"
                      5) "display_text"
                      6) "key"
                      7) "key_spec_index"
                      8) (integer) 0
            "#,
        );
    }
}
