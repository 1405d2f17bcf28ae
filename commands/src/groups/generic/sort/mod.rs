//! SORT and SORT_RO.
//!
//! `grammar` reads the words, `elements` loads and orders, `pattern` looks up what BY and GET name. Keys that a
//! pattern names follow from the elements, so that no request declares them: where there is a pattern, all shards are
//! locked.

mod elements;
mod grammar;
mod pattern;

use commands_macros::command;
use keyspace::change::{Classes, Event};
use keyspace::keys::Key;
use keyspace::list::End;
use resp::Writer;

use super::KEY;
use crate::args::Rest;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::groups::list;
use crate::node::access::Wanted;
use crate::spec::{ArgDoc, ArgType};
use elements::Elements;
use grammar::Options;
use pattern::{Found, Lookup};

const SORT_STORE: Event = Event::new(Classes::LIST, "sortstore");

const BY: ArgDoc = ArgDoc::new("by-pattern", ArgType::Pattern).display("pattern").key_spec(1).token("BY").optional();
const LIMIT: ArgDoc =
    ArgDoc::block("limit", &[ArgDoc::new("offset", ArgType::Integer), ArgDoc::new("count", ArgType::Integer)])
        .token("LIMIT")
        .optional();
const GET: ArgDoc = ArgDoc::new("get-pattern", ArgType::Pattern)
    .display("pattern")
    .key_spec(1)
    .token("GET")
    .optional()
    .multiple_token();
const ORDER: ArgDoc =
    ArgDoc::one_of("order", &[ArgDoc::token_only("asc").token("ASC"), ArgDoc::token_only("desc").token("DESC")])
        .optional();
const SORTING: ArgDoc = ArgDoc::token_only("sorting").token("ALPHA").optional();
const STORE: ArgDoc = ArgDoc::new("destination", ArgType::Key).key_spec(2).token("STORE").optional();

/// Orders the elements of a list, a set or a sorted set, and answers or stores them or what they refer to.
#[command(
    "SORT",
    since = "1.0.0",
    complexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).",
    flags(WRITE | DENYOOM | MOVABLEKEYS),
    keys(
        KeySpec::one(1, RO | ACCESS),
        KeySpec::unknown(RO | ACCESS)
            .notes("For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"),
        KeySpec::unknown(OW | UPDATE)
            .notes("For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array")
    ),
    more_keys(grammar::stored_key),
    locks(AllIf(&["BY", "GET"])),
    categories(SET | SORTEDSET | LIST | DANGEROUS),
    args(KEY, BY, LIMIT, GET, ORDER, SORTING, STORE)
)]
pub(crate) fn sort(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let options = Options::parse(words.0, true, || reads_all(ctx))?;
    let elements = elements::sorted(ctx, &key, &options)?;
    bring_got(ctx, &elements, &options)?;
    match &options.store {
        Some(destination) => {
            let count = store(ctx, destination, &elements, &options);
            ctx.out.int(count as i64);
        }
        None => answer(ctx, &elements, &options),
    }
    Ok(())
}

/// As SORT, without STORE.
#[command(
    "SORT_RO",
    since = "7.0.0",
    complexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).",
    flags(READONLY | MOVABLEKEYS),
    keys(
        KeySpec::one(1, RO | ACCESS),
        KeySpec::unknown(RO | ACCESS)
            .notes("For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort")
    ),
    locks(AllIf(&["BY", "GET"])),
    categories(SET | SORTEDSET | LIST | DANGEROUS),
    args(KEY, BY, LIMIT, GET, ORDER, SORTING)
)]
pub(crate) fn sort_ro(ctx: &mut Ctx, key: Key, words: Rest) -> Result<()> {
    let options = Options::parse(words.0, false, || reads_all(ctx))?;
    let elements = elements::sorted(ctx, &key, &options)?;
    bring_got(ctx, &elements, &options)?;
    answer(ctx, &elements, &options);
    Ok(())
}

/// Brings back what GET names.
fn bring_got(ctx: &mut Ctx, elements: &Elements, options: &Options) -> Result<()> {
    options.gets.iter().try_for_each(|pattern| Lookup::default().bring(ctx, pattern, elements.iter()))
}

/// Whether the client may read keys whatever their names: BY and GET make names out of elements.
fn reads_all(ctx: &Ctx) -> bool {
    ctx.client.user.reads_all_keys_with(&Wanted(&ctx.request))
}

fn answer(ctx: &mut Ctx, elements: &Elements, options: &Options) {
    ctx.out.array(elements.len() * options.gets.len().max(1));
    let mut lookup = Lookup::default();
    for element in elements.iter() {
        if options.gets.is_empty() {
            ctx.out.bulk(element);
        }
        for pattern in &options.gets {
            let (keys, out) = (&mut ctx.keys, &mut *ctx.out);
            lookup.find(keys, pattern, element, |found| write(out, found));
        }
    }
}

fn write(out: &mut Writer, found: Found<'_>) {
    match found {
        Found::Nothing => out.null(),
        Found::Bytes(bytes) => out.bulk(bytes),
        Found::Int(number) => out.bulk_int(number),
    }
}

/// Puts the result at a key as a list, in whose place nothing stays when there is no element.
fn store(ctx: &mut Ctx, destination: &Key, elements: &Elements, options: &Options) -> usize {
    let mut got = Elements::default();
    if !options.gets.is_empty() {
        let mut lookup = Lookup::default();
        for element in elements.iter() {
            for pattern in &options.gets {
                lookup.find(&mut ctx.keys, pattern, element, |found| got.push(found));
            }
        }
    }
    let result = if options.gets.is_empty() { elements } else { &got };
    let was_there = ctx.keys.remove(destination);
    let limits = list::limits(ctx.node);
    if result.len() == 0 {
        if was_there {
            ctx.keys.changed(destination, Event::DEL);
        }
        return 0;
    }
    // The place was cleared, so there is no other type in the way.
    if let Ok(mut list) = ctx.keys.list_for_write(destination, limits) {
        for element in result.iter() {
            list.extend(End::Back, std::iter::once(element));
        }
    }
    ctx.keys.changed(destination, SORT_STORE);
    ctx.keys.tally.dirty += result.len() as u64 - 1;
    result.len()
}

#[cfg(test)]
mod tests;
