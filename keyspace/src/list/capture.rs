//! The picture of a list, taken node by node.
//!
//! When it begins, every node of a quicklist gets its place; a node that the picture has, or that came later, has
//! none. Who is about to change a node copies it first, and a node that goes altogether is handed over.

use std::collections::VecDeque;
use std::sync::Arc;

use super::node::{End, Needle, Node};
use super::{List, Repr};
use crate::packed::Element;
use crate::snapshot::{CaptureSlot, Captured, Gathering, InCapture, Parts};

/// A node as it was, with its place in the list.
pub(crate) struct KeptNode {
    node: Node,
    place: u32,
}

/// Place, count with the plain flag, length.
const FLAT_HEAD_SIZE: usize = 12;
const FLAT_PLAIN: u32 = 1 << 31;

impl KeptNode {
    /// Its place among the nodes of the list.
    pub(crate) fn place(&self) -> u32 {
        self.place
    }

    /// Bytes that it occupies.
    pub(crate) fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.node.capacity()
    }

    /// Visits its elements in order until one fails.
    pub(crate) fn try_for_each<E>(&self, mut visit: impl FnMut(Element<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut at = self.node.begin();
        for _ in 0..self.node.count() {
            let Some((element, next)) = self.node.entry(at) else { break };
            visit(element)?;
            at = next;
        }
        Ok(())
    }

    /// Appends it as bytes.
    pub(crate) fn flatten(&self, to: &mut Vec<u8>) {
        let (bytes, plain) = (self.node.bytes(), if self.node.is_plain() { FLAT_PLAIN } else { 0 });
        for word in [self.place, self.node.count() as u32 | plain, bytes.len() as u32] {
            to.extend_from_slice(&word.to_ne_bytes());
        }
        to.extend_from_slice(bytes);
    }

    /// Reads back what `flatten` wrote; None at the end.
    pub(crate) fn unflatten(flat: &mut &[u8]) -> Option<Self> {
        let (head, rest) = flat.split_at_checked(FLAT_HEAD_SIZE)?;
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (bytes, rest) = rest.split_at_checked(word(8) as usize)?;
        *flat = rest;
        let node = Node::of_bytes(bytes, (word(4) & !FLAT_PLAIN) as usize, word(4) & FLAT_PLAIN != 0);
        Some(Self { node, place: word(0) })
    }
}

/// Copies a node that is about to change, unless the picture has it.
pub(super) fn keep(capture: &CaptureSlot, node: &mut Node) {
    if let (Some(capture), Some(place)) = (capture, node.place()) {
        let copy = Node::of_bytes(node.bytes(), node.count(), node.is_plain());
        capture.gathering.add(|parts| parts.push_node(KeptNode { node: copy, place }));
        node.clear_place();
    }
}

/// Hands a node over that left the list, unless the picture has it.
pub(super) fn keep_gone(capture: &CaptureSlot, mut node: Node) {
    if let (Some(capture), Some(place)) = (capture, node.place()) {
        node.clear_place();
        capture.gathering.add(|parts| parts.push_node(KeptNode { node, place }));
    }
}

/// Copies the nodes that an edit at node `at` may change.
pub(super) fn keep_around(capture: &CaptureSlot, nodes: &mut VecDeque<Node>, at: usize) {
    let (from, to) = (at.saturating_sub(1), (at + 3).min(nodes.len()));
    nodes.range_mut(from..to).for_each(|node| keep(capture, node));
}

impl List {
    #[cold]
    pub(super) fn keep_end(&mut self, end: End) {
        let Repr::Quicklist { nodes, .. } = &mut self.repr else { return };
        let node = match end {
            End::Front => nodes.front_mut(),
            End::Back => nodes.back_mut(),
        };
        if let Some(node) = node {
            keep(&self.capture, node);
        }
    }

    #[cold]
    pub(super) fn keep_around(&mut self, at: usize) {
        if let Repr::Quicklist { nodes, .. } = &mut self.repr {
            keep_around(&self.capture, nodes, at);
        }
    }

    #[cold]
    pub(super) fn keep_matches(&mut self, needle: &Needle<'_>) {
        if let Repr::Quicklist { nodes, .. } = &mut self.repr {
            let matching = nodes.iter_mut().filter(|node| node.place().is_some() && node.find(needle).is_some());
            matching.for_each(|node| keep(&self.capture, node));
        }
    }

    /// Ends the capture of a quicklist of which this node alone is left.
    pub(super) fn end_capture(&mut self, last: &mut Node) {
        keep(&self.capture, last);
        last.clear_place();
        if let Some(capture) = self.capture.take() {
            capture.gathering.finish();
        }
    }
}

impl Captured for List {
    fn begin_capture(&mut self, gathering: Arc<Gathering>) {
        match &mut self.repr {
            Repr::Listpack(node) => node.set_place(0),
            Repr::Quicklist { nodes, .. } => {
                nodes.iter_mut().enumerate().for_each(|(place, node)| node.set_place(place));
            }
        }
        self.capture = InCapture::slot(gathering);
        if let Repr::Listpack(_) = self.repr {
            self.capture_step(usize::MAX);
        }
    }

    fn capture_step(&mut self, bytes_max: usize) -> bool {
        let Some(mut capture) = self.capture.take() else { return true };
        let mut parts = Parts::default();
        let mut copy = |node: &mut Node| {
            if let Some(place) = node.place() {
                let copy = Node::of_bytes(node.bytes(), node.count(), node.is_plain());
                node.clear_place();
                parts.push_node(KeptNode { node: copy, place });
            }
            parts.bytes() >= bytes_max
        };
        let is_whole = match &mut self.repr {
            Repr::Listpack(node) => {
                copy(node);
                true
            }
            Repr::Quicklist { nodes, .. } => {
                let from = (capture.cursor as usize).min(nodes.len());
                match nodes.range_mut(from..).position(copy) {
                    Some(steps) => {
                        capture.cursor = (from + steps + 1) as u64;
                        false
                    }
                    None => {
                        // Nodes that went from the front may have moved others to before the cursor.
                        capture.cursor = 0;
                        nodes.iter().all(|node| node.place().is_none())
                    }
                }
            }
        };
        capture.gathering.give(parts);
        if is_whole {
            capture.gathering.finish();
        } else {
            self.capture = Some(capture);
        }
        is_whole
    }

    fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.capture.as_ref().map(|capture| &capture.gathering)
    }
}

/// A copy is in no picture.
impl Clone for List {
    fn clone(&self) -> Self {
        let mut repr = self.repr.clone();
        if let (Some(_), Repr::Quicklist { nodes, .. }) = (&self.capture, &mut repr) {
            nodes.iter_mut().for_each(Node::clear_place);
        }
        Self { repr, capture: None }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        while !self.capture_step(usize::MAX) {}
    }
}
