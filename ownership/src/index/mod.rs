//! Which of many patterns match a key: an immutable trie over segments, with a wildcard index.
//!
//! Segments that are literal are found by a hash of all segments up to them, in one table whose slots hold the nodes that
//! they lead to; a capture is one more child; `*` at the end is a list at its node. Whatever else a pattern holds goes into a trie over bytes that
//! begins at the node where the plain segments end ([`globs`]). Each node is visited at most once for a key, so a look
//! never costs more than the patterns have parts, and for patterns of segments only some nanoseconds for each segment.
//! Where a slot is follows from the key alone, so that the processor fetches those of the next segments while it still
//! waits for the first.

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
    /// Open addressing, half full; with the nodes that literal segments lead to.
    slots: Box<[Slot]>,
    /// The root, and the nodes that captures lead to.
    nodes: Box<[Node]>,
    /// Patterns, in runs that nodes point to.
    ids: Box<[u32]>,
    /// Literal segments of more than eight bytes.
    texts: Box<[u8]>,
    globs: Globs,
}

/// An edge to a child by a literal segment.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Slot {
    /// The first eight bytes, zeros behind a shorter one.
    head: u64,
    /// The number of the node that it leads from.
    parent: u32,
    len: u32,
    /// In `texts`, when it is longer.
    text: u32,
    child: Node,
}

const FREE: Slot = Slot { head: 0, parent: NONE, len: 0, text: 0, child: NO_NODE };

/// Some of a list; of patterns, a single one stands in place of where it would be found.
#[derive(Clone, Copy, Default, Debug)]
struct Run {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Its number; `NONE`: there is none.
    id: u32,
    /// Whether there are children by literal segments.
    has_literals: bool,
    /// The place of the child that any segment with bytes leads to.
    capture: u32,
    /// The root of the byte trie that begins here.
    globs: u32,
    /// Patterns that match whatever follows.
    rests: Run,
    /// Patterns whose last segment leads here.
    ends: Run,
}

const NO_NODE: Node = Node {
    id: NONE,
    has_literals: false,
    capture: NONE,
    globs: NONE,
    rests: Run { start: 0, len: 0 },
    ends: Run { start: 0, len: 0 },
};

/// The hash of the way to the root, and what a capture adds to one.
const ROOT: u64 = 0xD6E8_FEB8_6659_FD93;
const CAPTURE: u64 = 0x8EBC_6AF0_9C88_C6E3;

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
        if let Some(root) = self.nodes.first() {
            self.walk(root, ROOT, key, 0, found);
        }
    }

    fn walk<'i>(&'i self, mut here: &'i Node, mut way: u64, key: &[u8], mut at: usize, found: &mut Found) {
        loop {
            self.add(here.rests, found);
            if here.globs != NONE {
                self.globs.matches(here.globs, &key[at..], found);
            }
            let segment = scan(key, at);
            let end = at + segment.len;
            let longer = longer(way, segment.hash);
            let literal = if here.has_literals { self.find(here.id, longer, &segment, &key[at..end]) } else { None };
            let has_capture = segment.len > 0 && here.capture != NONE;
            let capture = if has_capture { Some(&self.nodes[here.capture as usize]) } else { None };
            if end == key.len() {
                for child in [literal, capture].into_iter().flatten() {
                    self.add(child.ends, found);
                }
                return;
            }
            at = end + 1;
            (here, way) = match (literal, capture) {
                (None, None) => return,
                (Some(literal), None) => (literal, longer),
                (None, Some(capture)) => (capture, self::longer(way, CAPTURE)),
                (Some(literal), Some(capture)) => {
                    self.walk(capture, self::longer(way, CAPTURE), key, at, found);
                    (literal, longer)
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
    fn find(&self, parent: u32, way: u64, segment: &Head, text: &[u8]) -> Option<&Node> {
        let mask = self.slots.len() - 1;
        let mut at = place(way) & mask;
        loop {
            let slot = &self.slots[at];
            if slot.child.id == NONE {
                return None;
            }
            let is_it = slot.head == segment.head && slot.parent == parent && slot.len as usize == segment.len;
            if is_it && (segment.len <= 8 || self.texts[slot.text as usize..][..segment.len] == *text) {
                return Some(&slot.child);
            }
            at = (at + 1) & mask;
        }
    }
}

/// The hash of a way with one more step.
#[inline]
fn longer(way: u64, step: u64) -> u64 {
    (way.rotate_left(23) ^ step).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[inline]
fn place(way: u64) -> usize {
    (way >> 32) as usize
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
        // Only the root and what captures lead to is looked up by its place.
        let mut places = vec![NONE; self.nodes.len()];
        let kept = std::iter::once(0).chain(self.nodes.iter().filter_map(|node| node.capture));
        let kept: Vec<u32> = kept.collect();
        kept.iter().enumerate().for_each(|(place, &id)| places[id as usize] = place as u32);
        let all = self.nodes.iter().enumerate().map(|(id, node)| Node {
            id: id as u32,
            has_literals: node.has_literals,
            capture: node.capture.map_or(NONE, |child| places[child as usize]),
            globs: node.globs.unwrap_or(NONE),
            rests: run(&node.rests),
            ends: run(&node.ends),
        });
        let all: Vec<Node> = all.collect();
        let ways = self.ways();
        let mut slots = vec![FREE; (self.children.len() * 2 + 1).next_power_of_two()].into_boxed_slice();
        let mask = slots.len() - 1;
        for ((parent, text), child) in &self.children {
            let segment = scan(text, 0);
            let mut at = place(ways[*child as usize]) & mask;
            while slots[at].child.id != NONE {
                at = (at + 1) & mask;
            }
            slots[at] = Slot {
                head: segment.head,
                parent: *parent,
                child: all[*child as usize],
                len: segment.len as u32,
                text: texts.len() as u32,
            };
            if text.len() > 8 {
                texts.extend_from_slice(text);
            }
        }
        let nodes = kept.into_iter().map(|id| all[id as usize]).collect();
        Index { slots, nodes, ids: ids.into(), texts: texts.into(), globs: self.globs.finish() }
    }

    /// The hash of the way to each node. A child's number is larger than its parent's.
    fn ways(&self) -> Vec<u64> {
        let mut ways = vec![ROOT; self.nodes.len()];
        let literal = self.children.iter().map(|((parent, text), child)| (*child, *parent, scan(text, 0).hash));
        let captures = self.nodes.iter().enumerate().filter_map(|(id, node)| Some((node.capture?, id as u32, CAPTURE)));
        let mut steps: Vec<(u32, u32, u64)> = literal.chain(captures).collect();
        steps.sort_unstable();
        for (child, parent, step) in steps {
            ways[child as usize] = longer(ways[parent as usize], step);
        }
        ways
    }
}
