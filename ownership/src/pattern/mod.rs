//! Patterns over binary-safe keys: Redis's globs (`*`, `?`, `[...]`, `\`) with named captures. `<name>` takes one or
//! more bytes other than `:`; a name stands once in a pattern. Unlike a glob of Redis, `*` matches the empty key too.
//!
//! A pattern is a row of items, each a set of bytes taken once or any number of times, so that a position in the row
//! is all there is to remember: matching takes items times bytes steps at most, whatever the pattern.

mod bytes;
mod language;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

pub(crate) use bytes::{ByteSet, SEPARATOR};
pub use language::Cover;
pub use parse::{PATTERN_LEN_MAX, PatternError};
pub(crate) use parse::{Token, escape_into, spell_capture, tokens};

/// A part of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Item {
    /// One byte of a set.
    One(ByteSet),
    /// Any number of bytes of a set, none included.
    Many(ByteSet),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Capture {
    name: Box<str>,
    /// The first of its two items.
    item: usize,
}

/// A stretch of items that ends at a separator of the key or at the key's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Segment {
    /// Items that each take one certain byte.
    Literal { first: usize, end: usize },
    /// A capture, by its number.
    Capture(usize),
}

/// What stands behind the leading segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tail {
    /// The last segment was the end.
    End,
    /// A star that takes all the rest.
    Rest,
    /// Items from this number on.
    Items(usize),
}

/// The places of a key's captures, in the order of the pattern.
pub type Captured = SmallVec<[Range<usize>; 4]>;

/// See the module's head. Two patterns are equal when they are spelled alike, needless escapes and stars aside.
#[derive(Clone, Debug)]
pub struct Pattern(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    text: Box<[u8]>,
    items: Box<[Item]>,
    captures: Box<[Capture]>,
    segments: Box<[Segment]>,
    tail: Tail,
    /// How many items at the start take one certain byte each.
    literal_len: usize,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Pattern {}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0.text))
    }
}

/// Bytes for people: as they are, or quoted where that would not read well.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace()) => text.to_owned(),
        _ => base::quote::quote(bytes),
    }
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &[u8]) -> Result<Self, PatternError> {
        parse::parse(text)
    }

    /// As `parse`, for what was put together from patterns and keys.
    pub(crate) fn read(text: &[u8]) -> Result<Self, PatternError> {
        parse::read(text)
    }

    /// The pattern that matches one key.
    pub fn of_key(key: &[u8]) -> Self {
        let mut text = Vec::with_capacity(key.len());
        escape_into(key, &mut text);
        Self::of_items(text, key.iter().map(|&byte| Item::One(ByteSet::one(byte))).collect(), Vec::new())
    }

    fn of_items(text: Vec<u8>, items: Vec<Item>, captures: Vec<Capture>) -> Self {
        let is_certain = |item: &&Item| literal(item).is_some();
        let literal_len = items.iter().take_while(is_certain).count();
        let (segments, tail) = divide(&items, &captures);
        Self(Arc::new(Parts {
            text: text.into(),
            items: items.into(),
            captures: captures.into(),
            segments: segments.into(),
            tail,
            literal_len,
        }))
    }

    /// As it is spelled, needless escapes and stars aside.
    pub fn text(&self) -> &[u8] {
        &self.0.text
    }

    /// The names of its captures, in order.
    pub fn captures(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.captures.iter().map(|capture| &*capture.name)
    }

    /// The number of a capture.
    pub fn capture(&self, name: &str) -> Option<usize> {
        self.0.captures.iter().position(|capture| *capture.name == *name)
    }

    /// The one key that it matches, when there is only one.
    pub fn key(&self) -> Option<Vec<u8>> {
        (self.0.literal_len == self.0.items.len()).then(|| self.literal_prefix())
    }

    /// The bytes with which every match begins.
    pub fn literal_prefix(&self) -> Vec<u8> {
        self.0.items[..self.0.literal_len].iter().filter_map(literal).collect()
    }

    pub(crate) fn items(&self) -> &[Item] {
        &self.0.items
    }

    pub(crate) fn segments(&self) -> (&[Segment], Tail) {
        (&self.0.segments, self.0.tail)
    }

    /// The bytes of a literal segment.
    pub(crate) fn literal_of(&self, first: usize, end: usize) -> SmallVec<[u8; 24]> {
        self.0.items[first..end].iter().filter_map(literal).collect()
    }

    /// Whether a key matches.
    pub fn matches(&self, key: &[u8]) -> bool {
        let begins = |(item, byte): (&Item, &u8)| matches!(item, Item::One(set) if set.has(*byte));
        if key.len() < self.0.literal_len || !self.0.items[..self.0.literal_len].iter().zip(key).all(begins) {
            return false;
        }
        match (&self.0.items[self.0.literal_len..], &key[self.0.literal_len..]) {
            ([], rest) => rest.is_empty(),
            ([Item::Many(ByteSet::ALL)], _) => true,
            (items, rest) => simulate(items, rest),
        }
    }

    /// Where the captures of a matching key are; None when the key does not match. Where a key can be read in several
    /// ways (`<a>-<b>`), each capture from the left takes as much as it can.
    pub fn capture_places(&self, key: &[u8]) -> Option<Captured> {
        if self.0.captures.is_empty() {
            return self.matches(key).then(Captured::new);
        }
        if !matches!(self.0.tail, Tail::Items(_)) {
            return self.places_by_segment(key);
        }
        self.places_by_items(key)
    }

    /// The common shape: captures end where segments do.
    fn places_by_segment(&self, key: &[u8]) -> Option<Captured> {
        let (mut places, mut at) = (Captured::new(), 0);
        for (index, segment) in self.0.segments.iter().enumerate() {
            let rest = key.get(at..)?;
            let len = rest.iter().position(|&byte| byte == SEPARATOR).unwrap_or(rest.len());
            match *segment {
                Segment::Capture(_) if len == 0 => return None,
                Segment::Capture(_) => places.push(at..at + len),
                Segment::Literal { first, end } => {
                    let is_same = |(item, byte): (&Item, &u8)| literal(item) == Some(*byte);
                    if end - first != len || !self.0.items[first..end].iter().zip(rest).all(is_same) {
                        return None;
                    }
                }
            }
            let is_last = index + 1 == self.0.segments.len();
            match (is_last && self.0.tail == Tail::End, len == rest.len()) {
                (true, at_end) => return at_end.then_some(places),
                // A separator has to follow.
                (false, true) => return None,
                (false, false) => at += len + 1,
            }
        }
        Some(places)
    }

    /// Any shape: first which suffixes can still match, then the longest captures from the left.
    fn places_by_items(&self, key: &[u8]) -> Option<Captured> {
        let width = key.len() + 1;
        let mut fits = vec![false; (self.0.items.len() + 1) * width];
        fits[self.0.items.len() * width + key.len()] = true;
        for (index, item) in self.0.items.iter().enumerate().rev() {
            for at in (0..width).rev() {
                let goes_on =
                    |set: ByteSet, row: usize| at < key.len() && set.has(key[at]) && fits[row * width + at + 1];
                fits[index * width + at] = match *item {
                    Item::One(set) => goes_on(set, index + 1),
                    Item::Many(set) => fits[(index + 1) * width + at] || goes_on(set, index),
                };
            }
        }
        if !fits[0] {
            return None;
        }
        let (mut places, mut at) = (Captured::new(), 0);
        let mut captures = self.0.captures.iter().peekable();
        for (index, item) in self.0.items.iter().enumerate() {
            if captures.peek().is_some_and(|capture| capture.item == index) {
                captures.next();
                places.push(at..at);
            }
            match *item {
                Item::One(_) => at += 1,
                Item::Many(set) => {
                    let is_capture = set == ByteSet::IN_SEGMENT;
                    let taken = key[at..].iter().take_while(|&&byte| set.has(byte)).count();
                    let mut ends = at..=at + taken;
                    let fit = |end: &usize| fits[(index + 1) * width + *end];
                    at = if is_capture { ends.rev().find(fit)? } else { ends.find(fit)? };
                    if is_capture && let Some(place) = places.last_mut() {
                        place.end = at;
                    }
                }
            }
        }
        Some(places)
    }
}

/// The one byte that an item takes, when there is one.
fn literal(item: &Item) -> Option<u8> {
    match item {
        Item::One(set) => set.only(),
        Item::Many(_) => None,
    }
}

/// The leading segments that are literal or a capture, and what follows.
fn divide(items: &[Item], captures: &[Capture]) -> (Vec<Segment>, Tail) {
    let (mut segments, mut at) = (Vec::new(), 0);
    loop {
        if items[at..] == [Item::Many(ByteSet::ALL)] {
            return (segments, Tail::Rest);
        }
        let ends = |end: usize| items.get(end).is_none_or(|item| literal(item) == Some(SEPARATOR));
        let (segment, end) = match captures.iter().position(|capture| capture.item == at) {
            Some(capture) => (Segment::Capture(capture), at + 2),
            None => {
                let is_plain = |item: &&Item| literal(item).is_some_and(|byte| byte != SEPARATOR);
                let end = at + items[at..].iter().take_while(is_plain).count();
                (Segment::Literal { first: at, end }, end)
            }
        };
        if !ends(end) {
            return (segments, Tail::Items(at));
        }
        segments.push(segment);
        if end == items.len() {
            return (segments, Tail::End);
        }
        at = end + 1;
    }
}

/// Follows all positions at once. A position is the number of the item that takes the next byte.
fn simulate(items: &[Item], text: &[u8]) -> bool {
    let words = items.len() / 64 + 1;
    let mut now: SmallVec<[u64; 4]> = SmallVec::from_elem(0, words);
    let mut next = now.clone();
    reach(items, 0, &mut now);
    for &byte in text {
        next.fill(0);
        advance(items, &now, byte, &mut next);
        if next.iter().all(|&bits| bits == 0) {
            return false;
        }
        std::mem::swap(&mut now, &mut next);
    }
    now[items.len() / 64] >> (items.len() % 64) & 1 == 1
}

/// Adds the positions that a byte leads to.
fn advance(items: &[Item], from: &[u64], byte: u8, to: &mut [u64]) {
    for (word, &bits) in from.iter().enumerate() {
        let mut bits = bits;
        while bits != 0 {
            let at = word * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            match items.get(at) {
                Some(Item::One(set)) if set.has(byte) => reach(items, at + 1, to),
                Some(Item::Many(set)) if set.has(byte) => reach(items, at, to),
                _ => {}
            }
        }
    }
}

/// Notes a position, and those behind items that may take nothing.
fn reach(items: &[Item], mut at: usize, positions: &mut [u64]) {
    loop {
        let bit = 1 << (at % 64);
        if positions[at / 64] & bit != 0 {
            return;
        }
        positions[at / 64] |= bit;
        match items.get(at) {
            Some(Item::Many(_)) => at += 1,
            _ => return,
        }
    }
}
