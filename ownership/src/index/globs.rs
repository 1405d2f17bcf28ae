//! The wildcard index: a trie over the items of patterns. All its positions are followed at once, byte by byte, so
//! that patterns which begin alike cost once, and no pattern is tried again from another place.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::{Found, Run};
use crate::pattern::{ByteSet, Item};

#[derive(Debug, Default)]
pub(super) struct Globs {
    nodes: Box<[Node]>,
    /// Children by one certain byte, ascending in each run.
    bytes: Box<[(u8, u32)]>,
    /// Children by a byte of a set.
    sets: Box<[(ByteSet, u32)]>,
    /// Children by any number of bytes of their set.
    loops: Box<[u32]>,
    ids: Box<[u32]>,
}

#[derive(Debug)]
struct Node {
    /// Bytes that lead from here to here.
    stays: ByteSet,
    bytes: Run,
    sets: Run,
    loops: Run,
    ends: Run,
}

type Positions = SmallVec<[u32; 16]>;

impl Globs {
    /// Adds the patterns below a root that match a text.
    pub(super) fn matches(&self, root: u32, text: &[u8], found: &mut Found) {
        let (mut now, mut next) = (Positions::new(), Positions::new());
        self.reach(root, &mut now);
        for &byte in text {
            next.clear();
            for &at in &now {
                let node = &self.nodes[at as usize];
                if node.stays.has(byte) {
                    self.reach(at, &mut next);
                }
                let bytes = of(&self.bytes, node.bytes);
                if let Ok(place) = bytes.binary_search_by_key(&byte, |child| child.0) {
                    self.reach(bytes[place].1, &mut next);
                }
                for (_, child) in of(&self.sets, node.sets).iter().filter(|(set, _)| set.has(byte)) {
                    self.reach(*child, &mut next);
                }
            }
            if next.is_empty() {
                return;
            }
            // A node that stays may be entered anew at the same byte.
            if next.len() > 1 {
                next.sort_unstable();
                next.dedup();
            }
            std::mem::swap(&mut now, &mut next);
        }
        for &at in &now {
            found.extend_from_slice(of(&self.ids, self.nodes[at as usize].ends));
        }
    }

    fn reach(&self, node: u32, positions: &mut Positions) {
        positions.push(node);
        for &child in of(&self.loops, self.nodes[node as usize].loops) {
            self.reach(child, positions);
        }
    }
}

fn of<T>(all: &[T], run: Run) -> &[T] {
    &all[run.start as usize..][..run.len as usize]
}

#[derive(Default)]
pub(super) struct Builder {
    nodes: Vec<BuiltNode>,
}

struct BuiltNode {
    stays: ByteSet,
    bytes: BTreeMap<u8, u32>,
    sets: Vec<(ByteSet, u32)>,
    loops: Vec<u32>,
    ends: Vec<u32>,
}

impl Builder {
    pub(super) fn add_node(&mut self) -> u32 {
        self.add(ByteSet::EMPTY)
    }

    fn add(&mut self, stays: ByteSet) -> u32 {
        let (bytes, sets, loops, ends) = Default::default();
        self.nodes.push(BuiltNode { stays, bytes, sets, loops, ends });
        self.nodes.len() as u32 - 1
    }

    pub(super) fn insert(&mut self, root: u32, id: u32, items: &[Item]) {
        let node = items.iter().fold(root, |node, item| self.child(node, *item));
        self.nodes[node as usize].ends.push(id);
    }

    fn child(&mut self, parent: u32, item: Item) -> u32 {
        let node = &self.nodes[parent as usize];
        let known = match item {
            Item::One(set) => match set.only() {
                Some(byte) => node.bytes.get(&byte).copied(),
                None => node.sets.iter().find(|(known, _)| *known == set).map(|&(_, child)| child),
            },
            Item::Many(set) => node.loops.iter().copied().find(|&child| self.nodes[child as usize].stays == set),
        };
        if let Some(child) = known {
            return child;
        }
        let child = self.add(if let Item::Many(set) = item { set } else { ByteSet::EMPTY });
        let node = &mut self.nodes[parent as usize];
        match item {
            Item::One(set) => match set.only() {
                Some(byte) => drop(node.bytes.insert(byte, child)),
                None => node.sets.push((set, child)),
            },
            Item::Many(_) => node.loops.push(child),
        }
        child
    }

    pub(super) fn finish(self) -> Globs {
        let (mut bytes, mut sets, mut loops, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let nodes = self.nodes.iter().map(|node| Node {
            stays: node.stays,
            bytes: append(&mut bytes, node.bytes.iter().map(|(&byte, &child)| (byte, child))),
            sets: append(&mut sets, node.sets.iter().copied()),
            loops: append(&mut loops, node.loops.iter().copied()),
            ends: append(&mut ids, node.ends.iter().copied()),
        });
        let nodes = nodes.collect();
        Globs { nodes, bytes: bytes.into(), sets: sets.into(), loops: loops.into(), ids: ids.into() }
    }
}

fn append<T>(all: &mut Vec<T>, some: impl Iterator<Item = T>) -> Run {
    let start = all.len() as u32;
    all.extend(some);
    Run { start, len: all.len() as u32 - start }
}
