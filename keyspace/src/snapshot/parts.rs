//! Copies of a collection's parts.
//!
//! # Invariants
//! - `flat` is a row of `[length of a: u32][length of b: u32][extra: i64][a][b]`: a field with its value and deadline
//!   (0: none), a member, or a member with the bits of its score.
//! - Parts of a list are nodes, and have their place in the list.

use crate::export::Part;
use crate::hash::Field;
use crate::list::KeptNode;
use crate::packed::Element;

const HEAD_SIZE: usize = 16;

/// See the module's head.
#[derive(Default)]
pub(crate) struct Parts {
    flat: Vec<u8>,
    nodes: Vec<KeptNode>,
    node_bytes: usize,
}

/// What the parts in a flat row are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FlatKind {
    Fields,
    Members,
    Scored,
}

impl Parts {
    /// Bytes of the copies.
    pub(crate) fn bytes(&self) -> usize {
        self.flat.len() + self.node_bytes
    }

    fn push(&mut self, a: &[u8], b: &[u8], extra: i64) {
        self.flat.reserve(HEAD_SIZE + a.len() + b.len());
        self.flat.extend_from_slice(&(a.len() as u32).to_ne_bytes());
        self.flat.extend_from_slice(&(b.len() as u32).to_ne_bytes());
        self.flat.extend_from_slice(&extra.to_ne_bytes());
        self.flat.extend_from_slice(a);
        self.flat.extend_from_slice(b);
    }

    /// Copies a field of a hash.
    pub(crate) fn push_field(&mut self, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        self.push(field, value, deadline_ms.unwrap_or(0));
    }

    /// Copies a member of a set.
    pub(crate) fn push_member(&mut self, member: &[u8]) {
        self.push(member, &[], 0);
    }

    /// Copies a member of a sorted set.
    pub(crate) fn push_scored(&mut self, member: &[u8], score: f64) {
        self.push(member, &[], score.to_bits() as i64);
    }

    /// Adds a node of a list.
    pub(crate) fn push_node(&mut self, node: KeptNode) {
        self.node_bytes += node.memory_usage();
        self.nodes.push(node);
    }

    /// Adds the parts of another collection of parts.
    pub(super) fn append(&mut self, mut other: Self) {
        if self.flat.is_empty() {
            self.flat = other.flat;
        } else {
            self.flat.extend_from_slice(&other.flat);
        }
        self.nodes.append(&mut other.nodes);
        self.node_bytes += other.node_bytes;
    }

    /// The flat row, as it is.
    pub(super) fn flat(&self) -> &[u8] {
        &self.flat
    }

    /// The nodes, in no order.
    pub(super) fn into_nodes(self) -> Vec<KeptNode> {
        self.nodes
    }
}

/// Visits the parts of a flat row until one fails.
pub(super) fn try_for_each_flat<E>(
    kind: FlatKind,
    mut flat: &[u8],
    mut visit: impl FnMut(Part<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let word = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().unwrap_or_default()) as usize;
    while let Some((head, rest)) = flat.split_at_checked(HEAD_SIZE) {
        let (a_len, b_len) = (word(&head[..4]), word(&head[4..8]));
        let extra = i64::from_ne_bytes(head[8..].try_into().unwrap_or_default());
        let (a, rest) = rest.split_at(a_len);
        let (b, rest) = rest.split_at(b_len);
        flat = rest;
        visit(match kind {
            FlatKind::Members => Part::Element(Element::Bytes(a)),
            FlatKind::Scored => Part::Scored(Element::Bytes(a), f64::from_bits(extra as u64)),
            FlatKind::Fields => {
                let deadline_ms = (extra != 0).then_some(extra);
                Part::Field(Field { name: Element::Bytes(a), value: Element::Bytes(b), deadline_ms })
            }
        })?;
    }
    Ok(())
}
