//! The elements that SORT works on: loaded into one buffer, weighed and ordered.

use std::cmp::Ordering;
use std::ops::Range;

use keyspace::entry::Type;
use keyspace::keys::Key;
use keyspace::packed::{Element, IntText};

use super::grammar::Options;
use super::pattern::{Found, Lookup};
use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// Texts one after the other in one buffer, and the order in which they are answered.
#[derive(Default)]
pub(super) struct Elements {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

struct Item {
    text: Range<usize>,
    weight: Weight,
}

/// What an element is ordered by.
enum Weight {
    /// Its own text, or nothing.
    None,
    Number(f64),
    /// What BY named.
    Text(Range<usize>),
}

impl Elements {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().map(|item| &self.bytes[item.text.clone()])
    }

    /// Adds a value; one that is missing becomes an empty text.
    pub(super) fn push(&mut self, found: Found<'_>) {
        let text = self.append(found);
        self.items.push(Item { text, weight: Weight::None });
    }

    fn append(&mut self, found: Found<'_>) -> Range<usize> {
        let start = self.bytes.len();
        match found {
            Found::Nothing => {}
            Found::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            Found::Int(number) => base::number::push_i64(&mut self.bytes, number),
        }
        start..self.bytes.len()
    }

    fn compare(&self, a: &Item, b: &Item, by_pattern: bool, alpha: bool) -> Ordering {
        let text = |range: &Range<usize>| &self.bytes[range.clone()];
        let own = || text(&a.text).cmp(text(&b.text));
        match (&a.weight, &b.weight) {
            (Weight::Number(a), Weight::Number(b)) => a.total_cmp(b).then_with(own),
            (Weight::Text(a), Weight::Text(b)) => text(a).cmp(text(b)),
            (Weight::Text(_), Weight::None) => Ordering::Greater,
            (Weight::None, Weight::Text(_)) => Ordering::Less,
            _ if alpha && by_pattern => Ordering::Equal,
            _ => own(),
        }
    }
}

/// The elements of the collection at a key, as the options want them.
pub(super) fn sorted(ctx: &mut Ctx, key: &Key, options: &Options) -> Result<Elements> {
    let Some(slot) = ctx.keys.find(key) else { return Ok(Elements::default()) };
    let kind = ctx.keys.entry(key, slot).kind().type_of();
    let Some(db) = ctx.keys.db(key.hash) else { return Ok(Elements::default()) };
    let Some(len) = db.element_count(slot) else { return Err(Error::WrongType) };
    let range = options.range(len);
    // A set has no order of its own: what is stored of it must not depend on how it is kept.
    let is_forced = options.keeps_order() && kind == Type::Set && options.store.is_some();
    if options.keeps_order() && !is_forced {
        let reversed = options.descending && kind != Type::Set;
        let range = if reversed { len - range.end..len - range.start } else { range };
        let mut elements = load(ctx, key, range);
        if reversed {
            elements.items.reverse();
        }
        return Ok(elements);
    }
    let mut elements = load(ctx, key, 0..len);
    let alpha = options.alpha || is_forced;
    let by = options.by.filter(|_| !is_forced);
    weigh(ctx, &mut elements, by, alpha)?;
    order(&mut elements, range, by.is_some(), alpha, options.descending);
    Ok(elements)
}

fn load(ctx: &Ctx, key: &Key, range: Range<usize>) -> Elements {
    let mut elements = Elements { bytes: Vec::new(), items: Vec::with_capacity(range.len()) };
    let (Some(slot), Some(db)) = (ctx.keys.peek(key), ctx.keys.db(key.hash)) else { return elements };
    let (mut at, mut text) = (0, IntText::default());
    db.for_each_element(slot, |element: Element<'_>| {
        if at >= range.start && at < range.end {
            elements.push(Found::Bytes(element.as_bytes(&mut text)));
        }
        at += 1;
        at < range.end
    });
    elements
}

fn weigh(ctx: &mut Ctx, elements: &mut Elements, by: Option<&[u8]>, alpha: bool) -> Result<()> {
    if by.is_none() && alpha {
        return Ok(());
    }
    let (mut lookup, mut element) = (Lookup::default(), Vec::new());
    if let Some(pattern) = by {
        lookup.bring(ctx, pattern, elements.iter())?;
    }
    let mut is_sound = true;
    for at in 0..elements.items.len() {
        let text = elements.items[at].text.clone();
        let weight = match by {
            None => number(&elements.bytes[text]).map(Weight::Number),
            Some(pattern) => {
                element.clear();
                element.extend_from_slice(&elements.bytes[text]);
                lookup.find(&mut ctx.keys, pattern, &element, |found| match found {
                    // As if it were 0, or before all texts.
                    Found::Nothing => Some(if alpha { Weight::None } else { Weight::Number(0.0) }),
                    _ if alpha => Some(Weight::Text(elements.append(found))),
                    Found::Bytes(bytes) => number(bytes).map(Weight::Number),
                    Found::Int(number) => Some(Weight::Number(number as f64)),
                })
            }
        };
        match weight {
            Some(weight) => elements.items[at].weight = weight,
            None => is_sound = false,
        }
    }
    if is_sound { Ok(()) } else { Err(Error::Plain("ERR One or more scores can't be converted into double")) }
}

/// A weight: decimal or an infinity; no text at all is 0.
fn number(text: &[u8]) -> Option<f64> {
    // The sign of a zero orders nothing.
    base::number::parse_f64_bound(text).map(|number| number + 0.0)
}

/// Brings the elements of `range` to their places, and drops the others.
fn order(elements: &mut Elements, range: Range<usize>, by_pattern: bool, alpha: bool, descending: bool) {
    let mut items = std::mem::take(&mut elements.items);
    let compare = |a: &Item, b: &Item| {
        let order = elements.compare(a, b, by_pattern, alpha);
        if descending { order.reverse() } else { order }
    };
    if range.is_empty() {
        items.clear();
    } else if range.end < items.len() / 4 {
        // A few of many: the rest needs no order.
        items.select_nth_unstable_by(range.end - 1, compare);
        items.truncate(range.end);
    }
    items.sort_by(compare);
    items.drain(..range.start.min(items.len()));
    items.truncate(range.len());
    elements.items = items;
}
