//! COMMAND INFO: the facts of commands, for clients and proxies.

use commands_macros::command;
use resp::Writer;

use super::row_named;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::spec::{ArgDoc, ArgType, Begin, Command, Find, KeySpec, category, flag, key};
use crate::table::Row;

/// Answers the facts of some commands, or of all.
#[command(
    "INFO",
    since = "2.8.13",
    complexity = "O(N) where N is the number of commands to look up",
    flags(LOADING | STALE),
    categories(CONNECTION),
    tips("nondeterministic_output_order"),
    args(ArgDoc::new("command-name", ArgType::String).optional().multiple())
)]
pub(crate) fn info(ctx: &mut Ctx, names: Rest) -> Result<()> {
    if names.0.is_empty() {
        write_all(ctx);
        return Ok(());
    }
    ctx.out.array(names.0.len());
    for name in names.0.iter() {
        match row_named(ctx, name) {
            Some(row) => write(ctx.out, row),
            None => ctx.out.null_array(),
        }
    }
    Ok(())
}

/// Writes all commands.
pub(super) fn write_all(ctx: &mut Ctx) {
    let rows = ctx.node.table.rows();
    ctx.out.array(rows.len());
    rows.iter().for_each(|row| write(ctx.out, row));
}

fn write(out: &mut Writer, row: &Row) {
    let command = row.command;
    let (first, last, step) = legacy_range(command);
    out.array(10);
    out.bulk(row.name.as_bytes());
    out.int(i64::from(row.arity));
    write_flags(out, command);
    out.int(first);
    out.int(last);
    out.int(step);
    write_names(
        out,
        category::NAMES.iter().filter(|(bit, _)| row.categories & bit != 0).map(|(_, name)| format!("@{name}")),
    );
    out.set(command.tips.len());
    command.tips.iter().for_each(|tip| out.bulk(tip.as_bytes()));
    out.set(command.keys.len());
    command.keys.iter().for_each(|spec| write_spec(out, spec));
    out.set(row.subcommands.len());
    row.subcommands.iter().for_each(|sub| write(out, sub));
}

fn write_flags(out: &mut Writer, command: &Command) {
    write_names(out, flag::NAMES.iter().filter(|(bit, _)| command.has(*bit)).map(|(_, name)| (*name).to_owned()));
}

fn write_names(out: &mut Writer, names: impl Iterator<Item = String> + Clone) {
    out.set(names.clone().count());
    names.for_each(|name| out.simple(&name));
}

/// First key, last key and step, as clients older than key specs use them.
fn legacy_range(command: &Command) -> (i64, i64, i64) {
    let ranges = command.keys.iter().filter_map(|spec| match (spec.begin, spec.find) {
        (Begin::Index(index), Find::Range { last, step, limit: 0 }) => {
            Some((i64::from(index), i64::from(last), i64::from(step)))
        }
        _ => None,
    });
    let (mut first, mut last, mut step) = (0, 0, 0);
    for (index, span, by) in ranges {
        let end = if span >= 0 { index + span } else { span };
        if first == 0 {
            (first, last, step) = (index, end, by);
            continue;
        }
        first = first.min(index);
        // The end of the words lies behind any place that is counted from their start.
        last = if last < 0 || end < 0 { last.min(end) } else { last.max(end) };
    }
    (first, last, step)
}

fn write_spec(out: &mut Writer, spec: &KeySpec) {
    out.map(3 + usize::from(!spec.notes.is_empty()));
    if !spec.notes.is_empty() {
        out.bulk(b"notes");
        out.bulk(spec.notes.as_bytes());
    }
    out.bulk(b"flags");
    write_key_flags(out, spec.flags);
    out.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => write_part(out, "index", &[("index", index)]),
        Begin::Keyword(keyword, from) => {
            head(out, "keyword", 2);
            out.bulk(b"keyword");
            out.bulk(keyword.as_bytes());
            out.bulk(b"startfrom");
            out.int(i64::from(from));
        }
        Begin::Unknown => write_part(out, "unknown", &[]),
    }
    out.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            write_part(out, "range", &[("lastkey", last), ("keystep", step), ("limit", limit)]);
        }
        Find::Count { at, first, step } => {
            write_part(out, "keynum", &[("keynumidx", at), ("firstkey", first), ("keystep", step)]);
        }
        Find::Unknown => write_part(out, "unknown", &[]),
    }
}

/// The flags of a key, as a set.
pub(super) fn write_key_flags(out: &mut Writer, flags: u16) {
    write_names(out, key::NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| (*name).to_owned()));
}

fn head(out: &mut Writer, kind: &str, fields: usize) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(fields);
}

fn write_part(out: &mut Writer, kind: &str, fields: &[(&str, i16)]) {
    head(out, kind, fields.len());
    for (name, value) in fields {
        out.bulk(name.as_bytes());
        out.int(i64::from(*value));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn get_is_described_as_redis_describes_it() {
        check(
            r#"
            > COMMAND INFO get nope get|nope
            1)  1) "get"
                2) (integer) 2
                3) 1) readonly
                   2) fast
                4) (integer) 1
                5) (integer) 1
                6) (integer) 1
                7) 1) @read
                   2) @string
                   3) @fast
                8) (empty array)
                9) 1) 1) "flags"
                      2) 1) RO
                         2) access
                      3) "begin_search"
                      4) 1) "type"
                         2) "index"
                         3) "spec"
                         4) 1) "index"
                            2) (integer) 1
                      5) "find_keys"
                      6) 1) "type"
                         2) "range"
                         3) "spec"
                         4) 1) "lastkey"
                            2) (integer) 0
                            3) "keystep"
                            4) (integer) 1
                            5) "limit"
                            6) (integer) 0
               10) (empty array)
            2) (nil)
            3) (nil)
            "#,
        );
    }
}
