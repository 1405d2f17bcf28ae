//! Passing values over: how many strings and numbers each type is made of.

use super::super::format::kind;
use super::super::input::{Input, Malformed, Result};
use super::module;

/// Passes a value over without looking into its strings.
#[inline]
pub(crate) fn skip(kind: u8, is_valkey: bool, input: &mut Input<'_>) -> Result<()> {
    match kind {
        kind::STRING
        | kind::HASH_ZIPMAP
        | kind::LIST_ZIPLIST
        | kind::SET_INTSET
        | kind::ZSET_ZIPLIST
        | kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::ZSET_LISTPACK
        | kind::SET_LISTPACK
        | kind::HASH_LISTPACK_DEADLINES_PRE_GA => input.skip_string(),
        kind::HASH_DEADLINES_VALKEY if is_valkey => each(input, |input| {
            skip_pair(input)?;
            input.take(8).map(drop)
        }),
        _ => skip_many(kind, input),
    }
}

fn skip_many(kind: u8, input: &mut Input<'_>) -> Result<()> {
    match kind {
        kind::LIST | kind::SET | kind::LIST_QUICKLIST => each(input, Input::skip_string),
        kind::HASH => each(input, skip_pair),
        kind::ZSET => each(input, |input| {
            input.skip_string()?;
            input.take(8).map(drop)
        }),
        kind::ZSET_TEXT => each(input, |input| {
            input.skip_string()?;
            input.double_as_text().map(drop)
        }),
        kind::LIST_QUICKLIST_2 => each(input, |input| {
            input.number()?;
            input.skip_string()
        }),
        kind::HASH_DEADLINES | kind::HASH_DEADLINES_PRE_GA => {
            if kind == kind::HASH_DEADLINES {
                input.take(8)?;
            }
            each(input, |input| {
                input.number()?;
                skip_pair(input)
            })
        }
        kind::HASH_LISTPACK_DEADLINES => {
            input.take(8)?;
            input.skip_string()
        }
        kind::STREAM_1 | kind::STREAM_2 | kind::STREAM_3 => skip_stream(kind, input),
        kind::MODULE => module::skip(input).map(drop),
        kind::MODULE_PRE_GA => Err(Malformed("a module's value of a version that cannot be passed over")),
        _ => Err(Malformed("a value of unknown type")),
    }
}

/// As many of something as a number says.
fn each<'a>(input: &mut Input<'a>, mut skip: impl FnMut(&mut Input<'a>) -> Result<()>) -> Result<()> {
    for _ in 0..input.number()? {
        skip(input)?;
    }
    Ok(())
}

fn skip_pair(input: &mut Input<'_>) -> Result<()> {
    input.skip_string()?;
    input.skip_string()
}

fn skip_numbers(count: usize, input: &mut Input<'_>) -> Result<()> {
    (0..count).try_for_each(|_| input.number().map(drop))
}

/// Entries; their number and ids; groups, each with its pending entries and its consumers with theirs.
fn skip_stream(kind: u8, input: &mut Input<'_>) -> Result<()> {
    each(input, skip_pair)?;
    skip_numbers(if kind == kind::STREAM_1 { 3 } else { 8 }, input)?;
    each(input, |input| {
        input.skip_string()?;
        skip_numbers(if kind == kind::STREAM_1 { 2 } else { 3 }, input)?;
        each(input, |input| {
            input.take(16 + 8)?;
            input.number().map(drop)
        })?;
        each(input, |input| {
            input.skip_string()?;
            input.take(if kind == kind::STREAM_3 { 16 } else { 8 })?;
            each(input, |input| input.take(16).map(drop))
        })
    })
}
