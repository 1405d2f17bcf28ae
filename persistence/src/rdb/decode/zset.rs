//! Sorted sets.

use keyspace::db::Value;
use keyspace::packed::Element;
use keyspace::zset::NewZset;

use super::super::format::kind;
use super::super::input::{Input, Malformed, Result, parse_double};
use super::listpack::Listpack;
use super::ziplist::Ziplist;
use super::{Context, TWICE};

pub(super) fn decode(kind: u8, input: &mut Input<'_>, context: Context<'_>) -> Result<Option<Value>> {
    match kind {
        kind::ZSET | kind::ZSET_TEXT => spread(kind, input, context),
        kind::ZSET_ZIPLIST => {
            let bytes = input.string()?;
            let bad = Malformed("Zset ziplist integrity check failed.");
            let row = Ziplist::new(&bytes).ok().filter(|row| row.len.is_multiple_of(2)).ok_or(bad)?;
            packed(row.len, row.iter(), context)
        }
        _ => {
            let bytes = input.string()?;
            let row = Listpack::new(&bytes)?;
            packed(row.len, row.iter(), context)
        }
    }
}

fn spread(kind: u8, input: &mut Input<'_>, context: Context<'_>) -> Result<Option<Value>> {
    let count = input.count(2)?;
    let mut set = NewZset::new(count, context.seed, context.limits.zset);
    for _ in 0..count {
        let member = input.string()?;
        let score = if kind == kind::ZSET { input.double()? } else { input.double_as_text()? };
        push(&mut set, Element::Bytes(&member), score)?;
    }
    Ok(set.into_value())
}

/// Members and scores in turn.
fn packed<'a>(
    len: usize,
    mut elements: impl Iterator<Item = Element<'a>>,
    context: Context<'_>,
) -> Result<Option<Value>> {
    if !len.is_multiple_of(2) {
        return Err(Malformed("a sorted set with a member without score"));
    }
    // What was packed elsewhere stays so, however long its members are.
    let limits = keyspace::zset::Limits { value_len_max: usize::MAX, ..context.limits.zset };
    let mut set = NewZset::new(len / 2, context.seed, limits);
    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
        let score = match score {
            Element::Int(int) => int as f64,
            Element::Bytes(bytes) => parse_double(bytes).ok_or(Malformed("a score that is no number"))?,
        };
        push(&mut set, member, score)?;
    }
    Ok(set.into_value())
}

fn push(set: &mut NewZset, member: Element<'_>, score: f64) -> Result<()> {
    if score.is_nan() {
        return Err(Malformed("a score that is no number"));
    }
    if set.push(member, score) { Ok(()) } else { Err(TWICE) }
}
