//! Walking a list: indices resolved to nodes, and runs of elements in either direction.
//!
//! An element is reached through the nodes' counts from the nearer end, then inside its node from
//! the nearer end; from there on each step is one decode.

use super::node::Node;
use super::{List, Repr};
use crate::backlen;
use crate::packed::{self, Element};

impl List {
    #[inline]
    fn node(&self, index: usize) -> Option<&Node> {
        match &self.repr {
            Repr::Listpack(node) => (index == 0).then_some(node),
            Repr::Quicklist { nodes, .. } => nodes.get(index),
        }
    }

    /// An index as commands give it, negative from the tail, as one from the head.
    pub(super) fn resolve(&self, index: i64) -> Option<usize> {
        let len = self.len();
        let index = if index < 0 {
            len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
        } else {
            usize::try_from(index).ok()?
        };
        (index < len).then_some(index)
    }

    /// First index and number of elements of an inclusive range as commands give it.
    pub(super) fn resolve_range(&self, start: i64, stop: i64) -> (usize, usize) {
        let len = self.len() as i64;
        let from_head = |index: i64| if index < 0 { index + len } else { index };
        let (start, stop) = (from_head(start).max(0), from_head(stop).min(len - 1));
        if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
    }

    /// The node of the element at `index < len` and its index in the node.
    pub(super) fn locate(&self, index: usize) -> (usize, usize) {
        let Repr::Quicklist { nodes, len } = &self.repr else {
            return (0, index);
        };
        if index < len / 2 {
            let mut rest = index;
            for (at, node) in nodes.iter().enumerate() {
                if rest < node.count() {
                    return (at, rest);
                }
                rest -= node.count();
            }
        } else {
            let mut behind = len - index;
            for (at, node) in nodes.iter().enumerate().rev() {
                if behind <= node.count() {
                    return (at, node.count() - behind);
                }
                behind -= node.count();
            }
        }
        (nodes.len(), 0)
    }

    /// The element at an index, negative from the tail.
    pub fn get(&self, index: i64) -> Option<Element<'_>> {
        let (at, within) = self.locate(self.resolve(index)?);
        let node = self.node(at)?;
        Some(node.entry(node.offset_of(within))?.0)
    }

    /// The elements from `start` to `stop` inclusive, each negative from the tail, in order.
    pub fn range(&self, start: i64, stop: i64) -> Range<'_> {
        let (first, count) = self.resolve_range(start, stop);
        let mut range = Range { list: self, node: 0, rest: &[], plain: false, left: count };
        if count > 0 {
            let (at, within) = self.locate(first);
            range.node = at;
            if within > 0
                && let Some(node) = self.node(at)
            {
                // Only a packed node has an element that is not its first.
                range.rest = &node.bytes()[node.offset_of(within) - node.begin()..];
                range.node += 1;
            }
        }
        range
    }

    /// The elements from `stop` down to `start`, the reverse of [`Self::range`].
    pub fn range_rev(&self, start: i64, stop: i64) -> RangeRev<'_> {
        let (first, count) = self.resolve_range(start, stop);
        let mut range = RangeRev { list: self, nodes_left: 0, rest: &[], plain: false, left: count };
        if count > 0 {
            let (at, within) = self.locate(first + count - 1);
            range.nodes_left = at + 1;
            if let Some(node) = self.node(at).filter(|node| within + 1 < node.count()) {
                range.rest = &node.bytes()[..node.offset_of(within + 1) - node.begin()];
                range.nodes_left = at;
            }
        }
        range
    }

    /// All elements from head to tail.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, -1)
    }

    /// All elements from tail to head.
    pub fn iter_rev(&self) -> RangeRev<'_> {
        self.range_rev(0, -1)
    }
}

/// A run of elements towards the tail.
#[derive(Clone)]
pub struct Range<'a> {
    list: &'a List,
    /// The node to enter once `rest` is used up.
    node: usize,
    /// What of the current node is still to come.
    rest: &'a [u8],
    /// Whether `rest` is a plain node.
    plain: bool,
    left: usize,
}

impl Range<'_> {
    // Returns no element: one joined from two branches would go through memory.
    #[cold]
    fn enter(&mut self) -> bool {
        let Some(node) = self.list.node(self.node) else {
            return false;
        };
        self.node += 1;
        self.rest = node.bytes();
        self.plain = node.is_plain();
        true
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if self.rest.is_empty() && !self.enter() {
            return None;
        }
        if self.plain {
            return Some(Element::Bytes(std::mem::take(&mut self.rest)));
        }
        let (element, next) = packed::decode(self.rest, 0)?;
        self.rest = self.rest.get(next + backlen::size(next)..)?;
        Some(element)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Range<'_> {}

/// A run of elements towards the head.
#[derive(Clone)]
pub struct RangeRev<'a> {
    list: &'a List,
    /// Nodes before the current one.
    nodes_left: usize,
    /// What of the current node is still to come, from its end on.
    rest: &'a [u8],
    /// Whether `rest` is a plain node.
    plain: bool,
    left: usize,
}

impl RangeRev<'_> {
    #[cold]
    fn enter(&mut self) -> bool {
        let Some(before) = self.nodes_left.checked_sub(1) else {
            return false;
        };
        let Some(node) = self.list.node(before) else {
            return false;
        };
        self.nodes_left = before;
        self.rest = node.bytes();
        self.plain = node.is_plain();
        true
    }
}

impl<'a> Iterator for RangeRev<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if self.rest.is_empty() && !self.enter() {
            return None;
        }
        if self.plain {
            return Some(Element::Bytes(std::mem::take(&mut self.rest)));
        }
        let from = backlen::start_of_last(self.rest)?;
        let (element, _) = packed::decode(self.rest, from)?;
        self.rest = &self.rest[..from];
        Some(element)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RangeRev<'_> {}
