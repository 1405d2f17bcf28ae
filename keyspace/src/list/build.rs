//! A list on its way into the keyspace, with the nodes that it had elsewhere.

use std::collections::VecDeque;

use super::node::Node;
use super::{End, Limits, List, Repr, push_to_nodes};
use crate::db::Value;
use crate::object::Object;
use crate::packed::{Element, IntText};

/// A node of more bytes is dissolved: every edit of it would move them.
const NODE_BYTES_MAX: usize = 64 * 1024;

/// A list that no key holds yet.
pub struct NewList {
    nodes: VecDeque<Node>,
    len: usize,
    limits: Limits,
}

impl NewList {
    /// An empty list.
    pub fn new(limits: Limits) -> Self {
        Self { nodes: VecDeque::new(), len: 0, limits }
    }

    /// Adds an element at the tail, to the last node where that has room.
    pub fn push(&mut self, value: &[u8]) {
        push_to_nodes(&mut self.nodes, End::Back, value, self.limits);
        self.len += 1;
    }

    /// Adds elements at the tail as a node of their own. `bytes` is what they take with their back lengths, as well
    /// as the caller knows.
    pub fn push_node<'a>(&mut self, bytes: usize, elements: impl Iterator<Item = Element<'a>>) {
        if bytes > NODE_BYTES_MAX {
            return elements.for_each(|element| self.push(element.as_bytes(&mut IntText::default())));
        }
        let mut node = Node::with_capacity(bytes);
        elements.for_each(|element| node.push_element(element));
        self.len += node.count();
        if node.count() > 0 {
            self.nodes.push_back(node);
        }
    }

    /// The list as a value; None when it is empty, for which there is no value.
    pub fn into_value(mut self) -> Option<Value> {
        let first = self.nodes.front()?;
        let is_listpack = self.nodes.len() == 1
            && !first.is_plain()
            && !self.limits.outgrown(first.bytes().len(), first.count(), 0, 0);
        let repr = match self.nodes.pop_front() {
            Some(node) if is_listpack => Repr::Listpack(node),
            Some(node) => {
                self.nodes.push_front(node);
                Repr::Quicklist { nodes: self.nodes, len: self.len }
            }
            None => return None,
        };
        Some(Value::Object(Object::List(Box::new(List { repr, capture: None }))))
    }
}

/// A node as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum NodeView<'a> {
    /// Elements with their back lengths, as in a listpack between its head and its end, and their number.
    Packed(&'a [u8], usize),
    /// One value alone.
    Plain(&'a [u8]),
}

impl List {
    /// The nodes, head first.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeView<'_>> {
        let (one, many) = match &self.repr {
            Repr::Listpack(node) => (Some(node), None),
            Repr::Quicklist { nodes, .. } => (None, Some(nodes)),
        };
        let count = many.map_or(1, VecDeque::len);
        (0..count).map(move |at| {
            let node = one.or_else(|| many?.get(at)).expect("as many nodes as were counted");
            if node.is_plain() { NodeView::Plain(node.bytes()) } else { NodeView::Packed(node.bytes(), node.count()) }
        })
    }
}
