//! Which of many patterns match a key: an immutable trie over segments, with a wildcard index.
//!
//! Segments that are literal are found by a hash of their bytes and their parent, all in one table; a capture is one
//! more child; `*` at the end is a list at its node. Whatever else a pattern holds goes into a trie over bytes that
//! begins at the node where the plain segments end ([`globs`]). Each node is visited at most once for a key, so a look
//! never costs more than the patterns have parts, and for patterns of segments only some nanoseconds for each segment.

mod globs;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::pattern::{Pattern, SEPARATOR, Segment, Tail};
use globs::Globs;

/// Numbers of patterns, in no order.
pub type Found = SmallVec<[u32; 8]>;

const NONE: u32 = u32::MAX;

/// See the module's head.
#[derive(Debug, Default)]
pub struct Index {
    /// Open addressing, half full.
    slots: Box<[Slot]>,
    nodes: Box<[Node]>,
    /// Patterns, in runs that nodes point to.
    ids: Box<[u32]>,
    /// Literal segments of more than eight bytes.
    texts: Box<[u8]>,
    globs: Globs,
}

/// An edge to a child by a literal segment.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Slot {
    /// The first eight bytes, zeros behind a shorter one.
    head: u64,
    parent: u32,
    child: u32,
    len: u32,
    /// In `texts`, when it is longer.
    text: u32,
}

const FREE: Slot = Slot { head: 0, parent: NONE, child: NONE, len: 0, text: 0 };

/// Some of a list; of patterns, a single one stands in place of where it would be found.
#[derive(Clone, Copy, Default, Debug)]
struct Run {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Whether there are children by literal segments.
    has_literals: bool,
    /// The child that any segment with bytes leads to.
    capture: u32,
    /// The root of the byte trie that begins here.
    globs: u32,
    /// Patterns that match whatever follows.
    rests: Run,
    /// Patterns whose last segment leads here.
    ends: Run,
}

/// A segment of a key, as far as it can be compared at once.
struct Head {
    len: usize,
    /// See [`Slot::head`].
    head: u64,
    hash: u64,
}

impl Index {
    /// The index of some patterns; they are called by their numbers.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Self {
        let mut builder = Builder::default();
        builder.add_node();
        for (id, pattern) in patterns.into_iter().enumerate() {
            builder.insert(id as u32, pattern);
        }
        builder.finish()
    }

    /// Adds the numbers of all patterns that match a key.
    #[inline]
    pub fn matches(&self, key: &[u8], found: &mut Found) {
        if !self.nodes.is_empty() {
            self.walk(0, key, 0, found);
        }
    }

    fn walk(&self, mut node: u32, key: &[u8], mut at: usize, found: &mut Found) {
        loop {
            let here = &self.nodes[node as usize];
            self.add(here.rests, found);
            if here.globs != NONE {
                self.globs.matches(here.globs, &key[at..], found);
            }
            let segment = scan(key, at);
            let end = at + segment.len;
            let literal = if here.has_literals { self.find(node, &segment, &key[at..end]) } else { NONE };
            let capture = if segment.len > 0 { here.capture } else { NONE };
            if end == key.len() {
                for child in [literal, capture].into_iter().filter(|&child| child != NONE) {
                    self.add(self.nodes[child as usize].ends, found);
                }
                return;
            }
            at = end + 1;
            node = match (literal, capture) {
                (NONE, NONE) => return,
                (NONE, only) | (only, NONE) => only,
                (literal, capture) => {
                    self.walk(capture, key, at, found);
                    literal
                }
            };
        }
    }

    #[inline]
    fn add(&self, run: Run, found: &mut Found) {
        match run.len {
            0 => {}
            1 => found.push(run.start),
            len => found.extend_from_slice(&self.ids[run.start as usize..][..len as usize]),
        }
    }

    #[inline]
    fn find(&self, parent: u32, segment: &Head, text: &[u8]) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = place(parent, segment.hash) & mask;
        loop {
            let slot = &self.slots[at];
            if slot.child == NONE {
                return NONE;
            }
            let is_it = slot.head == segment.head && slot.parent == parent && slot.len as usize == segment.len;
            if is_it && (segment.len <= 8 || self.texts[slot.text as usize..][..segment.len] == *text) {
                return slot.child;
            }
            at = (at + 1) & mask;
        }
    }
}

#[inline]
fn place(parent: u32, hash: u64) -> usize {
    ((hash ^ u64::from(parent).wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

/// The segment that begins at a byte of a key, eight bytes at a time.
#[inline]
fn scan(key: &[u8], at: usize) -> Head {
    let (mut end, mut head, mut hash) = (at, 0, 0u64);
    loop {
        let word = load(key, end);
        let len = separator(word).min(key.len() - end).min(8);
        let word = if len < 8 { word & !(u64::MAX << (len * 8)) } else { word };
        if end == at {
            head = word;
        }
        hash = (hash ^ word).wrapping_mul(0xA076_1D64_78BD_642F).rotate_left(29) ^ len as u64;
        end += len;
        if len < 8 {
            return Head { len: end - at, head, hash };
        }
    }
}

/// Up to eight bytes of a key, zeros behind its end.
#[inline]
fn load(key: &[u8], at: usize) -> u64 {
    let rest = &key[at..];
    if let Some(&word) = rest.first_chunk() {
        return u64::from_le_bytes(word);
    }
    match key.last_chunk() {
        Some(&last) => u64::from_le_bytes(last).checked_shr(64 - rest.len() as u32 * 8).unwrap_or(0),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// How many bytes of a word come before the first separator; 8: there is none.
#[inline]
fn separator(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = word ^ (ONES * SEPARATOR as u64);
    let found = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
    found.trailing_zeros() as usize / 8
}

/// Makes an index, pattern by pattern.
#[derive(Default)]
struct Builder {
    nodes: Vec<BuiltNode>,
    children: std::collections::HashMap<(u32, Box<[u8]>), u32>,
    globs: globs::Builder,
}

#[derive(Default)]
struct BuiltNode {
    has_literals: bool,
    capture: Option<u32>,
    globs: Option<u32>,
    rests: Vec<u32>,
    ends: Vec<u32>,
}

impl Builder {
    fn add_node(&mut self) -> u32 {
        self.nodes.push(BuiltNode::default());
        self.nodes.len() as u32 - 1
    }

    fn insert(&mut self, id: u32, pattern: &Pattern) {
        let (segments, tail) = pattern.segments();
        let mut node = 0;
        for segment in segments {
            node = match *segment {
                Segment::Literal { first, end } => self.literal_child(node, &pattern.literal_of(first, end)),
                Segment::Capture(_) => self.capture_child(node),
            };
        }
        match tail {
            Tail::End => self.nodes[node as usize].ends.push(id),
            Tail::Rest => self.nodes[node as usize].rests.push(id),
            Tail::Items(first) => {
                let root = match self.nodes[node as usize].globs {
                    Some(root) => root,
                    None => *self.nodes[node as usize].globs.insert(self.globs.add_node()),
                };
                self.globs.insert(root, id, &pattern.items()[first..]);
            }
        }
    }

    fn literal_child(&mut self, parent: u32, text: &[u8]) -> u32 {
        if let Some(&child) = self.children.get(&(parent, text.into())) {
            return child;
        }
        let child = self.add_node();
        self.nodes[parent as usize].has_literals = true;
        self.children.insert((parent, text.into()), child);
        child
    }

    fn capture_child(&mut self, parent: u32) -> u32 {
        if let Some(child) = self.nodes[parent as usize].capture {
            return child;
        }
        let child = self.add_node();
        self.nodes[parent as usize].capture = Some(child);
        child
    }

    fn finish(self) -> Index {
        let (mut ids, mut texts) = (Vec::new(), Vec::new());
        let mut run = |list: &[u32]| {
            if let [only] = *list {
                return Run { start: only, len: 1 };
            }
            let start = ids.len() as u32;
            ids.extend_from_slice(list);
            Run { start, len: list.len() as u32 }
        };
        let nodes = self.nodes.iter().map(|node| Node {
            has_literals: node.has_literals,
            capture: node.capture.unwrap_or(NONE),
            globs: node.globs.unwrap_or(NONE),
            rests: run(&node.rests),
            ends: run(&node.ends),
        });
        let nodes = nodes.collect();
        let mut slots = vec![FREE; (self.children.len() * 2 + 1).next_power_of_two()].into_boxed_slice();
        let mask = slots.len() - 1;
        for ((parent, text), child) in &self.children {
            let segment = scan(text, 0);
            let mut at = place(*parent, segment.hash) & mask;
            while slots[at].child != NONE {
                at = (at + 1) & mask;
            }
            slots[at] = Slot {
                head: segment.head,
                parent: *parent,
                child: *child,
                len: segment.len as u32,
                text: texts.len() as u32,
            };
            if text.len() > 8 {
                texts.extend_from_slice(text);
            }
        }
        Index { slots, nodes, ids: ids.into(), texts: texts.into(), globs: self.globs.finish() }
    }
}
