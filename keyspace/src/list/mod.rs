//! The list: a deque of nodes, each a compact run of elements.
//!
//! A small list is one node and nothing else ("listpack"); one that outgrows the limits is a deque
//! of nodes ("quicklist"). Which of the two it is follows Redis to the element, since clients see
//! it: a listpack converts when the values about to be added would exceed the limits, a quicklist
//! converts back when one node is left and that is at most half full.
//!
//! Invariants: a quicklist has no empty node, and its `len` is the sum of its nodes' counts. Only
//! a quicklist has plain nodes. A list without elements is a listpack.

mod build;
mod capture;
mod edit;
mod keys;
mod limits;
mod node;
mod range;
mod search;
#[cfg(test)]
mod tests;

pub use build::{NewList, NodeView};
pub(crate) use capture::KeptNode;
pub use edit::Side;
pub use keys::ListMut;
pub use limits::Limits;
pub use node::End;
pub use range::{Range, RangeRev};

use crate::packed::{Element, IntText};
use crate::snapshot::CaptureSlot;
use node::{Growth, Node, size_class};
use smallvec::SmallVec;
use std::collections::VecDeque;

/// A listpack converts at this size at the latest: offsets in a node are u32.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// An element that left the list.
pub type Popped = SmallVec<[u8; 64]>;

/// Redis's list type.
pub struct List {
    repr: Repr,
    capture: CaptureSlot,
}

#[derive(Clone)]
enum Repr {
    Listpack(Node),
    Quicklist { nodes: VecDeque<Node>, len: usize },
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// A list without elements; it owns no memory yet.
    pub fn new() -> Self {
        Self { repr: Repr::Listpack(Node::with_capacity(0)), capture: None }
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Listpack(node) => node.count(),
            Repr::Quicklist { len, .. } => *len,
        }
    }

    /// Whether the list has no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name that OBJECT ENCODING gives.
    pub fn encoding(&self) -> &'static str {
        match self.repr {
            Repr::Listpack(_) => "listpack",
            Repr::Quicklist { .. } => "quicklist",
        }
    }

    /// How many allocations go with the list, roughly: what dropping it costs.
    pub fn free_effort(&self) -> usize {
        match &self.repr {
            Repr::Listpack(_) => 1,
            Repr::Quicklist { nodes, .. } => nodes.len(),
        }
    }

    /// Bytes allocated beside the `List` itself.
    pub fn heap_bytes(&self) -> usize {
        match &self.repr {
            Repr::Listpack(node) => node.capacity(),
            Repr::Quicklist { nodes, .. } => {
                nodes.capacity() * size_of::<Node>() + nodes.iter().map(Node::capacity).sum::<usize>()
            }
        }
    }

    /// Bytes that the list takes in all.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.heap_bytes()
    }

    /// Adds an element at one end.
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8], limits: Limits) {
        self.adapt_to(value.len(), 1, limits);
        self.push_adapted(end, value, limits);
    }

    /// Adds elements at one end, one after the other, as one command does: the encoding is decided
    /// once for all of them.
    pub fn extend<'v, I>(&mut self, end: End, values: I, limits: Limits)
    where
        I: IntoIterator<Item = &'v [u8], IntoIter: Clone>,
    {
        let values = values.into_iter();
        if matches!(self.repr, Repr::Listpack(_)) {
            let add = |(len, count): (usize, usize), value: &[u8]| (len.saturating_add(value.len()), count + 1);
            let (len, count) = values.clone().fold((0, 0), add);
            self.adapt_to(len, count, limits);
        }
        for value in values {
            self.push_adapted(end, value, limits);
        }
    }

    /// Adds an element at the head.
    #[inline]
    pub fn push_front(&mut self, value: &[u8], limits: Limits) {
        self.push(End::Front, value, limits);
    }

    /// Adds an element at the tail.
    #[inline]
    pub fn push_back(&mut self, value: &[u8], limits: Limits) {
        self.push(End::Back, value, limits);
    }

    /// The element at one end.
    #[inline]
    pub fn peek(&self, end: End) -> Option<Element<'_>> {
        match (&self.repr, end) {
            (Repr::Listpack(node), _) => node.peek(end),
            (Repr::Quicklist { nodes, .. }, End::Front) => nodes.front()?.peek(end),
            (Repr::Quicklist { nodes, .. }, End::Back) => nodes.back()?.peek(end),
        }
    }

    /// The head.
    #[inline]
    pub fn front(&self) -> Option<Element<'_>> {
        self.peek(End::Front)
    }

    /// The tail.
    #[inline]
    pub fn back(&self) -> Option<Element<'_>> {
        self.peek(End::Back)
    }

    /// Takes the element at one end out after `read` has seen it in place, without a copy of it.
    #[inline]
    pub fn pop_with<R>(&mut self, end: End, limits: Limits, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        if self.capture.is_some() {
            self.keep_end(end);
        }
        let Repr::Quicklist { nodes, len } = &mut self.repr else {
            let Repr::Listpack(node) = &mut self.repr else {
                return None;
            };
            return node.pop_with(end, read);
        };
        let node = match end {
            End::Front => nodes.front_mut(),
            End::Back => nodes.back_mut(),
        }?;
        let result = if node.count() > 1 {
            node.pop_with(end, read)?
        } else {
            let result = read(node.peek(end)?);
            match end {
                End::Front => nodes.pop_front(),
                End::Back => nodes.pop_back(),
            };
            release_spare(nodes);
            result
        };
        *len -= 1;
        self.settle(limits);
        Some(result)
    }

    /// Takes the element at one end out.
    #[inline]
    pub fn pop(&mut self, end: End, limits: Limits) -> Option<Popped> {
        self.pop_with(end, limits, |element| Popped::from_slice(element.as_bytes(&mut IntText::default())))
    }

    /// Takes the head out.
    #[inline]
    pub fn pop_front(&mut self, limits: Limits) -> Option<Popped> {
        self.pop(End::Front, limits)
    }

    /// Takes the tail out.
    #[inline]
    pub fn pop_back(&mut self, limits: Limits) -> Option<Popped> {
        self.pop(End::Back, limits)
    }

    /// Converts a listpack that `count` more values of together `len` bytes would outgrow.
    #[inline]
    fn adapt_to(&mut self, len: usize, count: usize, limits: Limits) {
        if let Repr::Listpack(node) = &self.repr
            && limits.outgrown(node.bytes().len(), node.count(), len, count)
        {
            self.become_quicklist();
        }
    }

    #[cold]
    fn become_quicklist(&mut self) {
        if let Repr::Listpack(node) = &mut self.repr {
            let node = std::mem::replace(node, Node::with_capacity(0));
            let len = node.count();
            let nodes = if len == 0 { VecDeque::new() } else { VecDeque::from(vec![node]) };
            self.repr = Repr::Quicklist { nodes, len };
        }
    }

    /// Converts a quicklist that has shrunken enough, or is empty, to a listpack.
    #[inline]
    fn settle(&mut self, limits: Limits) {
        let Repr::Quicklist { nodes, .. } = &mut self.repr else {
            return;
        };
        if nodes.len() > 1 {
            return;
        }
        let fits = |node: &Node| !node.is_plain() && limits.shrunken(node.bytes().len(), node.count());
        if nodes.front().is_none_or(fits) {
            let mut node = nodes.pop_front().unwrap_or_else(|| Node::with_capacity(0));
            self.end_capture(&mut node);
            self.repr = Repr::Listpack(node);
        }
    }

    #[inline]
    fn push_adapted(&mut self, end: End, value: &[u8], limits: Limits) {
        if self.capture.is_some() {
            self.keep_end(end);
        }
        match &mut self.repr {
            Repr::Listpack(node) if node.bytes().len() + value.len() <= LISTPACK_BYTES_MAX => {
                node.push(end, value, Growth { bytes_max: limits.max_bytes(), both_ends: true });
            }
            Repr::Quicklist { nodes, len } => {
                push_to_nodes(nodes, end, value, limits);
                *len += 1;
            }
            Repr::Listpack(_) => {
                self.become_quicklist();
                self.push_adapted(end, value, limits);
            }
        }
    }
}

#[inline]
fn push_to_nodes(nodes: &mut VecDeque<Node>, end: End, value: &[u8], limits: Limits) {
    let growth = Growth { bytes_max: limits.max_bytes(), both_ends: nodes.len() == 1 };
    let node = match end {
        End::Front => nodes.front_mut(),
        End::Back => nodes.back_mut(),
    };
    let plain = limits.is_plain(value.len());
    if let Some(node) = node
        && !plain
        && !node.is_plain()
        && limits.admit(node.bytes().len(), node.count(), value.len())
    {
        return node.push(end, value, growth);
    }
    let mut node = if plain { Node::plain(value) } else { new_node(value.len(), limits) };
    if !plain {
        node.push(end, value, Growth { both_ends: false, ..growth });
    }
    match end {
        End::Front => nodes.push_front(node),
        End::Back => nodes.push_back(node),
    }
}

/// An empty node for the end of a quicklist, where more elements are likely to follow: a quarter
/// of its limit at once, which saves most of the moves while it fills.
#[cold]
fn new_node(len: usize, limits: Limits) -> Node {
    let first = if limits.fill < 0 { limits.max_bytes() / 4 } else { 0 };
    Node::with_capacity(first.max(size_class(len)))
}

/// Gives the deque's memory back when three quarters of it are unused.
fn release_spare(nodes: &mut VecDeque<Node>) {
    if nodes.capacity() > 16 && nodes.len() * 4 < nodes.capacity() {
        nodes.shrink_to(nodes.len() * 2);
    }
}
